"""Public parameters: read by name or by path, the same for every account.

They have one version. Parameters of accounts are refused until Parameter Store moves in.
"""

from typing import Any

from pileus.base.errors import NotImplementedYet
from pileus.model import images
from pileus.service import Call, Service
from pileus.service.paginate import BadToken, paginate

ssm = Service("ssm", validation="ValidationException")

Request = dict[str, Any]
ParameterNotFound = ssm.error("ParameterNotFound")
InvalidNextToken = ssm.error("InvalidNextToken")
PUBLIC = "/aws/service/"
PARTIAL = "public parameters (/aws/service/…) only"
PAGE_MOST = 10


def _arn(call: Call, name: str) -> str:
    """Public parameters are nobody's."""
    return f"arn:{call.partition}:ssm:{call.region}::parameter{name}"


def _arns(*members: str) -> Any:
    def resources(call: Call, request: Request) -> list[str]:
        named: list[str] = []
        for member in members:
            value = request.get(member)
            named += value if isinstance(value, list) else [value] if value else []
        return [_arn(call, name) if name.startswith("/") else _arn(call, f"/{name}") for name in named]

    return resources


def _show(call: Call, name: str) -> dict[str, Any] | None:
    plain, _, version = name.partition(":")
    found = images.parameters(call.region).get(plain)
    if found is None or version not in ("", "1"):
        return None
    value, offer = found
    shown: dict[str, Any] = {
        "Name": plain,
        "Type": "String",
        "Value": value,
        "Version": 1,
        "LastModifiedDate": offer.made,
        "ARN": _arn(call, plain),
        "DataType": "text",
    }
    if version:
        shown["Selector"] = f":{version}"
    return shown


def _public(name: str) -> str:
    if not name.startswith(PUBLIC):
        raise NotImplementedYet(
            "Pileus has public parameters (/aws/service/…) only, so far: Parameter Store has not moved in yet."
        )
    return name


@ssm.operation("GetParameter", resource=_arns("Name"), partial=PARTIAL)
def get_parameter(call: Call, request: Request) -> dict[str, Any]:
    found = _show(call, _public(request["Name"]))
    if found is None:
        raise ParameterNotFound("")
    return {"Parameter": found}


@ssm.operation("GetParameters", resource=_arns("Names"), partial=PARTIAL)
def get_parameters(call: Call, request: Request) -> dict[str, Any]:
    names = list(dict.fromkeys(_public(name) for name in request["Names"]))
    shown = [(name, _show(call, name)) for name in names]
    return {
        "Parameters": [found for _, found in shown if found is not None],
        "InvalidParameters": [name for name, found in shown if found is None],
    }


@ssm.operation("GetParametersByPath", resource=_arns("Path"), partial=PARTIAL, without=("ParameterFilters",))
def get_parameters_by_path(call: Call, request: Request) -> dict[str, Any]:
    path = request["Path"].rstrip("/") + "/"
    if not path.startswith(PUBLIC) and not PUBLIC.startswith(path):
        _public(path)
    deep = bool(request.get("Recursive"))
    names = [
        name
        for name in images.parameters(call.region)
        if name.startswith(path) and (deep or "/" not in name.removeprefix(path))
    ]

    def rows(after: tuple[Any, ...] | None, limit: int) -> list[tuple[tuple[Any, ...], str]]:
        return [((name,), name) for name in names if after is None or name > after[0]][:limit]

    try:
        page = paginate(
            rows,
            purpose=f"ssm/{path}/{deep}",
            token=request.get("NextToken"),
            limit=min(request.get("MaxResults") or PAGE_MOST, PAGE_MOST),
        )
    except BadToken:
        raise InvalidNextToken("The specified token is not valid.") from None
    shown = {"Parameters": [_show(call, name) for name in page.items]}
    return {**shown, **({"NextToken": page.next_token} if page.next_token else {})}
