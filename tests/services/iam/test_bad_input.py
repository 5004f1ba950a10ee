"""Whatever is sent, the answer is an error of the caller's making: never a 500."""

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import ListShape, StructureShape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pileus.services.iam import iam as iam_service
from pileus.services.sts import sts as sts_service
from tests.services.iam.accounts import Account, allow, document, trusts

_TEXTS = st.one_of(
    st.sampled_from(
        [
            "bob",
            "g",
            "r",
            "p",
            "own",
            "/",
            "/a/",
            "v1",
            "*",
            "Active",
            "All",
            "user",
            "arn:aws:iam::aws:policy/AmazonSQSFullAccess",
            "arn:aws:iam::000000000000:user/bob",
            "arn:aws:iam::000000000000:role/r",
            "arn:aws:iam::000000000000:policy/p",
            "arn:aws:iam::000000000000:mfa/phone",
            "arn:aws:iam::000000000000:saml-provider/corp-with-name",
            "arn:::::",
            "arn:aws:iam::000000000000:policy/",
            "sqs:SendMessage",
            document(allow("sqs:*")),
            trusts({"AWS": "000000000000"}),
            '{"Version":"2012-10-17","Statement":[]}',
            "https://id.example.com",
            "autoscaling.amazonaws.com",
            "123456",
            "aaa.bbb.ccc",
            "PHg+",
        ]
    ),
    # What XML 1.0 cannot carry is the wire's matter.
    st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=30),
)


def values(shape, depth=0):
    if isinstance(shape, StructureShape):
        members = {name: values(member, depth + 1) for name, member in shape.members.items()}
        wanted = {name: member for name, member in members.items() if name in shape.required_members}
        return st.fixed_dictionaries(wanted, optional={n: m for n, m in members.items() if n not in wanted})
    if isinstance(shape, ListShape):
        return st.lists(values(shape.member, depth + 1), max_size=2)
    if shape.type_name == "boolean":
        return st.booleans()
    if shape.type_name in ("integer", "long"):
        return st.integers(-1, 100_000)
    if getattr(shape, "enum", None):
        return st.one_of(st.sampled_from(shape.enum), _TEXTS)
    return _TEXTS


@pytest.fixture(scope="module")
def furnished(shared_cloud):
    """An account with one of each, so that some guesses hit."""
    account = Account(shared_cloud)
    account.id = "000000000000"
    iam = account.root()
    account.user("bob", allow("sqs:*"))
    iam.create_group(GroupName="g")
    account.role("r", {"AWS": account.id})
    iam.create_policy(PolicyName="p", PolicyDocument=document(allow("sqs:*")))
    iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")
    return account


def operations():
    return [("iam", name) for name in sorted(iam_service.operations)] + [
        ("sts", name) for name in sorted(sts_service.operations)
    ]


@pytest.mark.parametrize(("service", "name"), operations(), ids=lambda value: value)
def test_nothing_sent_is_a_defect(furnished, service, name):
    client = furnished.root(service, config=Config(parameter_validation=False))
    shape = client.meta.service_model.operation_model(name).input_shape
    strategy = values(shape) if shape is not None else st.just({})

    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(strategy)
    def send(request):
        status = 200
        try:
            client._make_api_call(name, request)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert status < 500 or status == 501, request

    send()
