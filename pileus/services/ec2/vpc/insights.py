"""The Reachability Analyzer's operations: paths, and analyses of them.

Source: EC2 API Reference, the operations' pages; Amazon VPC Reachability Analyzer Guide. An analysis is done by the
time its start is answered.
"""

from typing import Any

import msgspec

from pileus.drivers.networks.api import ANY
from pileus.service import Call
from pileus.store import Index, Table

from .. import tags
from ..kinds import Kind, created, kind_of, targets
from ..listing import describe
from ..service import Ec2Error, Request, invalid, missing
from ..tokens import made_before, remember
from . import records
from .defaults import operation, own
from .questions import Unclear, answer
from .reachability import Step, Way
from .things import Thing


class Path(Thing, frozen=True, kw_only=True):
    """`source`, `destination`: as given. `port`: -1 for any."""

    source: str
    destination: str
    source_ip: str
    destination_ip: str
    protocol: str
    port: int
    at_source: dict[str, Any] = {}


class Analysis(Thing, frozen=True, kw_only=True):
    """`found`, `forward`, `back`, `explanations`: as they are shown. `wrong`: why it could not be made."""

    path: str
    found: bool = False
    forward: list[dict[str, Any]] = []
    back: list[dict[str, Any]] = []
    explanations: list[dict[str, Any]] = []
    wrong: str = ""


paths = Table("ec2.insights.paths", Path)
analyses = Table(
    "ec2.insights.analyses",
    Analysis,
    indexes=(
        of_path := Index[Analysis]("ec2.insights.analyses.of_path", lambda key, each: [(*key[:2], each.path, each.id)]),
    ),
)

PATH: Kind[Path] = Kind(
    "nip",
    "network-insights-path",
    "InvalidNetworkInsightsPathId",
    "network insights path",
    paths,
    {
        "source": lambda path: [path.source],
        "destination": lambda path: [path.destination or None],
        "protocol": lambda path: [path.protocol],
        "filter-at-source.destination-port-range.from-port": lambda path: [str(path.port)],
    },
)
ANALYSIS: Kind[Analysis] = Kind(
    "nia",
    "network-insights-analysis",
    "InvalidNetworkInsightsAnalysisId",
    "network insights analysis",
    analyses,
    {
        "path-found": lambda analysis: ["true" if analysis.found else "false"],
        "status": lambda analysis: ["failed" if analysis.wrong else "succeeded"],
    },
)


def _show_path(call: Call, path: Path) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "NetworkInsightsPathId": path.id,
        "NetworkInsightsPathArn": PATH.arn(call, path.id),
        "CreatedDate": path.created,
        "Source": path.source,
        "Protocol": path.protocol,
        **tags.shown(path.tags),
    }
    named = {"Destination": path.destination, "SourceIp": path.source_ip, "DestinationIp": path.destination_ip}
    shown |= {name: value for name, value in named.items() if value}
    if path.at_source:
        shown["FilterAtSource"] = path.at_source
    return shown | ({"DestinationPort": path.port} if path.port != ANY and not path.at_source else {})


def _filter(request: Request) -> tuple[dict[str, Any], int]:
    """The filter at the source as it came, and the one port it names; other filters are refused by name."""
    given = request.get("FilterAtSource")
    if not given:
        return {}, request.get("DestinationPort", ANY)
    if "DestinationPort" in request:
        raise invalid("DestinationPort and FilterAtSource cannot be used together.")
    shown: dict[str, Any] = {}
    ports = given.get("DestinationPortRange")
    port = ANY
    if ports is not None:
        port = ports.get("FromPort", 0)
        if ports.get("ToPort", port) != port:
            raise invalid("FilterAtSource: a range of ports is not analysed here: FromPort and ToPort are the same.")
        shown["DestinationPortRange"] = {"FromPort": port, "ToPort": port}
    for name in ("SourceAddress", "DestinationAddress"):
        if name in given:
            shown[name] = given[name]
    return shown, port


def _known(text: str, member: str) -> str:
    """An id, also of an ARN. Raises InvalidParameterValue."""
    id = text.rpartition("/")[2]
    if kind_of(id) is None or id.partition("-")[0] not in ("i", "eni", "igw"):
        raise invalid(
            f"Value ({text}) for parameter {member} is invalid. "
            "It is an instance, a network interface or an internet gateway."
        )
    return id


@operation(
    "CreateNetworkInsightsPath",
    resource=created(PATH),
    partial="between machines, interfaces, internet gateways and addresses, at one port",
)
def create_network_insights_path(call: Call, request: Request) -> dict[str, Any]:
    there = made_before(call, request)
    if there is not None:
        return {"NetworkInsightsPath": _show_path(call, PATH.need(call, there[0]))}
    at_source, port = _filter(request)
    destination = request.get("Destination") or ""
    address = request.get("DestinationIp") or at_source.get("DestinationAddress") or ""
    if not destination and not address:
        raise missing("Destination")
    _known(request["Source"], "Source")
    if destination:
        _known(destination, "Destination")
    id = PATH.new_id()
    made = Path(
        source=request["Source"],
        destination=destination,
        source_ip=request.get("SourceIp") or at_source.get("SourceAddress") or "",
        destination_ip=address,
        protocol=request["Protocol"],
        port=port,
        at_source=at_source,
        **own(call, id, tags.given(call, request, PATH)[PATH.type]),
    )
    PATH.put(call, id, made)
    remember(call, request, [id])
    return {"NetworkInsightsPath": _show_path(call, made)}


@operation("DescribeNetworkInsightsPaths")
def describe_network_insights_paths(call: Call, request: Request) -> dict[str, Any]:
    return describe(call, request, PATH, ids="NetworkInsightsPathIds", answer="NetworkInsightsPaths", show=_show_path)


@operation("DeleteNetworkInsightsPath", resource=targets(PATH, "NetworkInsightsPathId"))
def delete_network_insights_path(call: Call, request: Request) -> dict[str, Any]:
    path = PATH.need(call, request["NetworkInsightsPathId"])
    if next(analyses.find(call.tx, of_path, call.account, call.region, path.id, limit=1), None) is not None:
        raise Ec2Error("AnalysisExistsForNetworkInsightsPath", f"There is an analysis of the path {path.id}.")
    PATH.delete(call, path.id)
    return {"NetworkInsightsPathId": path.id}


def _starting(call: Call, request: Request) -> list[str]:
    return [PATH.arn(call, request.get("NetworkInsightsPathId") or "*"), ANALYSIS.arn(call, "*")]


@operation("StartNetworkInsightsAnalysis", resource=_starting)
def start_network_insights_analysis(call: Call, request: Request) -> dict[str, Any]:
    there = made_before(call, request)
    if there is not None:
        return {"NetworkInsightsAnalysis": _show(call, ANALYSIS.need(call, there[0]))}
    path = PATH.need(call, request["NetworkInsightsPathId"])
    id = ANALYSIS.new_id()
    made = Analysis(path=path.id, **own(call, id, tags.given(call, request, ANALYSIS)[ANALYSIS.type]))
    made = ANALYSIS.put(call, id, _analysed(call, path, made))
    remember(call, request, [id])
    shown = _show(call, made)
    return {"NetworkInsightsAnalysis": {name: shown[name] for name in _BEGUN if name in shown} | {"Status": "running"}}


_BEGUN = ("NetworkInsightsAnalysisId", "NetworkInsightsAnalysisArn", "NetworkInsightsPathId", "StartDate", "Tags")


def _analysed(call: Call, path: Path, made: Analysis) -> Analysis:
    source, target = (_known(text, "") if text else "" for text in (path.source, path.destination))
    if source.startswith("igw-") and path.source_ip:
        source = path.source_ip
    if not target or (target.startswith("igw-") and path.destination_ip):
        target = path.destination_ip
    try:
        _mine(call, source, target)
        found, _ = answer(call.tx, call.cloud.drivers.networks, source, target, path.protocol, path.port)
    except Unclear as error:
        return msgspec.structs.replace(made, wrong=error.message)
    return msgspec.structs.replace(
        made,
        found=found.open,
        forward=[_component(call, number, step) for number, step in enumerate(found.steps, 1)],
        back=[_component(call, number, step) for number, step in enumerate(found.answer, 1)],
        explanations=_explanations(call, found),
    )


def _mine(call: Call, *ids: str) -> None:
    """An account asks about what it has."""
    for id in ids:
        kind = kind_of(id)
        if kind is not None and kind.get(call, id) is None and id.partition("-")[0] in ("eni", "igw", "i"):
            raise Unclear(f"There is no {kind.called} {id} in this account and region.")


def _thing(call: Call, id: str) -> dict[str, str]:
    kind = kind_of(id)
    return {"Id": id, "Arn": kind.arn(call, id)} if kind is not None else {"Id": id}


def _component(call: Call, number: int, step: Step) -> dict[str, Any]:
    shown: dict[str, Any] = {"SequenceNumber": number, "Component": _thing(call, _id_of(call, step))}
    shown["Vpc"] = _thing(call, step.network)
    return shown | _deciding(step)


def _id_of(call: Call, step: Step) -> str:
    """An internet gateway is known by its own id here."""
    if step.kind != "internet":
        return step.id
    for _, gateway in records.internet_gateways.scan(call.tx, call.account, call.region):
        if gateway.vpc == step.network:
            return gateway.id
    return step.id


def _deciding(step: Step) -> dict[str, Any]:
    """The rule, entry or route."""
    if step.rule is not None:
        rule = step.rule
        shown: dict[str, Any] = {
            "Direction": step.direction,
            "SecurityGroupId": step.id,
            "Protocol": _name(rule.protocol),
        }
        if rule.ranges:
            shown["Cidr"] = rule.ranges[0]
        return {"SecurityGroupRule": shown | _ports(rule.protocol, rule.first, rule.last)}
    if step.entry is not None:
        entry = step.entry
        shown = {"Cidr": entry.range, "Egress": step.direction == "egress", "Protocol": _name(entry.protocol)}
        shown |= {"RuleAction": "allow" if entry.allow else "deny", "RuleNumber": entry.number}
        return {"AclRule": shown | _ports(entry.protocol, entry.first, entry.last)}
    if step.route is not None:
        members = {"nat": "NatGatewayId", "peer": "VpcPeeringConnectionId", "interface": "NetworkInterfaceId"}
        route = step.route
        shown = {"DestinationCidr": route.range, "State": "blackhole" if route.kind == "blackhole" else "active"}
        member = members.get(route.kind, "GatewayId")
        return {"RouteTableRoute": shown | ({member: route.target} if route.target else {})}
    return {}


def _name(protocol: int) -> str:
    return {6: "tcp", 17: "udp", 1: "icmp", ANY: "all"}.get(protocol, str(protocol))


def _ports(protocol: int, first: int, last: int) -> dict[str, Any]:
    return {"PortRange": {"From": first, "To": last}} if protocol in (6, 17) and first != ANY else {}


def _explanations(call: Call, found: Way) -> list[dict[str, Any]]:
    if found.block is None:
        return []
    step = found.block.step
    shown: dict[str, Any] = {"ExplanationCode": found.block.code, "Vpc": _thing(call, step.network)}
    if step.direction:
        shown["Direction"] = step.direction
    if step.kind == "acl":
        shown["Acl"] = _thing(call, step.id)
    elif step.kind == "group":
        shown["SecurityGroups"] = [_thing(call, id) for id in step.id.split(", ") if id]
    elif step.kind == "table":
        shown["RouteTable"] = _thing(call, step.id)
    elif step.kind == "internet":
        shown["InternetGateway"] = _thing(call, _id_of(call, step))
    elif step.kind == "nat":
        shown["NatGateway"] = _thing(call, step.id)
    elif step.kind == "peer":
        shown["VpcPeeringConnection"] = _thing(call, step.id)
    else:
        shown["Component"] = _thing(call, step.id)
    return [shown | _deciding(step)]


def _show(call: Call, analysis: Analysis) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "NetworkInsightsAnalysisId": analysis.id,
        "NetworkInsightsAnalysisArn": ANALYSIS.arn(call, analysis.id),
        "NetworkInsightsPathId": analysis.path,
        "StartDate": analysis.created,
        **tags.shown(analysis.tags),
    }
    if analysis.wrong:
        return shown | {"Status": "failed", "StatusMessage": analysis.wrong}
    shown |= {"Status": "succeeded", "NetworkPathFound": analysis.found}
    if analysis.found:
        return shown | {"ForwardPathComponents": analysis.forward, "ReturnPathComponents": analysis.back}
    return shown | {"Explanations": analysis.explanations}


@operation("DescribeNetworkInsightsAnalyses")
def describe_network_insights_analyses(call: Call, request: Request) -> dict[str, Any]:
    path = request.get("NetworkInsightsPathId")
    return describe(
        call,
        request,
        ANALYSIS,
        ids="NetworkInsightsAnalysisIds",
        answer="NetworkInsightsAnalyses",
        show=_show,
        extra=lambda analysis: path in (None, analysis.path),
    )


@operation("DeleteNetworkInsightsAnalysis", resource=targets(ANALYSIS, "NetworkInsightsAnalysisId"))
def delete_network_insights_analysis(call: Call, request: Request) -> dict[str, Any]:
    analysis = ANALYSIS.need(call, request["NetworkInsightsAnalysisId"])
    ANALYSIS.delete(call, analysis.id)
    return {"NetworkInsightsAnalysisId": analysis.id}
