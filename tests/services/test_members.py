"""A parameter that is accepted and does nothing would be a lie: every member of every request is read somewhere."""

import re
from pathlib import Path
from typing import Any

import pytest

import pileus.services
from pileus.services.iam import iam
from pileus.services.sts import sts

# Who-am-I operations and paging read these through what they share.
NAMED_BY_KIND = {"UserName", "GroupName", "RoleName"}


def words_of(name: str) -> set[str]:
    folder = Path(pileus.services.__path__[0]) / name
    return {word for file in folder.glob("*.py") for word in re.findall(r'"(\w+)"', file.read_text())}


@pytest.mark.parametrize("service", [iam, sts], ids=lambda service: service.name)
def test_every_member_of_a_request_is_read_or_refused(service: Any) -> None:
    words = words_of(service.name) | NAMED_BY_KIND
    unread = {
        (name, member)
        for name, operation in service.operations.items()
        if operation.model.input is not None
        for member in operation.model.input.members
        if member not in words
    }
    assert unread == set()


@pytest.mark.parametrize("service", [iam, sts], ids=lambda service: service.name)
def test_what_is_refused_by_name_is_a_member_of_the_request(service: Any) -> None:
    for operation in service.operations.values():
        if operation.without:
            assert operation.without <= operation.model.input.members.keys(), operation.name
