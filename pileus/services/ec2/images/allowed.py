"""Which images of others an account lets itself see and launch, in a region.

An image passes when it meets all conditions of one criterion; the account's own always pass. In the audit mode all can
be used, and each image only tells whether it would pass. Source: EC2 API Reference, "EnableAllowedImagesSettings",
"ReplaceImageCriteriaInAllowedImagesSettings", "ImageCriterion"; Amazon EC2 User Guide, "Control the discovery and use
of AMIs in Amazon EC2 with Allowed AMIs".
"""

from typing import Any

import msgspec

from pileus.service import Call
from pileus.store import Table

from ..filters import matches
from ..service import ACCOUNT, Ec2Error, Request, combination, invalid, operation
from ..volumes.records import AMAZON
from .records import Image

CRITERIA_MAX, PROVIDERS_MAX, NAMES_MAX = 10, 200, 50
DISABLED, ENABLED = "disabled", "enabled"
DAY_SECONDS = 86_400.0
ALIASES = (AMAZON, "aws-marketplace", "aws-backup-vault", "none")
PARTIAL = "criteria are providers, names, age and deprecation; no marketplace, watermarks or scans"


class Criterion(msgspec.Struct, frozen=True):
    """`created`, `deprecated`: the most days since then; -1 where there is no such condition."""

    providers: list[str] = []
    names: list[str] = []
    created: int = -1
    deprecated: int = -1


class Settings(msgspec.Struct, frozen=True):
    state: str = DISABLED
    criteria: list[Criterion] = []


settings = Table("ec2.images.allowed", Settings)  # account, region


def _of(call: Call) -> Settings:
    return settings.get(call.tx, call.account, call.region) or Settings()


def _meets(call: Call, one: Criterion, image: Image) -> bool:
    if one.providers and image.owner not in one.providers:
        return False
    if one.names and not matches(one.names, [image.name]):
        return False
    if one.created >= 0 and call.now - image.created > one.created * DAY_SECONDS:
        return False
    deprecated = bool(image.deprecated) and image.deprecated <= call.now
    return one.deprecated < 0 or not deprecated or call.now - image.deprecated < one.deprecated * DAY_SECONDS


def passes(call: Call, image: Image) -> bool:
    """Whether it meets the criteria, in force or not."""
    return image.owner == call.account or any(_meets(call, one, image) for one in _of(call).criteria)


def allowed(call: Call, image: Image) -> bool:
    """Whether it can be seen and used."""
    return _of(call).state != ENABLED or passes(call, image)


def shown(call: Call, image: Image) -> dict[str, Any]:
    """The member `ImageAllowed`, where the account asked to know."""
    return {} if _of(call).state == DISABLED else {"ImageAllowed": passes(call, image)}


def _show(one: Criterion) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if one.providers:
        found["ImageProviders"] = one.providers
    if one.names:
        found["ImageNames"] = one.names
    if one.created >= 0:
        found["CreationDateCondition"] = {"MaximumDaysSinceCreated": one.created}
    if one.deprecated >= 0:
        found["DeprecationTimeCondition"] = {"MaximumDaysSinceDeprecated": one.deprecated}
    return found


@operation("GetAllowedImagesSettings", partial=PARTIAL)
def get_allowed_images_settings(call: Call, request: Request) -> dict[str, Any]:
    own = _of(call)
    return {"State": own.state, "ImageCriteria": [_show(one) for one in own.criteria], "ManagedBy": "account"}


def _set(call: Call, **changes: Any) -> None:
    settings.put(call.tx, call.account, call.region, record=msgspec.structs.replace(_of(call), **changes))


@operation("EnableAllowedImagesSettings", partial=PARTIAL)
def enable_allowed_images_settings(call: Call, request: Request) -> dict[str, Any]:
    _set(call, state=request["AllowedImagesSettingsState"])
    return {"AllowedImagesSettingsState": request["AllowedImagesSettingsState"]}


@operation("DisableAllowedImagesSettings")
def disable_allowed_images_settings(call: Call, request: Request) -> dict[str, Any]:
    """The criteria stay."""
    _set(call, state=DISABLED)
    return {"AllowedImagesSettingsState": DISABLED}


@operation("ReplaceImageCriteriaInAllowedImagesSettings", partial=PARTIAL)
def replace_image_criteria(call: Call, request: Request) -> dict[str, Any]:
    given = request.get("ImageCriteria") or []
    if len(given) > CRITERIA_MAX:
        raise Ec2Error("ImageCriteriaLimitExceeded", f"There are at most {CRITERIA_MAX} image criteria.")
    _set(call, criteria=[_criterion(one) for one in given])
    return {"ReturnValue": True}


def _criterion(given: Any) -> Criterion:
    providers, names = given.get("ImageProviders") or [], given.get("ImageNames") or []
    for one in providers:
        if one not in ALIASES and not ACCOUNT.fullmatch(one):
            raise invalid(f"Value ({one}) for parameter imageProvider is invalid.")
    if "none" in providers and len(providers) > 1:
        raise combination("The image provider none cannot be specified with others.")
    if len(providers) > PROVIDERS_MAX or len(names) > NAMES_MAX:
        raise invalid(f"A criterion has at most {PROVIDERS_MAX} image providers and {NAMES_MAX} image names.")
    created = (given.get("CreationDateCondition") or {}).get("MaximumDaysSinceCreated", -1)
    deprecated = (given.get("DeprecationTimeCondition") or {}).get("MaximumDaysSinceDeprecated", -1)
    return Criterion(list(providers), list(names), created, deprecated)
