"""Amazon S3, declared."""

from typing import Any

from pileus.service import Service


def _inspect(model: Any, headers: dict[str, str], body: bytes) -> None:
    from .bodies import check_body

    check_body(model, headers, body)


s3 = Service("s3", validation=None, inspect=_inspect, to_strangers="Access Denied")
