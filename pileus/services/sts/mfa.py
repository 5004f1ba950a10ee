"""The code of an MFA device beside a request for credentials. A phone goes by the machine's clock, as signatures do."""

from pileus.identity.devices import accept, find_device, keep_device
from pileus.service import Call

from .service import Denied, Request, ValidationError

WRONG_MAX = 5
WITHIN_S = 300.0
DEVICES_MAX = 4_096
_wrong: dict[str, list[float]] = {}
"""When this process was lately shown wrong codes, by serial number: six digits are guessed in minutes by one who may
try as often as machines can. A refused call writes nothing, so the store cannot tell."""


def _may_try(serial: str, machine: float) -> bool:
    lately = [moment for moment in _wrong.get(serial, ()) if 0 <= machine - moment < WITHIN_S]
    if lately:
        _wrong[serial] = lately
    else:
        _wrong.pop(serial, None)
    return len(lately) < WRONG_MAX


def _note_wrong(serial: str, machine: float) -> None:
    if len(_wrong) >= DEVICES_MAX:
        _wrong.clear()
    _wrong.setdefault(serial, []).append(machine)


def passed_mfa(call: Call, request: Request) -> bool:
    """Whether the caller showed a code; a wrong one is refused. The code is used up."""
    serial, given = request.get("SerialNumber"), request.get("TokenCode")
    if serial is None and given is None:
        return False
    if serial is None or given is None:
        raise ValidationError("SerialNumber and TokenCode must both be given, or neither.")
    device = find_device(call.tx, serial)
    if device is None or device.account != call.account or device.holder != call.caller.user_id:
        raise Denied(
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is"
            " valid and associated with this user."
        )
    machine = call.cloud.clock.machine()
    if not _may_try(serial, machine):
        raise Denied(
            "MultiFactorAuthentication failed: too many invalid one time pass codes, try again in some minutes."
        )
    used = accept(device, given, machine)
    if used is None:
        _note_wrong(serial, machine)
        raise Denied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")
    keep_device(call.tx, used)
    return True
