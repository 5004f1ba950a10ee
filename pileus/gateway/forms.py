"""Forms that browsers send: who signed them, and reading them before the request proper begins.

Source: Amazon S3 API Reference, "Authenticating requests in browser-based uploads using POST",
"Creating a POST policy".
"""

import asyncio
from collections.abc import Callable
from typing import Any

from pileus.wire import HttpRequest
from pileus.wire.multipart import FormRequest, is_form, read_form
from pileus.wire.post_object import missing

from . import refusals, sigv4

SIGNED_FIELDS = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature")
SHOWN = {name: "-".join(word.capitalize() for word in name.split("-")) for name in SIGNED_FIELDS}


def sent_as_form(request: HttpRequest) -> bool:
    return (
        request.method == "POST"
        and is_form(request.headers.get("content-type", ""))
        and "authorization" not in request.headers
        and "X-Amz-Signature=" not in request.query
    )


def claim_of(form: FormRequest) -> sigv4.Claim | None:
    """What the form says of its signature; None when it is not signed. Its policy is the string that was signed."""
    fields = form.fields
    if form.fault is not None:
        raise form.fault
    policy = fields.get("policy")
    if "awsaccesskeyid" in fields:
        return _old_claim(fields, policy)
    if policy is None and not any(name in fields for name in SIGNED_FIELDS):
        return None
    for name in SIGNED_FIELDS:
        if not fields.get(name):
            raise missing(SHOWN[name])
    if policy is None:
        raise missing("policy")
    if fields["x-amz-algorithm"] != sigv4.ALGORITHM:
        raise refusals.unknown_algorithm(fields["x-amz-algorithm"])
    key_id, date, region, service = sigv4.credential(fields["x-amz-credential"])
    return sigv4.Claim(
        key_id,
        date,
        region,
        service,
        [],
        fields["x-amz-signature"],
        fields["x-amz-date"],
        fields.get("x-amz-security-token"),
        # How long it may be used says the policy; AWS's keys of a day are good for a week.
        sigv4.PRESIGNED_MAX_S,
        text=policy,
    )


def _old_claim(fields: dict[str, str], policy: str | None) -> sigv4.Claim:
    """Signature Version 2: boto3 makes such forms in us-east-1."""
    if policy is None:
        raise missing("policy")
    if not fields.get("signature"):
        raise missing("signature")
    token = fields.get("x-amz-security-token")
    return sigv4.Claim(
        fields["awsaccesskeyid"], "", "", "s3", [], fields["signature"], "", token, text=policy, old=True
    )


class FormReading:
    """A form whose fields are still arriving. Once the file begins, the request does."""

    def __init__(self, request: HttpRequest, begin: Callable[[FormRequest], Any]):
        self._request, self._begin = request, begin
        self._exchange: Any = None
        self._task = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        try:
            form = await read_form(self._request)
        except ConnectionError:
            return  # nobody is left to answer
        self._exchange = self._begin(form)

    def gone(self) -> None:
        if self._exchange is not None:
            self._exchange.gone()
        else:
            self._task.cancel()
