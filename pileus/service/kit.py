"""A Service and its operations: what is registered here exists, everything else the model lists is refused.

An operation is a plain function `handler(call, request) -> dict | None | Wait`, pure over `call.tx`. One that must
touch the world while the caller waits, or that streams, is an `async def`: it opens transactions of its own with
`call.transact`.
"""

import inspect
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

from pileus.base.errors import ApiError, NotImplementedYet
from pileus.model import Api, load
from pileus.model import iam as iam_facts
from pileus.store import Transaction

from .call import Call

Request = dict[str, Any]
Handler = Callable[[Call, Request], Any]
ResourceOf = Callable[[Call, Request], "str | list[str]"]
ContextOf = Callable[[Call, Request], dict[str, Any]]
PolicyOf = Callable[[Call, Request], "ResourcePolicy | list[ResourcePolicy | None] | None"]
ActionOf = Callable[[Call, Request], str]


class ResourcePolicy(NamedTuple):
    """The policy a resource carries. `required`: it must allow even inside one account (a role's trust policy)."""

    document: str
    name: str
    account: str
    kind: str = "resource"
    required: bool = False


class Ended(NamedTuple):
    """How a request ended, for a service that keeps records of its own. `target`: path and query as sent; `signed`:
    where its signature was, 'header', 'query' or ''; `old`: it is of Signature Version 2; `error`: the code, empty for
    success; `sent`: the bytes of the answer's body; `size`: of the object as far as headers tell, else -1."""

    method: str
    target: str
    signed: str
    old: bool
    status: int
    error: str
    sent: int
    size: int
    micros: int


class CrossOrigin(NamedTuple):
    """What a web page of another origin asks. `preflight`: it only asks whether it may (the Fetch standard's OPTIONS
    request); then `method` and `headers` are those of the request it has in mind. `bucket`: what is addressed."""

    origin: str
    method: str
    headers: tuple[str, ...]
    bucket: str
    preflight: bool


class Answered(NamedTuple):
    """`headers` go with the answer; None: no rule allows it. `error`: what a preflight is told then."""

    headers: list[tuple[str, str]] | None
    error: ApiError | None = None


class Operation:
    def __init__(
        self,
        service: "Service",
        name: str,
        handler: Handler,
        action: str | None,
        resource: ResourceOf | None,
        context: ContextOf | None,
        resource_policy: PolicyOf | None,
        partial: str | None,
        unconditional: str | None,
        unsigned: bool,
        action_of: ActionOf | None,
        like: str | None = None,
        without: frozenset[str] = frozenset(),
    ):
        self._like, self.without = like, without
        self.service, self.name, self.handler = service, name, handler
        self.context, self.resource_policy = context, resource_policy
        self.partial, self.unconditional, self.unsigned = partial, unconditional, unsigned
        self.is_async = inspect.iscoroutinefunction(handler)
        self._action, self._resource, self._action_of = action, resource, action_of

    @cached_property
    def action(self) -> str:
        """The IAM action, `sqs:SendMessage`; an action that IAM's reference does not know is a defect."""
        action = self._action or self.name
        if not iam_facts.action_exists(f"{self.service.iam_prefix}:{action}"):
            raise RuntimeError(f"{self.service.iam_prefix}:{action} is no IAM action; name one with action=")
        return f"{self.service.iam_prefix}:{action}"

    def action_for(self, call: Call, request: Request) -> str:
        """The IAM action of one request: the operation's, unless what it asks for is another (a version's)."""
        return self.action if self._action_of is None else self._action_of(call, request)

    @property
    def missing(self) -> str:
        """What the ledger says is not there; empty if all is."""
        left_out = f"without {', '.join(sorted(self.without))}" if self.without else ""
        return "; ".join(part for part in (self.partial, left_out) if part)

    def refuse_missing(self, request: Request) -> None:
        """A member that would have no effect is refused by name."""
        if self.without and (given := sorted(self.without.intersection(request))):
            names = ", ".join(given)
            raise NotImplementedYet(f"{self.name} does not have {names} yet (see `pileus ledger`): leave it out.")

    @cached_property
    def streams_in(self) -> bool:
        """Whether its body may still be arriving while it runs."""
        return self.model.streaming_input is not None

    @cached_property
    def resource(self) -> ResourceOf:
        return self._resource or self.service.default_resource(self.action.partition(":")[2])

    @cached_property
    def model(self) -> Any:
        """What the model says of it; of a way in that the model does not know, of the operation it is like."""
        return self.service.api.operation(self._like or self.name)


class Service:
    """`name` is botocore's name of the service, `validation` the error code for broken constraints of the model (None:
    the service checks everything itself). `adjust(request, path, endpoint)` may read what a service's callers say by
    the URL's path; `inspect(model, headers, body)` may refuse a body that is not the one the headers speak of.

    `doors` are ways in that the model does not describe (a website, a browser's form); the gateway knows them by name.
    `cross_origin` answers for web pages of other origins, when what they ask for has rules of its own. `hosted` tells
    what a foreign host name stands for: 'bucket', 'website' or ''. `to_strangers`: all that is said to callers of other
    accounts who are denied; None: the reason. `denied`: what it calls a denial; None: as nearly all. `about(call, arn)`
    gives the condition keys that tell of a resource.
    """

    def __init__(
        self,
        name: str,
        *,
        iam_prefix: str | None = None,
        validation: str | None = "ValidationError",
        adjust: Callable[[Request, str, str], None] | None = None,
        inspect: Callable[[Any, dict[str, str], bytes], None] | None = None,
        to_strangers: str | None = None,
        denied: str | None = None,
        about: Callable[[Call, str], dict[str, Any]] | None = None,
    ):
        self.to_strangers, self.denied, self.about = to_strangers, denied, about
        self.name, self.iam_prefix, self.validation, self.adjust = name, iam_prefix or name, validation, adjust
        self.inspect = inspect
        self.operations: dict[str, Operation] = {}
        self.observer: Callable[[Call, Callable[[], Ended]], bool] | None = None
        """Told of the end of every request that became a call, in the transaction of its record; how it ended it asks
        only if it must know. Answers whether it wrote."""

        self.doors: dict[str, Operation] = {}
        self.cross_origin: Callable[[Transaction, CrossOrigin], Answered | None] | None = None
        self.hosted: Callable[[Transaction, str], str] | None = None
        self._errors: dict[str, type[ApiError]] = {}

    @cached_property
    def api(self) -> Api:
        return load(self.name)

    def operation(
        self,
        name: str,
        *,
        action: str | None = None,
        resource: ResourceOf | None = None,
        context: ContextOf | None = None,
        resource_policy: PolicyOf | None = None,
        partial: str | None = None,
        unconditional: str | None = None,
        unsigned: bool = False,
        action_of: ActionOf | None = None,
        without: tuple[str, ...] = (),
    ) -> Callable[[Handler], Handler]:
        """Registers an operation of the model.

        `action`: the IAM action if it is not the operation's name. `resource`: the ARN(s) it is asked for; by default
        the action's first resource type with the request's members filled in. `context`: the service's own condition
        keys. `resource_policy`: the policy the resource carries; a list of them for a list of resources. `partial`:
        what is missing, for the ledger. `unconditional`: why no permission is needed (AWS's documentation).
        `unsigned`: AWS takes this call without a signature. `action_of`: tells the action of a request where AWS has
        several for one operation. `without`: the members of its request that are refused by name; the ledger lists
        them.
        """
        if name in self.operations:
            raise RuntimeError(f"{self.name} registers {name} twice")

        def declare(handler: Handler) -> Handler:
            self.operations[name] = Operation(
                self,
                name,
                handler,
                action,
                resource,
                context,
                resource_policy,
                partial,
                unconditional,
                unsigned,
                action_of,
                without=frozenset(without),
            )
            return handler

        return declare

    def door(
        self,
        name: str,
        *,
        like: str,
        action: str,
        resource: ResourceOf | None = None,
        context: ContextOf | None = None,
        resource_policy: PolicyOf | None = None,
        unconditional: str | None = None,
    ) -> Callable[[Handler], Handler]:
        """Registers a way in that the model does not describe. Its requests and answers have the shape of the operation
        it is `like`."""

        def declare(handler: Handler) -> Handler:
            self.doors[name] = Operation(
                self,
                name,
                handler,
                action,
                resource,
                context,
                resource_policy,
                None,
                unconditional,
                True,
                None,
                like,
            )
            return handler

        return declare

    def error(self, shape: str, *, code: str | None = None, status: int | None = None) -> type[ApiError]:
        """The exception class of an error shape. Code and status come from the model when first raised; `code` and
        `status` are for errors AWS documents but does not model."""
        known = self._errors.get(shape)
        if known is None:
            known = self._errors[shape] = _error_class(self, shape, code, status)
        return known

    def default_resource(self, action: str) -> ResourceOf:
        templates = iam_facts.arn_templates(f"{self.iam_prefix}:{action}")
        if not templates:
            return lambda call, request: "*"
        template = templates[0]

        def resource(call: Call, request: Request) -> str:
            known = {"Partition": call.partition, "Region": call.region, "Account": call.account}
            return iam_facts.fill(template, {**request, **known})

        return resource


def _error_class(service: Service, shape: str, code: str | None, status: int | None) -> type[ApiError]:
    def __init__(self: ApiError, message: str = "", *, members: dict[str, Any] | None = None) -> None:
        ApiError.__init__(self, message, members=members)
        if code is not None:
            self.code, self.status = code, status or 400
            return
        described = service.api.error(shape)
        self.code, self.status, self.sender = described.code, described.status, described.sender
        self.query_code = described.query_code

    return type(shape, (ApiError,), {"__init__": __init__})
