"""The credential report: every user's credentials as one table of comma-separated values.

Source: IAM User Guide, "Generate credential reports for your AWS account". A report is made anew four hours after the
last.
"""

import csv
import io
from typing import Any

import msgspec

from pileus.base.clock import iso
from pileus.identity.account import accounts
from pileus.identity.certificates import signing_certificates
from pileus.identity.devices import devices_of
from pileus.identity.keys import AccessKey, keys_of, root_arn
from pileus.identity.passwords import DAY_S, login_profiles
from pileus.identity.people import User, users
from pileus.identity.usage import uses
from pileus.service import Call
from pileus.store import Table

from .service import Request, iam

GOOD_FOR_S = 4 * 3600.0
_ALL = 100_000
_ABSENT = "N/A"

NotPresent = iam.error("CredentialReportNotPresentException")
Expired = iam.error("CredentialReportExpiredException")


class Report(msgspec.Struct, frozen=True):
    at: float
    content: str


reports: Table[Report] = Table("iam.credential_report", Report)  # account

_KEY = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
_USER = "user arn user_creation_time password_enabled password_last_used password_last_changed password_next_rotation"
COLUMNS = [
    *_USER.split(),
    "mfa_active",
    *(f"access_key_{number}_{name}" for number in (1, 2) for name in _KEY),
    *(f"cert_{number}_{name}" for number in (1, 2) for name in ("active", "last_rotated")),
]


def _moment(at: float) -> str:
    return iso(at).replace("Z", "+00:00")


@iam.operation("GenerateCredentialReport")
def generate_credential_report(call: Call, request: Request) -> dict[str, Any]:
    last = reports.get(call.tx, call.account)
    if last is not None and call.now < last.at + GOOD_FOR_S:
        return {"State": "COMPLETE"}
    reports.put(call.tx, call.account, record=Report(float(int(call.now)), _table(call)))
    return {"State": "STARTED", "Description": "No report exists. Starting a new report generation task"}


@iam.operation("GetCredentialReport")
def get_credential_report(call: Call, request: Request) -> dict[str, Any]:
    last = reports.get(call.tx, call.account)
    if last is None:
        raise NotPresent("No report exists for this account. Generate one with GenerateCredentialReport.")
    if call.now >= last.at + GOOD_FOR_S:
        raise Expired("The most recent credential report has expired. Generate a new one.")
    return {"Content": last.content.encode(), "ReportFormat": "text/csv", "GeneratedTime": last.at}


def _table(call: Call) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    account = call.account
    root = ["<root_account>", root_arn(account, call.region), _ABSENT, "not_supported", *[_ABSENT] * 3]
    mfa = _yes(bool(devices_of(call.tx, account, account)))
    writer.writerow([*root, mfa, *_keys(call, ""), *_certificates(call, None)])
    settings = accounts.get(call.tx, account)
    policy = settings.password_policy if settings is not None else None
    for _, user in users.scan(call.tx, account, limit=_ALL):
        profile = login_profiles.get(call.tx, account, user.id)
        password = ["false", _ABSENT, _ABSENT, _ABSENT]
        if profile is not None:
            rotation = profile.changed + policy.max_age_days * DAY_S if policy and policy.max_age_days else None
            next_one = _moment(rotation) if rotation is not None else _ABSENT
            password = ["true", "no_information", _moment(profile.changed), next_one]
        mfa = _yes(bool(devices_of(call.tx, account, user.id)))
        made = _moment(user.created)
        writer.writerow(
            [user.name, user.arn, made, *password, mfa, *_keys(call, user.name), *_certificates(call, user)]
        )
    return text.getvalue()


def _yes(value: bool) -> str:
    return "true" if value else "false"


def _keys(call: Call, user: str) -> list[str]:
    shown: list[str] = []
    keys = keys_of(call.tx, call.account, user)
    for number in (0, 1):
        shown += _key(call, keys[number]) if number < len(keys) else ["false", *[_ABSENT] * 4]
    return shown


def _key(call: Call, key: AccessKey) -> list[str]:
    use = uses.get(call.tx, key.id)
    used = [_moment(use.at), use.region, use.service] if use is not None else [_ABSENT] * 3
    return [_yes(key.active), _moment(key.created), *used]


def _certificates(call: Call, user: User | None) -> list[str]:
    """The root has none here."""
    found = signing_certificates.scan(call.tx, call.account, user.id) if user is not None else ()
    shown = [part for _, one in found for part in (_yes(one.active), _moment(one.uploaded))]
    return shown + ["false", _ABSENT] * ((4 - len(shown)) // 2)
