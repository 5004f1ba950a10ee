"""Which operation a request asks for, in the protocols that do not say it by method and path."""

from __future__ import annotations

from pileus.wire import form
from pileus.wire.http import HttpRequest


def operation_of(protocol: str, request: HttpRequest) -> str | None:
    """The operation's name as the request says it; None when it says none. It need not exist."""
    if protocol == "json":
        return target_of(request)[1]
    if protocol in ("query", "ec2"):
        return action_of(request)
    if protocol == "smithy-rpc-v2-cbor":
        return cbor_of(request)[1]
    return None


def target_of(request: HttpRequest) -> tuple[str | None, str | None]:
    """(target prefix, operation) of `X-Amz-Target: AmazonSQS.SendMessage`."""
    prefix, dot, name = request.headers.get("x-amz-target", "").rpartition(".")
    return (prefix, name) if dot and prefix and name else (None, None)


def cbor_of(request: HttpRequest) -> tuple[str | None, str | None]:
    """(service, operation) of `/service/GraniteServiceVersion20100801/operation/PutMetricData`."""
    steps = request.path.split("/")
    if len(steps) >= 5 and steps[-4] == "service" and steps[-2] == "operation" and steps[-3] and steps[-1]:
        return steps[-3], steps[-1]
    return None, None


def action_of(request: HttpRequest) -> str | None:
    """`Action`, from the query string or the form."""
    return parameter(request, "Action")


def parameter(request: HttpRequest, name: str) -> str | None:
    """One plain parameter of a query request, without reading all the others."""
    found = _find(request.query, name)
    if found is None and isinstance(request.body, bytes) and request.body:
        kind = request.headers.get("content-type", "")
        if not kind or kind.startswith("application/x-www-form-urlencoded"):
            found = _find(request.body.decode("utf-8", "replace"), name)
    return found


def _find(text: str, name: str) -> str | None:
    prefix = name + "="
    if text.startswith(prefix):
        start = len(prefix)
    else:
        start = text.find("&" + prefix)
        if start < 0:
            return None
        start += len(prefix) + 1
    end = text.find("&", start)
    try:
        found = form.pairs("x=" + (text[start:] if end < 0 else text[start:end]))
    except form.Malformed:
        return None
    return found[0][1]
