"""DynamoDB's errors: the modelled ones by their shapes, and those AWS answers without modelling them.

Source: Amazon DynamoDB Developer Guide, "Error handling with DynamoDB"; DynamoDB API Reference, each action's "Errors".
"""

from pileus.base.errors import ApiError

from .service import dynamodb

BackupInUse = dynamodb.error("BackupInUseException")
BackupNotFound = dynamodb.error("BackupNotFoundException")
ConditionalCheckFailed = dynamodb.error("ConditionalCheckFailedException")
DuplicateItem = dynamodb.error("DuplicateItemException")
ExportConflict = dynamodb.error("ExportConflictException")
ExportNotFound = dynamodb.error("ExportNotFoundException")
IdempotentParameterMismatch = dynamodb.error("IdempotentParameterMismatchException")
ImportConflict = dynamodb.error("ImportConflictException")
ImportNotFound = dynamodb.error("ImportNotFoundException")
InvalidExportTime = dynamodb.error("InvalidExportTimeException")
InvalidRestoreTime = dynamodb.error("InvalidRestoreTimeException")
ItemCollectionSizeLimitExceeded = dynamodb.error("ItemCollectionSizeLimitExceededException")
LimitExceeded = dynamodb.error("LimitExceededException")
PointInTimeRecoveryUnavailable = dynamodb.error("PointInTimeRecoveryUnavailableException")
PolicyNotFound = dynamodb.error("PolicyNotFoundException")
ProvisionedThroughputExceeded = dynamodb.error("ProvisionedThroughputExceededException")
ResourceInUse = dynamodb.error("ResourceInUseException")
ResourceNotFound = dynamodb.error("ResourceNotFoundException")
TableAlreadyExists = dynamodb.error("TableAlreadyExistsException")
TableInUse = dynamodb.error("TableInUseException")
TableNotFound = dynamodb.error("TableNotFoundException")
TransactionCanceled = dynamodb.error("TransactionCanceledException")
ThrottlingException = dynamodb.error("ThrottlingException")


class Invalid(ApiError):
    """A request that the model allows and DynamoDB does not."""

    code, status = "ValidationException", 400


class KeyInaccessible(ApiError):
    """The KMS key that a table is under cannot be used: by the caller, or by anybody."""

    code, status = "AccessDeniedException", 400


class Malformed(ApiError):
    """A value that is not of the form its type asks for."""

    code, status = "SerializationException", 400
