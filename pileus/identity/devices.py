"""Virtual MFA devices: time-based one-time passwords.

Source: RFC 6238 (SHA-1, 30 s steps, 6 digits) and RFC 4226; IAM User Guide, "Virtual MFA devices".
"""

import base64
import hmac
import struct
from urllib.parse import quote

import msgspec

from pileus.base import ids
from pileus.store import Index, Transaction

from .version import IdentityTable

STEP_S = 30
DIGITS = 6
SEED_BYTES = 40  # 64 characters in base 32
WINDOW = 2  # steps a device's clock may be off, either way
RESYNC_WINDOW = 60


class MfaDevice(msgspec.Struct, frozen=True):
    """`holder` is the unique id of the user it is assigned to (the account's for its root), empty while it is not.
    `step` is the last step whose code was taken: no code is taken twice. `drift` is how many steps the device is
    ahead of the cloud's clock."""

    account: str
    name: str
    seed: bytes
    created: float
    path: str = "/"
    partition: str = "aws"
    holder: str = ""
    enabled: float = 0.0
    step: int = 0
    drift: int = 0
    tags: dict[str, str] = {}

    @property
    def serial(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:mfa{self.path}{self.name}"

    @property
    def seed_base32(self) -> str:
        return base64.b32encode(self.seed).decode()

    def uri(self, label: str) -> str:
        """What the device's QR code says."""
        issuer = "Amazon Web Services"
        return f"otpauth://totp/{quote(f'{issuer}:{label}')}?secret={self.seed_base32}&issuer={quote(issuer)}"


devices_by_holder: Index[MfaDevice] = Index(
    "identity.mfa.by_holder", lambda key, one: ((one.account, one.holder, *key[1:]),) if one.holder else ()
)
mfa_devices = IdentityTable("identity.mfa", MfaDevice, indexes=(devices_by_holder,))  # account, name in lower case


def new_seed() -> bytes:
    return ids.secret_int(SEED_BYTES * 8).to_bytes(SEED_BYTES, "big")


def find_device(tx: Transaction, serial: str) -> MfaDevice | None:
    parts = serial.split(":", 5)
    if len(parts) != 6 or parts[2] != "iam" or not parts[5].startswith("mfa/"):
        return None
    device = mfa_devices.get(tx, parts[4], parts[5].rpartition("/")[2].lower())
    return device if device is not None and device.serial == serial else None


def keep_device(tx: Transaction, device: MfaDevice) -> None:
    mfa_devices.put(tx, device.account, device.name.lower(), record=device)


def devices_of(tx: Transaction, account: str, holder: str) -> list[MfaDevice]:
    return [device for _, device in mfa_devices.find(tx, devices_by_holder, account, holder)]


def code_at(seed: bytes, step: int) -> str:
    mac = hmac.digest(seed, struct.pack(">Q", step), "sha1")
    offset = mac[-1] & 15
    number = struct.unpack(">I", mac[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def code(seed: bytes, now: float) -> str:
    return code_at(seed, int(now) // STEP_S)


def accept(device: MfaDevice, given: str, now: float) -> MfaDevice | None:
    """The device with the code used up, or None for a wrong or used one."""
    present = int(now) // STEP_S + device.drift
    for step in sorted(range(present - WINDOW, present + WINDOW + 1), key=lambda one: abs(one - present)):
        if step > device.step and hmac.compare_digest(code_at(device.seed, step).encode(), given.encode()):
            return msgspec.structs.replace(device, step=step)
    return None


def synchronize(device: MfaDevice, first: str, second: str, now: float) -> MfaDevice | None:
    """Two codes, one right after the other, tell how far the device's clock is off; None when they do not fit."""
    present = int(now) // STEP_S
    for step in sorted(range(present - RESYNC_WINDOW, present + RESYNC_WINDOW), key=lambda one: abs(one - present)):
        if code_at(device.seed, step) == first and code_at(device.seed, step + 1) == second:
            drift = step + 1 - present if abs(step + 1 - present) > 1 else 0
            return msgspec.structs.replace(device, drift=drift, step=step + 1)
    return None
