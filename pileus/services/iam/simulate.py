"""The simulator's operations: what would these policies, or this user, group or role, be allowed to do?"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from pileus.base.errors import NotImplementedYet
from pileus.identity.account import controls
from pileus.identity.managed import find_policy
from pileus.identity.people import Group, User, find_group, find_user, groups_of
from pileus.identity.roles import Role, find_role
from pileus.policy import MalformedPolicy, Principal, compile_policy, principal_keys
from pileus.policy.conditions import binary_of, moment_of, network_of, number_of
from pileus.policy.principals import ACCOUNT
from pileus.service import Call

from .listing import page_of
from .service import InvalidInput, NoSuchEntity, Request, iam
from .simulation import Scene, Source, checked, given, result

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")
Carrier = User | Group | Role


def _account_of(arn: str) -> str:
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 else ""


def _identity_at(call: Call, arn: str) -> Carrier:
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "iam" or parts[4] != call.account:
        raise InvalidInput(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    kind, _, rest = parts[5].partition("/")
    name = rest.rpartition("/")[2]
    finders: dict[str, Any] = {"user": find_user, "group": find_group, "role": find_role}
    if kind not in finders or not name:
        raise InvalidInput(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    found: Carrier | None = finders[kind](call.tx, call.account, name)
    if found is None or found.arn != arn:
        raise NoSuchEntity(f"Entity {arn} cannot be found.")
    return found


def _kind_of(carrier: Carrier) -> str:
    return type(carrier).__name__.lower()


def _carried(call: Call, carrier: Carrier) -> list[Source]:
    """The policies of an identity, with those of its groups."""
    found = []
    for one in (carrier, *(groups_of(call.tx, carrier) if isinstance(carrier, User) else ())):
        kind = _kind_of(one)
        found += [Source(f"{kind}_{one.name}_{name}", kind, text) for name, text in one.inline.items()]
        for arn in one.attached:
            policy = find_policy(call.tx, arn)
            if policy is not None:
                kind_of_policy = "aws-managed" if policy.account == "aws" else "user-managed"
                found.append(Source(policy.name, kind_of_policy, policy.document, arn=policy.arn))
    return found


def _principal_of(carrier: Carrier) -> Principal:
    if isinstance(carrier, Role):
        return Principal("assumed-role", carrier.account, carrier.arn, carrier.id, role_arn=carrier.arn)
    return Principal("user", carrier.account, carrier.arn, carrier.id)


def _context(request: Request, principal: Principal, tags: dict[str, str]) -> dict[str, Any]:
    """What the request says, over what follows from the caller."""
    known: dict[str, Any] = dict(principal_keys(principal)) if principal.arn else {}
    known |= {f"aws:principaltag/{key.lower()}": value for key, value in tags.items()}
    for entry in request.get("ContextEntries", ()):
        known[entry.get("ContextKeyName", "").lower()] = _values(entry)
    return known


_READ: dict[str, Callable[[str], Any]] = {
    "string": str,
    "numeric": number_of,
    "boolean": lambda text: text if text.lower() in ("true", "false") else None,
    "ip": network_of,
    "binary": binary_of,
    "date": moment_of,
}


def _values(entry: dict[str, Any]) -> list[str]:
    """The values of a context key. Raises InvalidInput when they are not of the type they are said to be."""
    name, kind = entry.get("ContextKeyName", ""), entry.get("ContextKeyType", "string")
    values = list(entry.get("ContextKeyValues", ()))
    if not kind.endswith("List") and len(values) > 1:
        raise InvalidInput(f"Invalid Context Entry: {name} is of type {kind} and has more than one value.")
    for value in values:
        if _READ[kind.removesuffix("List")](value) is None:
            raise InvalidInput(f"Invalid Context Entry: {value} is no value of type {kind} for {name}.")
    return values


def _boundary(call: Call, request: Request, carrier: Carrier | None) -> list[Source] | None:
    if request.get("PermissionsBoundaryPolicyInputList"):
        return given(request["PermissionsBoundaryPolicyInputList"], "PermissionsBoundaryPolicyInputList", "boundary")
    arn = carrier.boundary if isinstance(carrier, User | Role) else ""
    policy = find_policy(call.tx, arn) if arn else None
    return [Source(policy.name, "user-managed", policy.document, "boundary")] if policy is not None else None


def _scene(
    call: Call,
    request: Request,
    principal: Principal,
    identity: Sequence[Source],
    carrier: Carrier | None,
    levels: Sequence[Sequence[Source]],
) -> Scene:
    resource = None
    if request.get("ResourcePolicy"):
        if not principal.arn or ("CallerArn" not in request and not isinstance(carrier, User)):
            raise InvalidInput("CallerArn is required when a ResourcePolicy is given.")
        resource = checked(Source("ResourcePolicy", "resource", request["ResourcePolicy"], "resource"))
    named = request.get("ResourceOwner", "")
    owner = (named if ACCOUNT.fullmatch(named) else _account_of(named)) or principal.account
    tags = carrier.tags if isinstance(carrier, User | Role) else {}
    context = _context(request, principal, tags)
    return Scene(principal, owner, identity, _boundary(call, request, carrier), resource, levels, context)


def _caller(call: Call, request: Request) -> tuple[Principal, Carrier | None]:
    arn = request.get("CallerArn")
    if arn is None:
        return Principal("user", call.account), None
    if ":user/" not in arn:
        raise InvalidInput(f"Invalid CallerArn: {arn} is not a user's.")
    if _account_of(arn) != call.account:
        return Principal("user", _account_of(arn), arn, arn), None
    user = _identity_at(call, arn)
    return _principal_of(user), user


def _answer(call: Call, request: Request, scene: Scene) -> dict[str, Any]:
    if "ResourceHandlingOption" in request:
        raise NotImplementedYet("Pileus does not simulate with ResourceHandlingOption yet: name the resources.")
    for action in request["ActionNames"]:
        if not _ACTION.fullmatch(action):
            raise InvalidInput(f"Invalid action name: {action}")
    specific = "ResourceArns" in request
    pairs = [(action, arn) for action in request["ActionNames"] for arn in request.get("ResourceArns", ["*"])]
    numbered = [(f"{number:09d}", pair) for number, pair in enumerate(pairs)]
    return page_of(call, request, "EvaluationResults", numbered, lambda pair: result(scene, *pair, specific=specific))


@iam.operation("SimulateCustomPolicy")
def simulate_custom_policy(call: Call, request: Request) -> dict[str, Any]:
    identity = given(request["PolicyInputList"], "PolicyInputList")
    principal, _ = _caller(call, request)
    levels = [
        given(level.get("ServiceControlPolicyInputList", []), f"ServiceControlPolicyInputList.{number}", "scp")
        for number, level in enumerate(request.get("OrderedOrganizationPolicyInputList", ()), 1)
    ]
    return _answer(call, request, _scene(call, request, principal, identity, None, levels))


def _excluded(source: Source, left_out: Sequence[dict[str, Any]]) -> bool:
    """Whether the request leaves a policy out: by its type, its ARN, or its name and bearer."""
    for one in left_out:
        kind = one.get("PolicyType")
        if kind == source.type or (kind == "inline" and source.type in ("user", "group", "role")):
            return True
        if source.arn and one.get("PolicyArn") == source.arn:
            return True
        inline = one.get("InlinePolicyIdentifier")
        if inline is not None:
            named = f"{inline['AttachmentType']}_{inline['AttachmentName']}_{inline['PolicyName']}"
            if source.type == inline["AttachmentType"] and source.id == named:
                return True
    return False


def _source_arn(call: Call, request: Request) -> str:
    return str(request["PolicySourceArn"])


@iam.operation("SimulatePrincipalPolicy", resource=_source_arn)
def simulate_principal_policy(call: Call, request: Request) -> dict[str, Any]:
    source = _identity_at(call, request["PolicySourceArn"])
    left_out = request.get("PolicyExclusionList", [])
    identity = [one for one in _carried(call, source) if not _excluded(one, left_out)]
    identity += given(request.get("PolicyInputList", []), "PolicyInputList")
    principal, carrier = _principal_of(source), source
    if "CallerArn" in request:
        principal, other = _caller(call, request)
        carrier = other or source
    types = {one.get("PolicyType") for one in left_out}
    kept = controls.get(call.tx, call.account) if "scp" not in types else None
    if "permission-boundary" in types and isinstance(carrier, User | Role):
        carrier = msgspec.structs.replace(carrier, boundary="")
    levels = [[Source(one.name, "none", one.document, "scp") for one in level] for level in kept.levels] if kept else []
    return _answer(call, request, _scene(call, request, principal, identity, carrier, levels))


# -- which keys the policies ask for ----------------------------------------------------------------------------------


def _keys(documents: Iterable[str]) -> dict[str, Any]:
    found: dict[str, str] = {}
    for document in documents:
        try:
            keys = compile_policy(document, "identity").keys()
        except MalformedPolicy as wrong:
            raise InvalidInput(f"Invalid Input Policy: {wrong.message}") from wrong
        for key in keys:
            found.setdefault(key.lower(), key)
    return {"ContextKeyNames": sorted(found.values())}


@iam.operation("GetContextKeysForCustomPolicy")
def get_context_keys_for_custom_policy(call: Call, request: Request) -> dict[str, Any]:
    return _keys(request["PolicyInputList"])


@iam.operation("GetContextKeysForPrincipalPolicy", resource=_source_arn)
def get_context_keys_for_principal_policy(call: Call, request: Request) -> dict[str, Any]:
    carried = [source.document for source in _carried(call, _identity_at(call, request["PolicySourceArn"]))]
    return _keys([*carried, *request.get("PolicyInputList", ())])
