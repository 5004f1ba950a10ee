"""An account of its own for every test, in one shared cloud."""

from typing import Any

import pytest

from tests.services.iam.accounts import Account


@pytest.fixture
def account(shared_cloud: Any) -> Account:
    return Account(shared_cloud)


@pytest.fixture
def iam(account: Account) -> Any:
    return account.root()
