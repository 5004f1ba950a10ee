"""A browser's form as the PutObject it stands for, and its answer: S3's POST Object, which its model leaves out.

Source: Amazon S3 API Reference, "POST Object" ("Form fields", "Response elements").
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from pileus.base.errors import ApiError
from pileus.model import Operation
from pileus.wire.http import HttpRequest, HttpResponse
from pileus.wire.multipart import FormRequest
from pileus.wire.rest_xml import RestXmlCodec
from pileus.wire.xml_writer import escape

ANSWER = "PostResponse"
NOT_HEADERS = frozenset({
    "key", "policy", "bucket", "file", "submit", "acl", "tagging", "success_action_status", "success_action_redirect",
    "redirect", "awsaccesskeyid", "signature", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature",
    "x-amz-security-token",
})  # fmt: skip


class PostObjectCodec(RestXmlCodec):
    """Fields are PutObject's headers by other means. Beside PutObject's members a request has `Form`: every field, by
    lower-case name, and `Path`, the one the form was sent to."""

    def decode(self, operation: Operation, request: HttpRequest, labels: dict[str, str]) -> dict[str, Any]:
        assert isinstance(request, FormRequest)
        if request.fault is not None:
            raise request.fault
        # Every field knows the file's name, and the policy sees what became of them ("POST policy", "Condition
        # matching").
        fields = {name: value.replace("${filename}", request.filename) for name, value in request.fields.items()}
        key = fields.get("key")
        if not key:
            raise missing("key")
        headers = {name: value for name, value in fields.items() if name not in NOT_HEADERS}
        if "acl" in fields:
            headers["x-amz-acl"] = fields["acl"]
        put = HttpRequest("PUT", request.path, "", headers, request.body)
        found = super().decode(operation, put, {**labels, "Key": key})
        if "tagging" in fields:
            found["Tagging"] = self._tagging(fields["tagging"])
        found["Form"], found["Path"] = fields, request.path
        return found

    def _tagging(self, text: str) -> str:
        """Forms have tags as XML, the header has them like a URL's query."""
        model = self.api.operation("PutObjectTagging").input
        assert model is not None
        try:
            tagging = self.payload_reader(model.members["Tagging"])(text.encode())
            return urlencode([(tag["Key"], tag["Value"]) for tag in tagging["TagSet"]])
        except (ValueError, KeyError):
            raise ApiError(
                "The XML you provided was not well-formed or did not validate against our published schema",
                code="MalformedXML",
                status=400,
            ) from None

    def encode(self, operation: Operation, result: dict[str, Any] | None, request_id: str) -> HttpResponse:
        shown = dict(result or {})
        post: dict[str, str] | None = shown.pop(ANSWER, None)
        response = super().encode(operation, shown, request_id)
        if post is not None:
            inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in post.items())
            response.body = f'<?xml version="1.0" encoding="UTF-8"?>\n<{ANSWER}>{inner}</{ANSWER}>'.encode()
            response.headers.append(("content-type", self.content_type))
        return response


def missing(name: str) -> ApiError:
    error = ApiError(
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields.",
        code="InvalidArgument",
        status=400,
    )
    error.members = {"ArgumentName": name, "ArgumentValue": ""}
    return error
