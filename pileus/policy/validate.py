"""What AWS refuses when a policy is put in place, in its own words.

Sources: IAM User Guide, "Grammar of the IAM JSON policy language", "Troubleshoot IAM policies" and the pages "IAM JSON
policy elements"; Organizations User Guide, "SCP syntax"; for the words, the messages people report.
Sizes, and whether a principal exists, are the services' to check.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from pileus.policy.conditions import moment_of, network_of, number_of, operator_name
from pileus.policy.malformed import LEGACY, SYNTAX, MalformedPolicy
from pileus.policy.parse import VARIABLES_SINCE, Policy, PolicyKind, compile_policy
from pileus.policy.principals import ACCOUNT, PRINCIPAL_TYPES
from pileus.policy.wildcards import plain

VERSIONS = ("2008-10-17", VARIABLES_SINCE)
PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc")
TRUST_ACTIONS = (
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:tagsession",
    "sts:setsourceidentity",
    "sts:setcontext",
)
_DOCUMENT = {"Version", "Id", "Statement"}
_PAIRS = (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal"))
_STATEMENT = {"Sid", "Effect", "Condition"} | {name for pair in _PAIRS for name in pair}
_SID = re.compile(r"[0-9A-Za-z]*")
_VENDOR = re.compile(r"[A-Za-z0-9-]+")
_NAMED_PRINCIPAL = re.compile(
    r"arn:[a-z-]+:iam::\d{12}:(root|user/\S+|role/\S+)|arn:[a-z-]+:sts::\d{12}:(assumed-role/[^\s/]+/\S+|federated-user/\S+)"
)
_UNIQUE_ID = re.compile(r"A[A-Z0-9]{15,127}")
_PROVIDER_ARN = re.compile(r"arn:[a-z-]+:iam::\d{12}:(saml|oidc)-provider/\S+")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_VARIABLE = re.compile(r"\$\{[^{}]*\}")
_SCP_TYPE = "The provided policy document does not meet the requirements of the specified policy type."
_IDENTITY_KINDS = ("identity", "boundary", "session")


def validate(document: str, kind: PolicyKind, *, managed: bool = False, service: str = "") -> Policy:
    """The compiled policy, or MalformedPolicy. `managed` policies must be of the present version; `service` is the
    vendor that a resource's policy belongs to (its actions must be that service's)."""
    raw = _read(document)
    statements = _document(raw, managed)
    sids = [one["Sid"] for one in statements if one.get("Sid")]
    for statement in statements:
        _statement(statement, kind, service)
    if len(sids) != len(set(sids)):
        raise MalformedPolicy("Statement IDs (SID) in a single policy must be unique.")
    try:
        return compile_policy(document, kind)
    except RecursionError:
        raise MalformedPolicy(SYNTAX) from None


def _read(document: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise MalformedPolicy(SYNTAX)  # a name given twice
        return found

    try:
        raw = json.loads(document, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise MalformedPolicy(SYNTAX) from None
    if not isinstance(raw, dict):
        raise MalformedPolicy(SYNTAX)
    return raw


def _document(raw: dict[str, Any], managed: bool) -> list[dict[str, Any]]:
    if not raw.keys() <= _DOCUMENT or not isinstance(raw.get("Id", ""), str):
        raise MalformedPolicy(SYNTAX)
    if "Version" in raw and raw["Version"] not in VERSIONS:
        raise MalformedPolicy(SYNTAX)
    if managed and raw.get("Version") != VARIABLES_SINCE:
        raise MalformedPolicy(f"Policy document must be version {VARIABLES_SINCE} or greater.")
    statements = raw.get("Statement")
    listed = [statements] if isinstance(statements, dict) else statements
    if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
        raise MalformedPolicy(SYNTAX)
    return listed


def _statement(raw: dict[str, Any], kind: PolicyKind, service: str) -> None:
    if not raw.keys() <= _STATEMENT or any(name in raw and negated in raw for name, negated in _PAIRS):
        raise MalformedPolicy(SYNTAX)
    _sid(raw, kind)
    if "Effect" not in raw:
        raise MalformedPolicy("Missing required field Effect cannot be empty!")
    if raw["Effect"] not in ("Allow", "Deny"):
        raise MalformedPolicy(LEGACY)
    _principal(raw, kind)
    _actions(raw, kind, service)
    _resources(raw, kind)
    _conditions(raw.get("Condition", {}), kind)


def _sid(raw: dict[str, Any], kind: PolicyKind) -> None:
    sid = raw.get("Sid", "")
    if not isinstance(sid, str):
        raise MalformedPolicy(SYNTAX)
    if kind != "resource" and not _SID.fullmatch(sid):
        raise MalformedPolicy(
            "Statement IDs (SID) must be alpha-numeric. "
            "Check that your input satisfies the regular expression [0-9A-Za-z]*"
        )


def _texts(raw: dict[str, Any], pair: tuple[str, str]) -> list[str]:
    """The strings of the one of two elements that is there; empty when neither is or nothing is in it."""
    value = raw.get(pair[0], raw.get(pair[1], []))
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in listed):
        raise MalformedPolicy(SYNTAX)
    return listed


def _actions(raw: dict[str, Any], kind: PolicyKind, service: str) -> None:
    actions = _texts(raw, _PAIRS[0])
    if not actions:
        raise MalformedPolicy("Policy statement must contain actions.")
    for action in actions:
        _vendor(action)
        if kind == "trust" and not any(plain(action.lower())(known) for known in TRUST_ACTIONS):
            raise MalformedPolicy("AssumeRole policy may only specify STS AssumeRole actions.")
        if kind == "trust" and not action.lower().startswith("sts:"):
            raise MalformedPolicy("AssumeRole policy may only specify STS AssumeRole actions.")
        if service and action != "*" and action.lower().partition(":")[0] not in (service, "*"):
            raise MalformedPolicy(f"Vendor {action.partition(':')[0]} is not valid")


def _vendor(name: str) -> None:
    if name == "*":
        return
    vendor, colon, rest = name.partition(":")
    if not colon or not vendor or not rest:
        raise MalformedPolicy("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if ":" in rest:
        raise MalformedPolicy("Actions/Condition can contain only one colon.")
    if vendor != "*" and not _VENDOR.fullmatch(vendor):
        raise MalformedPolicy(f"Vendor {vendor} is not valid")


def _resources(raw: dict[str, Any], kind: PolicyKind) -> None:
    if kind == "trust":
        for name in _PAIRS[1]:
            if name in raw:
                raise MalformedPolicy(f"Has prohibited field {name}")
        return
    resources = _texts(raw, _PAIRS[1])
    if not resources:
        raise MalformedPolicy("Policy statement must contain resources.")
    for resource in resources:
        if resource != "*":
            _resource(resource)


def _resource(resource: str) -> None:
    """The five first parts of an ARN; a `*` at the end of one may stand for all that would follow."""
    parts = _VARIABLE.sub("*", resource).split(":", 5)
    if parts[0] != "arn" or len(parts) == 1:
        raise MalformedPolicy(f'Resource {resource} must be in ARN format or "*".')
    partition = parts[1]
    if not any(plain(partition)(known) for known in PARTITIONS):
        raise MalformedPolicy(f'Partition "{partition}" is not valid for resource "{_spelt_out(resource)}".')
    if len(parts) < 6 and not parts[-1].endswith("*"):
        raise MalformedPolicy(LEGACY)
    vendor = parts[2] if len(parts) > 2 else "*"
    if len(parts) == 6 and (not vendor or "*" in vendor or "?" in vendor):
        raise MalformedPolicy("Resource vendor must be fully qualified and cannot contain regexes.")
    account = parts[4] if len(parts) > 4 else ""
    if account and not re.fullmatch(r"[0-9*?]+|aws|aws-managed|aws-marketplace|cloudfront", account):
        raise MalformedPolicy(LEGACY)
    if account.isdigit() and not ACCOUNT.fullmatch(account):
        raise MalformedPolicy(LEGACY)
    if len(parts) == 6 and vendor == "iam" and parts[3] not in ("", "*"):
        raise MalformedPolicy(f"IAM resource {resource} cannot contain region information.")
    if len(parts) == 6 and not parts[5]:
        raise MalformedPolicy(LEGACY)


def _spelt_out(resource: str) -> str:
    """How the message writes an ARN that is too short: the parts it lacks are wildcards."""
    parts = resource.split(":", 5)
    return ":".join(parts + ["*"] * (6 - len(parts)))


def _conditions(block: Any, kind: PolicyKind) -> None:
    if not isinstance(block, dict):
        raise MalformedPolicy(SYNTAX)
    for operator, keys in block.items():
        name = operator_name(operator)
        if name is None or not isinstance(keys, dict):
            raise MalformedPolicy(SYNTAX)
        for key, values in keys.items():
            listed = values if isinstance(values, list) else [values]
            if not all(isinstance(value, str | bool | int | float) for value in listed):
                raise MalformedPolicy(SYNTAX)
            if ":" not in key and kind != "resource":
                raise MalformedPolicy("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
            _values(name.base, [str(value) for value in listed if not isinstance(value, bool)])


def _values(operator: str, values: Iterable[str]) -> None:
    """Dates, numbers and addresses nobody could compare with are refused: such a condition would never hold."""
    for value in values:
        if operator.startswith("date") and moment_of(value) is None:
            raise MalformedPolicy(LEGACY)
        if operator.startswith("numeric") and number_of(value) is None:
            raise MalformedPolicy(LEGACY)
        if operator.endswith("ipaddress") and network_of(value) is None:
            raise MalformedPolicy(LEGACY)
        if operator in ("bool", "null") and value.lower() not in ("true", "false") and not _VARIABLE.search(value):
            raise MalformedPolicy(SYNTAX)


def _principal(raw: dict[str, Any], kind: PolicyKind) -> None:
    there = "Principal" in raw or "NotPrincipal" in raw
    if kind in _IDENTITY_KINDS and there:
        raise MalformedPolicy("Policy document should not specify a principal.")
    if kind == "scp" and there:
        raise MalformedPolicy(_SCP_TYPE)
    if kind not in ("resource", "trust"):
        return
    if not there:
        raise MalformedPolicy("Missing required field Principal")
    if "NotPrincipal" in raw and kind == "trust":
        raise MalformedPolicy("Has prohibited field NotPrincipal")
    if "NotPrincipal" in raw and raw["Effect"] == "Allow":
        raise MalformedPolicy("Allow with a Non Principal is not allowed.")
    element = raw["Principal"] if "Principal" in raw else raw["NotPrincipal"]
    if element == "*":
        return
    if not isinstance(element, dict):
        raise MalformedPolicy(SYNTAX)
    named = 0
    for principal_type, names in element.items():
        listed = names if isinstance(names, list) else [names]
        if principal_type not in PRINCIPAL_TYPES or not all(isinstance(name, str) for name in listed):
            raise MalformedPolicy(f'Invalid principal in policy: "{principal_type.upper()}"')
        for name in listed:
            _named(principal_type, name)
        named += len(listed)
    if not named:
        raise MalformedPolicy(
            "Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: "
            "The passed in policy has a statement with no principals!"
        )


def _named(principal_type: str, name: str) -> None:
    if principal_type == "Federated":
        if not (_PROVIDER_ARN.fullmatch(name) or _DOMAIN.fullmatch(name)):
            raise MalformedPolicy("Federated principals must be valid domain names or SAML metadata ARNs")
        return
    if principal_type == "AWS":
        good = name == "*" or ACCOUNT.fullmatch(name) or _UNIQUE_ID.fullmatch(name)
        wild = "*" in name or "?" in name
        valid = bool(good or (_NAMED_PRINCIPAL.fullmatch(name) and not wild))
    elif principal_type == "Service":
        valid = bool(_DOMAIN.fullmatch(name))
    else:
        valid = bool(name)
    if not valid:
        shown = "SERVICE" if principal_type == "Service" else principal_type
        raise MalformedPolicy(f'Invalid principal in policy: "{shown}":"{name}"')
