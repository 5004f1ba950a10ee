"""AWS's APIs as data: botocore's service models (its files only, never its code) and IAM's reference facts."""

from pileus.model.api import Api, ErrorShape, Operation, load
from pileus.model.files import ModelNotFound
from pileus.model.index import Entry, find_service, find_services, services
from pileus.model.rows import Rows
from pileus.model.shapes import Member, Shape

__all__ = [
    "Api", "Entry", "ErrorShape", "Member", "ModelNotFound", "Operation", "Rows", "Shape", "find_service",
    "find_services", "load", "services",
]  # fmt: skip
