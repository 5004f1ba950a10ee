"""The kit services are written with: a Service, its operations and errors, the Call, waiting and paging."""

from .acting import Actor, service_caller, session_caller
from .authorize import AccessDenied, authorize, must_allow
from .call import Body, Call, Caller, Cloud, Concluded, Outside, Reply, Wait
from .kit import Answered, CrossOrigin, Ended, Operation, ResourcePolicy, Service
from .paginate import Page, paginate

__all__ = [
    "AccessDenied",
    "Actor",
    "Answered",
    "Body",
    "Call",
    "Caller",
    "Cloud",
    "Concluded",
    "CrossOrigin",
    "Ended",
    "Operation",
    "Outside",
    "Page",
    "Reply",
    "ResourcePolicy",
    "Service",
    "Wait",
    "authorize",
    "must_allow",
    "paginate",
    "service_caller",
    "session_caller",
]
