"""The ledger of honesty is what the code says, and what the code says is sound."""

from pathlib import Path

import pytest

from pileus import ledger
from pileus.catalog import Catalog

CATALOG = Catalog()
OPERATIONS = [operation for service in CATALOG.values() for operation in service.operations.values()]


def test_the_printed_ledger_is_what_the_code_says():
    assert Path("docs/ledger.md").read_text() == ledger.as_markdown(), "run make format"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.service.name}-{operation.name}")
def test_every_operation_is_the_models_and_has_an_action_and_a_resource(operation):
    assert operation.name in operation.service.api.operation_names
    if operation.unconditional is None:
        assert operation.action.startswith(f"{operation.service.iam_prefix}:")
        assert callable(operation.resource)
    else:
        assert operation.unconditional.endswith("."), "say why no permission is needed, in a sentence"


@pytest.mark.parametrize("service", CATALOG)
def test_an_operation_that_is_refused_says_so_with_a_501(shared_cloud, service):
    refused = [entry for entry in ledger.entries(service) if entry.state == "refused"]
    for entry in refused[:3]:
        client = shared_cloud.client(service)
        method = next(
            name for name, operation in client.meta.method_to_api_mapping.items() if operation == entry.operation
        )
        from botocore.validate import ParamValidator

        # The gateway refuses before it reads the request: its members do not matter here.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ParamValidator, "validate", lambda self, params, shape: _Valid())
            # A REST client cannot make its path without them.
            located = service_members(client, entry.operation)
            with pytest.raises(client.exceptions.ClientError) as error:
                getattr(client, method)(**located)
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert f"{service}:{entry.operation}" in error.value.response["Error"]["Message"]


def service_members(client, operation):
    shape = client.meta.service_model.operation_model(operation).input_shape
    members = shape.members.items() if shape is not None else ()
    return {name: "some-name" for name, member in members if member.serialization.get("location") == "uri"}


class _Valid:
    def has_errors(self) -> bool:
        return False
