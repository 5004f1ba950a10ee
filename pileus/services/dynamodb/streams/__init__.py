"""DynamoDB Streams: what changed in a table, in order, for a day."""

from .service import dynamodbstreams

__all__ = ["dynamodbstreams"]
