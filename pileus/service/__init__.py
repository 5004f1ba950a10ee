"""The kit services are written with: a Service, its operations and errors, the Call, waiting and paging."""

from .authorize import AccessDenied, authorize, must_allow
from .call import Body, Call, Caller, Cloud, Concluded, Outside, Reply, Wait
from .kit import Answered, CrossOrigin, Operation, ResourcePolicy, Service
from .paginate import Page, paginate

__all__ = [
    "AccessDenied",
    "Answered",
    "Body",
    "Call",
    "Caller",
    "Cloud",
    "Concluded",
    "CrossOrigin",
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
]
