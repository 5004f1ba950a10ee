"""The credit option of burstable types: of an instance, and the default of a family.

Recorded and shown; no machine earns or spends credits here. Source: EC2 API Reference,
"DescribeInstanceCreditSpecifications", "ModifyInstanceCreditSpecification", "GetDefaultCreditSpecification",
"ModifyDefaultCreditSpecification"; Amazon EC2 User Guide, "Key concepts for burstable performance instances".
"""

from typing import Any

from msgspec.structs import replace

from pileus.service import Call
from pileus.store import Table

from ..filters import compiled
from ..kinds import targets
from ..listing import select
from ..service import Ec2Error, Request, combination, invalid, missing, operation
from .records import instance_kind
from .types import InstanceType, types

OPTIONS = ("standard", "unlimited")
PARTIAL = "recorded; machines neither earn nor spend CPU credits"

defaults = Table("ec2.credits", str)  # account, region, family -> the option, where it is not the family's own


def of_launch(call: Call, asked: str | None, kind: InstanceType) -> str:
    """The option of a new instance; empty for types without credits."""
    if asked is None:
        return (defaults.get(call.tx, call.account, call.region, kind.family) if kind.credits else "") or kind.credits
    check(asked)
    if not kind.burstable:
        raise combination(f"The credit specification is not supported for the instance type '{kind.name}'.")
    return asked


def check(option: str | None) -> None:
    if option not in OPTIONS:
        raise invalid(f"Value ({option}) for parameter CpuCredits is invalid: it is standard or unlimited.")


@operation("DescribeInstanceCreditSpecifications")
def describe_instance_credit_specifications(call: Call, request: Request) -> dict[str, Any]:
    """Of the instances that are named; else of those whose credits are unlimited. Without credits is standard."""
    keep = compiled(request.get("Filters") or [], {"instance-id": lambda one: [one.id]})
    named = set(request.get("InstanceIds") or [])
    records, token = select(
        call,
        request,
        instance_kind,
        ids="InstanceIds",
        extra=lambda one: one.there and (one.id in named or one.credits == "unlimited"),
        keep=keep,
        exclusive=True,
    )
    shown = [{"InstanceId": record.id, "CpuCredits": record.credits or "standard"} for record in records]
    return {"InstanceCreditSpecifications": shown, **({"NextToken": token} if token else {})}


def _changed(call: Call, request: Request) -> list[str]:
    given = request.get("InstanceCreditSpecifications") or []
    named = {"InstanceIds": [one["InstanceId"] for one in given if one.get("InstanceId")]}
    return targets(instance_kind, "InstanceIds")(call, named)


@operation("ModifyInstanceCreditSpecification", resource=_changed, partial=PARTIAL)
def modify_instance_credit_specification(call: Call, request: Request) -> dict[str, Any]:
    """Each instance by itself: what cannot be changed is told beside what was."""
    request.get("ClientToken")  # doing it twice is doing it once
    done, failed = [], []
    for given in request["InstanceCreditSpecifications"]:
        id, option = given.get("InstanceId"), given.get("CpuCredits")
        if not id:
            raise missing("InstanceId")
        check(option)
        wrong = _wrong(call, id)
        if wrong is not None:
            failed.append({"InstanceId": id, "Error": {"Code": wrong.code, "Message": wrong.message}})
            continue
        instance_kind.put(call, id, replace(instance_kind.need(call, id), credits=option))
        done.append({"InstanceId": id})
    return {
        "SuccessfulInstanceCreditSpecifications": done,
        "UnsuccessfulInstanceCreditSpecifications": failed,
    }


def _wrong(call: Call, id: str) -> Ec2Error | None:
    instance = instance_kind.get(call, id)
    if instance is None:
        return instance_kind.unknown([id])
    if instance.state not in ("running", "stopped"):
        return Ec2Error(
            "IncorrectInstanceState", f"The instance '{id}' is {instance.state}: neither running nor stopped."
        )
    kind = types().get(instance.type)
    if kind is None or not kind.burstable:
        return Ec2Error(
            "InstanceCreditSpecification.NotSupported", f"The instance '{id}' is not a burstable performance instance."
        )
    return None


def _family(request: Request) -> str:
    """Raises Unsupported for a family that Pileus has no facts of."""
    family = str(request["InstanceFamily"])
    if not any(kind.family == family and kind.burstable for kind in types().values()):
        raise Ec2Error("Unsupported", f"Pileus has no facts of the instance family {family}.")
    return family


def _default(call: Call, family: str) -> dict[str, Any]:
    own = next(kind.credits for kind in types().values() if kind.family == family)
    option = defaults.get(call.tx, call.account, call.region, family) or own
    return {"InstanceFamilyCreditSpecification": {"InstanceFamily": family, "CpuCredits": option}}


@operation("GetDefaultCreditSpecification")
def get_default_credit_specification(call: Call, request: Request) -> dict[str, Any]:
    return _default(call, _family(request))


@operation("ModifyDefaultCreditSpecification", partial=PARTIAL)
def modify_default_credit_specification(call: Call, request: Request) -> dict[str, Any]:
    """Of launches from now on."""
    family = _family(request)
    check(request["CpuCredits"])
    defaults.put(call.tx, call.account, call.region, family, record=request["CpuCredits"])
    return _default(call, family)
