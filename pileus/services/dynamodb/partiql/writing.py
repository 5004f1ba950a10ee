"""INSERT, UPDATE and DELETE as the writes that they mean.

Source: DynamoDB Developer Guide, "PartiQL insert statements for DynamoDB", "PartiQL update statements", "PartiQL delete
statements" (the whole primary key must be fixed by the condition).
"""

from typing import Any

from pileus.service import Call

from ..errors import Invalid
from ..expressions import condition, update
from ..items.putting import Done, Plan, carry_out
from ..records import Keys, TableRecord
from ..values import Item, checked_item
from .statements import Statement, Test
from .wording import Words, conjuncts, equals, together

INCOMPLETE = "Where clause does not contain a mandatory equality on all key attributes"
KINDS = {"insert": "Put", "update": "Update", "delete": "Delete", "select": "ConditionCheck"}


def key_of(statement: Statement, keys: Keys) -> tuple[Item, list[Test]]:
    """The primary key that a condition fixes, and what else it asks. Raises Invalid."""
    key: Item = {}
    rest = []
    for test in conjuncts(statement.where):
        name = next((name for name in keys.names if name not in key and equals(test, name) is not None), None)
        if name is None:
            rest.append(test)
        else:
            value = equals(test, name)
            assert value is not None
            key[name] = value
    if len(key) != len(keys.names):
        raise Invalid(INCOMPLETE)
    return key, rest


def plan(table: TableRecord, statement: Statement, on_failure: str | None = None) -> Plan:
    """`on_failure`: ReturnValuesOnConditionCheckFailure."""
    more = {"ReturnValuesOnConditionCheckFailure": on_failure} if on_failure else {}
    keys = table.keys
    if statement.kind == "insert":
        assert statement.item is not None
        return Plan(more, None, item=checked_item(statement.item["M"]), is_new=True)
    key, rest = key_of(statement, keys)
    words = Words()
    there = Test("not", (Test("missing", ((keys.hash,),)),))
    tests = rest if statement.kind == "delete" else [there, *rest]
    wanted = together(tests)
    text = words.test(wanted) if wanted is not None else None
    asked = condition("WHERE", text, words.parameters()) if text is not None else None
    request: dict[str, Any] = {"Key": key, **more}
    if statement.kind != "update":
        return Plan(request, asked)
    changed = Words()
    said = changed.changes(statement)
    return Plan(request, asked, update=update(said, changed.parameters()), is_update=True)


def write(call: Call, table: TableRecord, statement: Statement, on_failure: str | None = None) -> tuple[Any, Done]:
    """What RETURNING asks for (None: nothing), and what was done. Raises DuplicateItem, ConditionalCheckFailed."""
    made = plan(table, statement, on_failure)
    done = carry_out(call, table, made)
    return _returned(statement, made, done), done


def _returned(statement: Statement, made: Plan, done: Done) -> Any:
    which, _, when = statement.returning.partition(" ")
    if not which:
        return None
    item = done.new if when == "new" else done.old.item if done.old is not None else None
    if item is None:
        return None
    if which == "all":
        return item
    return made.update.picked(item) if made.update is not None else None
