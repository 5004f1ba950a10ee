"""Names the query protocol still uses for SQS, which its model dropped when SQS moved to JSON.

The service still answers the query protocol (API version 2012-11-05). Source: Amazon SQS API Reference, the
"Query" examples and parameter lists of each action (`Attribute.N.Name`, `Tag.N.Key`, `MessageAttribute.N.Value.
StringValue`, `SendMessageBatchRequestEntry.N.Id`, …), "Common Errors" and each action's "Errors".
"""

from typing import Any

_NAMESPACES = {"sqs": "http://queue.amazonaws.com/doc/2012-11-05/"}

# (shape, "members", member) or (shape, "member" | "key" | "value") -> the name on the wire.
_SQS_NAMES: dict[tuple[str, ...], str] = {
    ("AWSAccountIdList", "member"): "AWSAccountId",
    ("ActionNameList", "member"): "ActionName",
    ("AttributeNameList", "member"): "AttributeName",
    ("BatchResultErrorEntryList", "member"): "BatchResultErrorEntry",
    ("BinaryList", "member"): "BinaryListValue",
    ("ChangeMessageVisibilityBatchRequestEntryList", "member"): "ChangeMessageVisibilityBatchRequestEntry",
    ("ChangeMessageVisibilityBatchResultEntryList", "member"): "ChangeMessageVisibilityBatchResultEntry",
    ("CreateQueueRequest", "members", "Attributes"): "Attribute",
    ("CreateQueueRequest", "members", "tags"): "Tag",
    ("DeleteMessageBatchRequestEntryList", "member"): "DeleteMessageBatchRequestEntry",
    ("DeleteMessageBatchResultEntryList", "member"): "DeleteMessageBatchResultEntry",
    ("GetQueueAttributesResult", "members", "Attributes"): "Attribute",
    ("ListMessageMoveTasksResultEntryList", "member"): "ListMessageMoveTasksResultEntry",
    ("ListQueueTagsResult", "members", "Tags"): "Tag",
    ("Message", "members", "Attributes"): "Attribute",
    ("Message", "members", "MessageAttributes"): "MessageAttribute",
    ("MessageAttributeNameList", "member"): "MessageAttributeName",
    ("MessageAttributeValue", "members", "BinaryListValues"): "BinaryListValue",
    ("MessageAttributeValue", "members", "StringListValues"): "StringListValue",
    ("MessageBodyAttributeMap", "key"): "Name",
    ("MessageBodyAttributeMap", "value"): "Value",
    ("MessageBodySystemAttributeMap", "key"): "Name",
    ("MessageBodySystemAttributeMap", "value"): "Value",
    ("MessageList", "member"): "Message",
    ("MessageSystemAttributeList", "member"): "MessageSystemAttributeName",
    ("MessageSystemAttributeMap", "key"): "Name",
    ("MessageSystemAttributeMap", "value"): "Value",
    ("MessageSystemAttributeValue", "members", "BinaryListValues"): "BinaryListValue",
    ("MessageSystemAttributeValue", "members", "StringListValues"): "StringListValue",
    ("QueueAttributeMap", "key"): "Name",
    ("QueueAttributeMap", "value"): "Value",
    ("QueueUrlList", "member"): "QueueUrl",
    ("SendMessageBatchRequestEntry", "members", "MessageAttributes"): "MessageAttribute",
    ("SendMessageBatchRequestEntry", "members", "MessageSystemAttributes"): "MessageSystemAttribute",
    ("SendMessageBatchRequestEntryList", "member"): "SendMessageBatchRequestEntry",
    ("SendMessageBatchResultEntryList", "member"): "SendMessageBatchResultEntry",
    ("SendMessageRequest", "members", "MessageAttributes"): "MessageAttribute",
    ("SendMessageRequest", "members", "MessageSystemAttributes"): "MessageSystemAttribute",
    ("SetQueueAttributesRequest", "members", "Attributes"): "Attribute",
    ("StringList", "member"): "StringListValue",
    ("TagKeyList", "member"): "TagKey",
    ("TagMap", "key"): "Key",
    ("TagMap", "value"): "Value",
    ("TagQueueRequest", "members", "Tags"): "Tag",
}
_NAMES = {"sqs": _SQS_NAMES}

# Error shape -> (code in the query protocol, HTTP status).
_SQS_ERRORS: dict[str, tuple[str, int]] = {
    "BatchEntryIdsNotDistinct": ("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", 400),
    "BatchRequestTooLong": ("AWS.SimpleQueueService.BatchRequestTooLong", 400),
    "EmptyBatchRequest": ("AWS.SimpleQueueService.EmptyBatchRequest", 400),
    "InvalidAddress": ("InvalidAddress", 404),
    "InvalidBatchEntryId": ("AWS.SimpleQueueService.InvalidBatchEntryId", 400),
    "InvalidSecurity": ("InvalidSecurity", 403),
    "KmsAccessDenied": ("KMS.AccessDeniedException", 400),
    "KmsDisabled": ("KMS.DisabledException", 400),
    "KmsInvalidKeyUsage": ("KMS.InvalidKeyUsageException", 400),
    "KmsInvalidState": ("KMS.InvalidStateException", 400),
    "KmsNotFound": ("KMS.NotFoundException", 400),
    "KmsOptInRequired": ("KMS.OptInRequired", 403),
    "KmsThrottled": ("KMS.ThrottlingException", 400),
    "MessageNotInflight": ("AWS.SimpleQueueService.MessageNotInflight", 400),
    "OverLimit": ("OverLimit", 403),
    "PurgeQueueInProgress": ("AWS.SimpleQueueService.PurgeQueueInProgress", 403),
    "QueueDeletedRecently": ("AWS.SimpleQueueService.QueueDeletedRecently", 400),
    "QueueDoesNotExist": ("AWS.SimpleQueueService.NonExistentQueue", 400),
    "QueueNameExists": ("QueueAlreadyExists", 400),
    "RequestThrottled": ("RequestThrottled", 403),
    "ResourceNotFoundException": ("ResourceNotFoundException", 404),
    "TooManyEntriesInBatchRequest": ("AWS.SimpleQueueService.TooManyEntriesInBatchRequest", 400),
    "UnsupportedOperation": ("AWS.SimpleQueueService.UnsupportedOperation", 400),
}
_ERRORS = {"sqs": _SQS_ERRORS}


def extra(service: str) -> tuple[str, ...]:
    """Protocols the service speaks beside those its model still lists."""
    return ("query",) if service in _NAMES else ()


def xml_namespace(service: str) -> str:
    return _NAMESPACES.get(service, "")


def error_codes(service: str) -> dict[str, tuple[str, int]]:
    return _ERRORS.get(service, {})


def overlaid(service: str, model: dict[str, Any]) -> dict[str, Any]:
    """The model with the query protocol's names put back; the same object when there is nothing to put."""
    names = _NAMES.get(service)
    if names is None:
        return model
    shapes: dict[str, Any] = dict(model["shapes"])
    for (shape, *path), name in names.items():
        if shape in shapes:
            shapes[shape] = _renamed(shapes[shape], path, name)
    return {**model, "shapes": shapes}


def _renamed(raw: dict[str, Any], path: list[str], name: str) -> dict[str, Any]:
    step, *rest = path
    below = raw.get(step)
    if below is None:
        return raw
    renamed = _renamed(below, rest, name) if rest else {**below, "locationName": name}
    return {**raw, step: renamed}


def path_member(service: str) -> str | None:
    """The member that a request's URL path stands for: a queue's URL is where its requests are sent."""
    return "QueueUrl" if service == "sqs" else None
