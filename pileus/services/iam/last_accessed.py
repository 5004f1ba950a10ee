"""Which services an identity may use and when it last did; which of its policies grant a service.

Source: IAM User Guide, "Refine permissions in AWS using last accessed information"; IAM API Reference,
"GenerateServiceLastAccessedDetails" and "ListPoliciesGrantingServiceAccess". What was used is known from the calls
themselves.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from pileus.base import ids
from pileus.base.errors import NotImplementedYet
from pileus.identity.compiled import compiled
from pileus.identity.managed import ManagedPolicy, find_policy
from pileus.identity.people import Group, User, find_group, find_user, groups_of, members
from pileus.identity.roles import Role, find_role
from pileus.identity.usage import Use, service_uses
from pileus.model import iam as iam_facts
from pileus.policy import Policy
from pileus.policy.wildcards import plain
from pileus.service import Call
from pileus.store import Table

from .attachments import carriers
from .listing import page_of
from .service import InvalidInput, NoSuchEntity, Request, iam

Carrier = User | Group | Role
KEPT_S = 7 * 24 * 3600.0
"""Older jobs are dropped when a new one is made."""


class Job(msgspec.Struct, frozen=True):
    """What was found: services with (entity ARN, use) pairs."""

    arn: str
    at: float
    services: dict[str, list[tuple[str, Use]]]


jobs: Table[Job] = Table("iam.last_accessed", Job)  # account, job id


def _by_arn(call: Call, request: Request) -> str:
    return str(request["Arn"])


def _identity_at(call: Call, arn: str) -> Carrier | ManagedPolicy:
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "iam":
        raise InvalidInput(f"ARN {arn} is not valid.")
    kind, _, rest = parts[5].partition("/")
    finders: dict[str, Any] = {"user": find_user, "group": find_group, "role": find_role}
    if kind == "policy":
        policy = find_policy(call.tx, arn)
        if policy is not None and policy.account in (call.account, "aws"):
            return policy
    elif kind in finders and parts[4] == call.account:
        found: Carrier | None = finders[kind](call.tx, call.account, rest.rpartition("/")[2])
        if found is not None and found.arn == arn:
            return found
    raise NoSuchEntity(f"Entity {arn} cannot be found.")


def _sources(call: Call, carrier: Carrier) -> list[tuple[Carrier, str, str, str]]:
    """(bearer, policy's name, its ARN or nothing, document): the identity's own and its groups'."""
    found: list[tuple[Carrier, str, str, str]] = []
    for one in (carrier, *(groups_of(call.tx, carrier) if isinstance(carrier, User) else ())):
        found += [(one, name, "", text) for name, text in one.inline.items()]
        for arn in one.attached:
            policy = find_policy(call.tx, arn)
            if policy is not None:
                found.append((one, policy.name, arn, policy.document))
    return found


def _grants(policy: Policy, service: str) -> bool:
    """Whether any statement allows any action of the service, whatever its resources and conditions."""
    for statement in policy.statements:
        if statement.denies:
            continue
        named = [pattern.lower().partition(":")[0] for pattern in statement.patterns]
        if statement.not_action:
            whole = {pattern.lower() for pattern in statement.patterns}
            if "*" not in whole and f"{service}:*" not in whole:
                return True
        elif any(plain(prefix)(service) for prefix in named):
            return True
    return False


def _granted(documents: Iterable[str]) -> list[str]:
    policies = [compiled(document, "identity", "") for document in documents]
    return [name for name in sorted(iam_facts.service_prefixes()) if any(_grants(one, name) for one in policies)]


def _users_of(call: Call, found: Carrier | ManagedPolicy) -> list[User | Role]:
    """Those whose calls count: the identity itself, a group's members, whoever carries a policy."""
    if isinstance(found, Group):
        return list(members(call.tx, found))
    if isinstance(found, User | Role):
        return [found]
    each: dict[str, User | Role] = {}
    for _, bearer in carriers(call, found.arn):
        each |= {one.id: one for one in _users_of(call, bearer)}
    return list(each.values())


@iam.operation("GenerateServiceLastAccessedDetails", resource=_by_arn)
def generate_details(call: Call, request: Request) -> dict[str, Any]:
    if request.get("Granularity", "SERVICE_LEVEL") != "SERVICE_LEVEL":
        raise NotImplementedYet("Pileus knows last accessed information of services, not of actions, yet.")
    found = _identity_at(call, request["Arn"])
    documents = [found.document] if isinstance(found, ManagedPolicy) else [text for *_, text in _sources(call, found)]
    used: dict[str, list[tuple[str, Use]]] = {name: [] for name in _granted(documents)}
    for one in _users_of(call, found):
        for key, use in service_uses.scan(call.tx, one.id):
            if str(key[0]) in used:
                used[str(key[0])].append((one.arn, use))
    for key, old in list(jobs.scan(call.tx, call.account)):
        if old.at < call.now - KEPT_S:
            jobs.delete(call.tx, call.account, *key)
    job = ids.secret_uuid()
    jobs.put(call.tx, call.account, job, record=Job(request["Arn"], float(int(call.now)), used))
    return {"JobId": job}


def _job(call: Call, request: Request) -> Job:
    job = jobs.get(call.tx, call.account, request["JobId"])
    if job is None:
        raise NoSuchEntity(f"The job with id {request['JobId']} cannot be found.")
    return job


def _show_service(name: str, used: Sequence[tuple[str, Use]]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ServiceName": iam_facts.service_names().get(name, name),
        "ServiceNamespace": name,
        "TotalAuthenticatedEntities": len(used),
    }
    if used:
        arn, use = max(used, key=lambda pair: pair[1].at)
        shown |= {
            "LastAuthenticated": float(int(use.at)),
            "LastAuthenticatedEntity": arn,
            "LastAuthenticatedRegion": use.region,
        }
    return shown


@iam.operation("GetServiceLastAccessedDetails")
def get_details(call: Call, request: Request) -> dict[str, Any]:
    job = _job(call, request)
    named = [(name, (name, used)) for name, used in job.services.items()]
    answer = page_of(call, request, "ServicesLastAccessed", named, lambda pair: _show_service(*pair))
    return {
        "JobStatus": "COMPLETED",
        "JobType": "SERVICE_LEVEL",
        "JobCreationDate": job.at,
        "JobCompletionDate": job.at,
        **answer,
    }


@iam.operation("GetServiceLastAccessedDetailsWithEntities")
def get_details_with_entities(call: Call, request: Request) -> dict[str, Any]:
    job, service = _job(call, request), request["ServiceNamespace"]
    if service not in job.services:
        raise NoSuchEntity(f"The service {service} is not among those the job found.")

    def show(pair: tuple[str, Use]) -> dict[str, Any]:
        arn, use = pair
        bearer = _identity_at(call, arn)
        info = {
            "Arn": arn,
            "Name": bearer.name,
            "Type": type(bearer).__name__.upper(),
            "Id": bearer.id,
            "Path": bearer.path,
        }
        return {"EntityInfo": info, "LastAuthenticated": float(int(use.at))}

    named = [(arn, (arn, use)) for arn, use in job.services[service] if _still_there(call, arn)]
    answer = page_of(call, request, "EntityDetailsList", named, show)
    return {"JobStatus": "COMPLETED", "JobCreationDate": job.at, "JobCompletionDate": job.at, **answer}


def _still_there(call: Call, arn: str) -> bool:
    try:
        return _identity_at(call, arn) is not None
    except NoSuchEntity:
        return False


@iam.operation("ListPoliciesGrantingServiceAccess", resource=_by_arn)
def list_policies_granting_service_access(call: Call, request: Request) -> dict[str, Any]:
    found = _identity_at(call, request["Arn"])
    if isinstance(found, ManagedPolicy):
        raise InvalidInput(f"ARN {request['Arn']} is not valid: name a user, group or role.")
    sources = [(source, compiled(source[3], "identity", "")) for source in _sources(call, found)]

    def show(service: str) -> dict[str, Any]:
        granting = [_show_source(*source) for source, policy in sources if _grants(policy, service)]
        return {"ServiceNamespace": service, "Policies": granting}

    numbered = [(f"{number:04d}", service) for number, service in enumerate(request["ServiceNamespaces"])]
    return page_of(call, request, "PoliciesGrantingServiceAccess", numbered, show)


def _show_source(bearer: Carrier, name: str, arn: str, _: str) -> dict[str, str]:
    if arn:
        return {"PolicyName": name, "PolicyType": "MANAGED", "PolicyArn": arn}
    kind = type(bearer).__name__.upper()
    return {"PolicyName": name, "PolicyType": "INLINE", "EntityType": kind, "EntityName": bearer.name}
