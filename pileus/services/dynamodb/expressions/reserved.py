"""The words that expressions may not use as attribute names.

`reserved_words.json` is the list of Amazon DynamoDB Developer Guide, "Reserved words in DynamoDB" (573 words), taken
from the guide's published source (awsdocs/amazon-dynamodb-developer-guide, doc_source/ReservedWords.md).
"""

import json
from functools import cache
from importlib.resources import files


@cache
def words() -> frozenset[str]:
    """The reserved words, in capitals; the case of a name does not matter."""
    return frozenset(json.loads(files(__package__).joinpath("reserved_words.json").read_text()))


def is_reserved(name: str) -> bool:
    return name.upper() in words()
