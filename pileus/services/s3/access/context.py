"""S3's condition keys.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".
"""

from typing import Any

from pileus.service import Call


def context_of(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    return {}
