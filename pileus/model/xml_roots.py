"""The root elements of S3's answers, which its model in botocore dropped because its parser does not look at them.

Source: Amazon S3 API Reference, "Response Syntax" of each action.
"""

from pileus.model.api import Api, Operation

_S3 = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CreateSession": "CreateSessionResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycle": "LifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLocation": "LocationConstraint",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}
_ROOTS = {"s3": _S3}

# An answer whose root is one member's text: "GetBucketLocation" shows `<LocationConstraint>EU</LocationConstraint>`.
_UNWRAPPED = {("s3", "GetBucketLocation"): "LocationConstraint"}


def root_of(operation: Operation) -> str:
    """The root element of an operation's answer."""
    known = _ROOTS.get(operation.api.name, {}).get(operation.name)
    use = operation.output_use
    if known is not None or use is None:
        return known or operation.name
    return use.location_name or use.shape.name


def unwrapped_member(operation: Operation) -> str | None:
    return _UNWRAPPED.get((operation.api.name, operation.name))


def api_namespace(api: Api) -> str:
    """The namespace of a REST API's XML: its own, or the one its inputs carry."""
    if api.xml_namespace:
        return api.xml_namespace
    for raw in api.model["operations"].values():
        given = (raw.get("input") or {}).get("xmlNamespace")
        if given:
            return given if isinstance(given, str) else given["uri"]
    return ""
