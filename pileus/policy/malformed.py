"""The one error a policy document can raise."""

from pileus.base.errors import ApiError


class MalformedPolicy(ApiError):
    """The document is no policy (IAM API Reference: MalformedPolicyDocument). Services may rename the code."""

    code, status = "MalformedPolicyDocument", 400


SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"
