"""A parameter that is accepted and does nothing would be a lie: every member of every request is read somewhere."""

import re
from pathlib import Path

import pileus.services.glacier
from pileus.services.glacier import glacier


def test_every_member_of_a_request_is_read_or_refused() -> None:
    folder = Path(pileus.services.glacier.__path__[0])
    words = {word for file in folder.glob("*.py") for word in re.findall(r'"(\w+)"', file.read_text())}
    shapes = [op.model.input for op in glacier.operations.values() if op.model.input is not None]
    unread = set()
    for shape in shapes:
        members = dict(shape.members)
        if "jobParameters" in members:
            members |= members["jobParameters"].shape.members
            members |= members["InventoryRetrievalParameters"].shape.members
        unread |= {name for name in members if name not in words}
    assert unread == set()


def test_all_operations_but_one_are_there() -> None:
    assert set(glacier.api.operation_names) - set(glacier.operations) == {"SetVaultNotifications"}
