"""Inline policies: documents that live and die with their user, group or role."""

from collections.abc import Callable
from typing import Any

import msgspec

from pileus.identity.people import Group, User, keep_group, keep_user
from pileus.identity.roles import Role, keep_role
from pileus.service import Call

from . import targets
from .documents import GROUP_INLINE_MAX, ROLE_INLINE_MAX, USER_INLINE_MAX, check, encoded, size_of
from .entities import group_named, role_named, user_named
from .listing import page_of
from .roles import modifiable
from .service import LimitExceeded, NoSuchEntity, Request, iam

Carrier = User | Group | Role


def _inline_operations(
    noun: str,
    most: int,
    find: Callable[[Call, str], Any],
    keep: Callable[[Any, Any], None],
    resource: targets.Target,
    context: Callable[[Call, Request], dict[str, Any]],
) -> None:
    """Registers Put<noun>Policy, Get…, Delete… and List<noun>Policies. `most` is what all documents together may
    measure."""
    member = f"{noun}Name"

    def document_of(carrier: Carrier, name: str) -> str:
        document = carrier.inline.get(name)
        if document is None:
            raise NoSuchEntity(f"The {noun.lower()} policy with name {name} cannot be found.")
        return document

    def changeable(call: Call, request: Request) -> Carrier:
        carrier: Carrier = find(call, request[member])
        return modifiable(carrier) if isinstance(carrier, Role) else carrier

    @iam.operation(f"Put{noun}Policy", resource=resource, context=context)
    def put(call: Call, request: Request) -> None:
        carrier = changeable(call, request)
        inline = {**carrier.inline, request["PolicyName"]: request["PolicyDocument"]}
        if sum(map(size_of, inline.values())) > most:
            raise LimitExceeded(f"Maximum policy size of {most} bytes exceeded for {noun.lower()} {carrier.name}")
        check(request["PolicyDocument"], "identity")
        keep(call.tx, msgspec.structs.replace(carrier, inline=inline))

    @iam.operation(f"Get{noun}Policy", resource=resource, context=context)
    def get(call: Call, request: Request) -> dict[str, Any]:
        carrier, name = find(call, request[member]), request["PolicyName"]
        return {member: carrier.name, "PolicyName": name, "PolicyDocument": encoded(document_of(carrier, name))}

    @iam.operation(f"Delete{noun}Policy", resource=resource, context=context)
    def delete(call: Call, request: Request) -> None:
        carrier, name = changeable(call, request), request["PolicyName"]
        document_of(carrier, name)
        left = {one: document for one, document in carrier.inline.items() if one != name}
        keep(call.tx, msgspec.structs.replace(carrier, inline=left))

    @iam.operation(f"List{noun}Policies", resource=resource, context=context)
    def list_policies(call: Call, request: Request) -> dict[str, Any]:
        names = [(name, name) for name in find(call, request[member]).inline]
        return page_of(call, request, "PolicyNames", names, lambda name: name)


_inline_operations("User", USER_INLINE_MAX, user_named, keep_user, targets.the_user, targets.of_user)
_inline_operations("Group", GROUP_INLINE_MAX, group_named, keep_group, targets.the_group, targets.of_group)
_inline_operations("Role", ROLE_INLINE_MAX, role_named, keep_role, targets.the_role, targets.of_role)
