"""The grammar of updates: SET, REMOVE, ADD and DELETE, each once, in any order.

Source: Amazon DynamoDB Developer Guide, "Using update expressions in DynamoDB".
"""

from . import lexer
from .reader import Reader, refusal
from .syntax import Action, Findings, Operand, Sum

SECTIONS = ("SET", "REMOVE", "ADD", "DELETE")


def read(kind: str, text: str) -> tuple[list[Action], list[str], Findings]:
    """The actions, the sections in their order, and what the rules look at. Raises Invalid for a syntax error."""
    reader = Reader(kind, text)
    actions: list[Action] = []
    sections: list[str] = []
    while True:
        if reader.next not in SECTIONS:
            raise reader.syntax_error()
        section = reader.advance().kind
        sections.append(section)
        actions.append(_action(reader, section))
        while reader.next == ",":
            reader.advance()
            actions.append(_action(reader, section))
        if reader.next == lexer.END:
            break
    return actions, sections, reader.found


def check_sections(kind: str, sections: list[str]) -> None:
    """Raises Invalid for the first section that comes again."""
    for index, section in enumerate(sections):
        if section in sections[:index]:
            raise refusal(kind, f'The "{section}" section can only be used once in an update expression;')


def _action(reader: Reader, section: str) -> Action:
    path = reader.path()
    if section == "SET":
        reader.expect("=")
        action = Action(section, path, _term(reader))
    elif section == "REMOVE":
        action = Action(section, path)
    else:
        action = Action(section, path, reader.value())
    reader.found.leaves.append(action)
    return action


def _term(reader: Reader) -> Operand:
    """An operand, or the sum or difference of two, perhaps in parentheses."""
    opened = 0
    while reader.next == "(":
        reader.advance()
        opened += 1
    term = reader.operand(parentheses=False)
    summed = False
    wrapped = False
    while True:
        if reader.next in ("+", "-") and not summed:
            operator = reader.advance().kind
            reader.found.operators += 1
            term = Sum(operator, term, reader.operand())
            summed, wrapped = True, False
        elif opened and reader.next == ")":
            reader.advance()
            opened -= 1
            if wrapped:
                raise reader.redundant_parentheses()
            wrapped = True
        elif opened:
            raise reader.syntax_error()
        else:
            return term
