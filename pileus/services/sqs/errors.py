"""SQS's errors: the modelled ones by their shapes, and those AWS answers without modelling them.

Source: Amazon SQS API Reference, "Common Errors" and each action's "Errors". SQS is query-compatible: `code` is what
its JSON protocol says, `query_code` what the query protocol and the compatibility header say.
"""

from pileus.base.errors import ApiError

from .service import sqs

BatchEntryIdsNotDistinct = sqs.error("BatchEntryIdsNotDistinct")
BatchRequestTooLong = sqs.error("BatchRequestTooLong")
EmptyBatchRequest = sqs.error("EmptyBatchRequest")
InvalidAddress = sqs.error("InvalidAddress")
InvalidAttributeName = sqs.error("InvalidAttributeName")
InvalidAttributeValue = sqs.error("InvalidAttributeValue")
InvalidBatchEntryId = sqs.error("InvalidBatchEntryId")
InvalidMessageContents = sqs.error("InvalidMessageContents")
MessageNotInflight = sqs.error("MessageNotInflight")
OverLimit = sqs.error("OverLimit")
PurgeQueueInProgress = sqs.error("PurgeQueueInProgress")
QueueDeletedRecently = sqs.error("QueueDeletedRecently")
QueueDoesNotExist = sqs.error("QueueDoesNotExist")
QueueNameExists = sqs.error("QueueNameExists")
ReceiptHandleIsInvalid = sqs.error("ReceiptHandleIsInvalid")
ResourceNotFound = sqs.error("ResourceNotFoundException")
TooManyEntriesInBatchRequest = sqs.error("TooManyEntriesInBatchRequest")
UnsupportedOperation = sqs.error("UnsupportedOperation")


class InvalidParameterValue(ApiError):
    """A value out of range or of the wrong form."""

    code, query_code, status = "InvalidParameterValueException", "InvalidParameterValue", 400


class MissingParameter(ApiError):
    """A required parameter is absent or empty."""

    code, query_code, status = "MissingRequiredParameterException", "MissingParameter", 400


class AccessDenied(ApiError):
    """Cross-account permissions do not apply to this action."""

    code, query_code, status = "AccessDeniedException", "AccessDenied", 403


def invalid(value: object, parameter: str, reason: str) -> InvalidParameterValue:
    """AWS's usual sentence for a bad value."""
    return InvalidParameterValue(f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


def missing(parameter: str) -> MissingParameter:
    return MissingParameter(f"The request must contain the parameter {parameter}.")


def no_such_queue() -> ApiError:
    return QueueDoesNotExist("The specified queue does not exist.")
