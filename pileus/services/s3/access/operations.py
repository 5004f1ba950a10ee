"""Every operation of this package, registered by being imported."""

from . import acl_operations, ownership, payment_operations, policies, public_access

__all__ = ["acl_operations", "ownership", "payment_operations", "policies", "public_access"]
