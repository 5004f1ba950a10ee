"""Asking S3 and looking at its refusals."""

import pytest
from botocore.exceptions import ClientError


def refused(code, ask, /, status=None, **arguments):
    """The error, which must be of this code."""
    with pytest.raises(ClientError) as caught:
        ask(**arguments)
    error = caught.value.response
    assert error["Error"]["Code"] == code, error
    if status is not None:
        assert error["ResponseMetadata"]["HTTPStatusCode"] == status
    return error


def read(s3, bucket, key, **arguments):
    return s3.get_object(Bucket=bucket, Key=key, **arguments)["Body"].read()
