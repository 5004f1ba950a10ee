"""The kit services are written with: a Service, its operations and errors, the Call, waiting and paging."""

from .authorize import AccessDenied, authorize, must_allow
from .call import Call, Caller, Cloud, Wait
from .kit import Operation, ResourcePolicy, Service
from .paginate import Page, paginate

__all__ = [
    "AccessDenied",
    "Call",
    "Caller",
    "Cloud",
    "Operation",
    "Page",
    "ResourcePolicy",
    "Service",
    "Wait",
    "authorize",
    "must_allow",
    "paginate",
]
