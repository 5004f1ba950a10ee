"""Buckets served as websites: index and error documents, redirects, and errors that people can read.

Visitors are anonymous: what they may see says the bucket's policy. Source: Amazon S3 User Guide, "Hosting a static
website using Amazon S3", "Configuring an index document", "Configuring a custom error document", "(Optional)
Configuring a webpage redirect", "Setting permissions for website access", "Website endpoints" ("Key differences between
a website endpoint and a REST API endpoint").
"""

from html import escape
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from pileus.base.errors import ApiError
from pileus.service import AccessDenied, Call, Reply
from pileus.store import Transaction

from ..access.context import context_of
from ..access.permission import must_allow_object
from ..addressing import find_bucket
from ..buckets.configuring import configured
from ..buckets.website import no_website
from ..errors import S3Error, access_denied, method_not_allowed
from ..objects.getting import get_object, head_object
from ..objects.storing import find_version
from ..service import s3
from ..tables import Bucket, Version, configs
from .cross_origin import named

OPEN = "each object a website shows is asked for by itself, as nobody"
CONDITIONS = ("IfMatch", "IfNoneMatch", "IfModifiedSince", "IfUnmodifiedSince", "Range")
Site = dict[str, Any]


def hosted(tx: Transaction, name: str) -> str:
    """What a host name of somebody else stands for: 'bucket', 'website', or '' when no bucket is called so."""
    bucket = named(tx, name)
    if bucket is None:
        return ""
    return "website" if configs.get(tx, bucket.id, "website", "") is not None else "bucket"


s3.hosted = hosted


@s3.door("Website", like="GetObject", action="GetObject", unconditional=OPEN, context=context_of)
def website(call: Call, request: dict[str, Any]) -> Any:
    return _visited(call, request)


@s3.door("WebsiteHead", like="HeadObject", action="GetObject", unconditional=OPEN, context=context_of)
def website_head(call: Call, request: dict[str, Any]) -> Any:
    return _visited(call, request)


@s3.door("WebsiteOther", like="GetObject", action="GetObject", unconditional=OPEN)
def website_other(call: Call, request: dict[str, Any]) -> Any:
    return _page(call, method_not_allowed("POST", "OBJECT"))


def _visited(call: Call, request: dict[str, Any]) -> Any:
    try:
        bucket = find_bucket(call, request["Bucket"])
        call.subject = bucket
        _check_region(call, bucket)
        if bucket.requester_pays:
            raise access_denied()  # websites have no requester who could pay
        site = configured(call, bucket, "website")
        if site is None:
            raise no_website(bucket)
    except ApiError as error:
        return _page(call, error)
    elsewhere = site.get("RedirectAllRequestsTo")
    if elsewhere is not None:
        protocol = elsewhere.get("Protocol") or _protocol(call)
        return _redirect(301, f"{protocol}://{elsewhere['HostName']}/{quote(request['Key'])}")
    return _Visit(call, bucket, site, request).answer()


def _check_region(call: Call, bucket: Bucket) -> None:
    host = call.headers.get("host", "")
    if "s3-website" in host and "amazonaws.com" in host and call.region != bucket.region:
        raise S3Error(
            "IncorrectEndpoint",
            400,
            "The specified bucket exists in another region. Please direct requests to the specified endpoint.",
            Bucket=bucket.name,
            Endpoint=f"{bucket.name}.s3-website-{bucket.region}.amazonaws.com",
        )


class _Visit:
    """One visit to a page."""

    def __init__(self, call: Call, bucket: Bucket, site: Site, request: dict[str, Any]):
        self.call, self.bucket, self.site, self.request = call, bucket, site, request
        self.asked: str = request["Key"]

    def answer(self) -> Any:
        rule = self._rule(None)
        if rule is not None:
            return self._follow(rule["Redirect"], rule.get("Condition", {}))
        suffix = self.site["IndexDocument"]["Suffix"]
        key = f"{self.asked}{suffix}" if not self.asked or self.asked.endswith("/") else self.asked
        try:
            return self._show(key)
        except ApiError as error:
            return self._failed(error, key, suffix)

    def _show(self, key: str, status: int | None = None) -> Any:
        """The object, or where it says to go."""
        version = self._permitted(key)
        if version is not None and version.redirect and status is None:
            return _redirect(301, self._within(version.redirect))
        read = head_object if self.call.operation.model.http_method == "HEAD" else get_object
        conditions = {} if status else {name: self.request[name] for name in CONDITIONS if name in self.request}
        try:
            found = read(self.call, self.bucket, {"Bucket": self.bucket.name, "Key": key, **conditions})
        except AccessDenied:  # by KMS: nobody in particular may open what is sealed with somebody's key
            raise access_denied() from None
        if status is None or not isinstance(found, dict):
            return found
        return Reply(found, status)

    def _permitted(self, key: str) -> Version | None:
        call, bucket = self.call, self.bucket
        call.resource = f"{bucket.arn}/{key}"
        asked = {"Bucket": bucket.name, "Key": key}
        call.request = asked
        try:
            must_allow_object(call, bucket, "s3:GetObject", key, reads=True)
        except AccessDenied:
            raise access_denied() from None
        return find_version(call.tx, bucket, key, None)

    def _failed(self, error: ApiError, key: str, suffix: str) -> Any:
        if error.status == 304:
            raise error
        if error.code == "NoSuchKey" and key == self.asked and self._is_folder(f"{key}/{suffix}"):
            return _redirect(302, f"{self._base()}/{quote(key)}/")
        rule = self._rule(error.status)
        if rule is not None:
            return self._follow(rule["Redirect"], rule.get("Condition", {}))
        document = self.site.get("ErrorDocument")
        if document is None or not 400 <= error.status < 500:
            return _page(self.call, error)
        try:
            return self._show(document["Key"], error.status)
        except ApiError as second:
            return _page(self.call, error, second)

    def _is_folder(self, index: str) -> bool:
        try:
            return self._permitted(index) is not None
        except S3Error:
            return False

    def _rule(self, status: int | None) -> dict[str, Any] | None:
        """The first routing rule that fits: before the object is looked for, those without an error code."""
        for rule in self.site.get("RoutingRules", ()):
            condition = rule.get("Condition", {})
            code = condition.get("HttpErrorCodeReturnedEquals")
            if (None if status is None else str(status)) != code:
                continue
            if self.asked.startswith(condition.get("KeyPrefixEquals", "")):
                return dict(rule)
        return None

    def _follow(self, redirect: dict[str, Any], condition: dict[str, Any]) -> Reply:
        key = self.asked
        if "ReplaceKeyWith" in redirect:
            key = redirect["ReplaceKeyWith"]
        elif "ReplaceKeyPrefixWith" in redirect:
            key = redirect["ReplaceKeyPrefixWith"] + key.removeprefix(condition.get("KeyPrefixEquals", ""))
        host = redirect.get("HostName")
        protocol = redirect.get("Protocol") or _protocol(self.call)
        base = f"{protocol}://{host}" if host else f"{protocol}://{self.call.headers.get('host', '')}{self._base()}"
        return _redirect(int(redirect.get("HttpRedirectCode", 301)), f"{base}/{quote(key)}")

    def _within(self, location: str) -> str:
        """Where an object's own redirect leads: a path is one within the website."""
        return f"{self._base()}{location}" if location.startswith("/") else location

    def _base(self) -> str:
        """What stands before a website's paths when it is addressed by path."""
        call = self.call
        by_host = "s3-website" in call.headers.get("host", "") or self.bucket.name == _name(call)
        return "" if by_host else f"/_website/{self.bucket.name}"


def _name(call: Call) -> str:
    return call.headers.get("host", "").partition(":")[0].lower()


def _protocol(call: Call) -> str:
    return "https" if call.secure_transport else "http"


def _redirect(status: int, location: str) -> Reply:
    return Reply({"ContentLength": 0}, status, (("location", location),))


def _page(call: Call, error: ApiError, second: ApiError | None = None) -> Reply:
    """An error as S3's websites show it. `second`: why the error document could not be shown instead."""
    title = f"{error.status} {HTTPStatus(error.status).phrase}"
    facts = [("Code", error.code), ("Message", error.message), *error.members.items()]
    facts.append(("RequestId", call.request_id))
    lines = [
        f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<ul>",
        *map(_line, facts),
        "</ul>",
    ]
    if second is not None:
        lines.append("<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>")
        lines += map(_line, [("Code", second.code), ("Message", second.message), *second.members.items()])
        lines.append("</ul>")
    body = "\n".join([*lines, "<hr/>\n</body>\n</html>\n"]).encode()
    shown: dict[str, Any] = {"ContentType": "text/html; charset=utf-8", "ContentLength": len(body)}
    if call.operation.model.http_method != "HEAD":
        shown["Body"] = body
    headers = (("x-amz-error-code", error.code), ("x-amz-error-message", error.message))
    return Reply(shown, error.status, headers)


def _line(fact: tuple[str, Any]) -> str:
    return f"<li>{escape(fact[0])}: {escape(str(fact[1]))}</li>"
