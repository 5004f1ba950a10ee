"""Amazon DynamoDB Streams, declared: an API of its own, whose permissions are DynamoDB's."""

from pileus.base.errors import ApiError
from pileus.service import Service

dynamodbstreams = Service("dynamodbstreams", iam_prefix="dynamodb", validation="ValidationException")

ExpiredIterator = dynamodbstreams.error("ExpiredIteratorException")
ResourceNotFound = dynamodbstreams.error("ResourceNotFoundException")
TrimmedDataAccess = dynamodbstreams.error("TrimmedDataAccessException")


class Invalid(ApiError):
    """A request that the model allows and the service does not."""

    code, status = "ValidationException", 400
