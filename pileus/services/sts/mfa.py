"""The code of an MFA device beside a request for credentials. A phone goes by the machine's clock, as signatures do."""

from pileus.identity.devices import accept, find_device, keep_device
from pileus.service import Call

from .service import Denied, Request, ValidationError


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
    used = accept(device, given, call.cloud.clock.machine())
    if used is None:
        raise Denied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")
    keep_device(call.tx, used)
    return True
