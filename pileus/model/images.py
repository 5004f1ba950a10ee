"""The machine images that the cloud itself offers: the same ids in every cloud, one for each region.

Source of the parameter names: Debian, "Cloud/AmazonEC2Image/Bookworm"; AWS Systems Manager User Guide, "Working with
public parameters".
"""

import hashlib
from typing import NamedTuple

ID_DIGITS = 16


class Offer(NamedTuple):
    """`origin`: of the built image. `parameters`: public parameters of Systems Manager whose value is its id. `made`:
    when it was first offered, epoch seconds."""

    origin: str
    name: str
    description: str
    parameters: tuple[str, ...]
    made: float

    def id(self, prefix: str, region: str) -> str:
        """Of the image ('ami') or of the snapshot of its root disk ('snap')."""
        digest = hashlib.sha256(f"{region}/{self.origin}/{self.name}".encode()).hexdigest()
        return f"{prefix}-0{digest[:ID_DIGITS]}"


OFFERS = (
    Offer(
        "debian-12",
        "debian-12-amd64-20261128-2026",
        "Debian 12 (bookworm) amd64: systemd, cloud-init, sshd; the user is admin",
        (
            "/aws/service/debian/release/12/latest/amd64",
            "/aws/service/debian/release/bookworm/latest/amd64",
        ),
        1_795_824_000.0,
    ),
)


def parameters(region: str) -> dict[str, tuple[str, Offer]]:
    """Public parameter name -> (image id, its offer), in the order of names."""
    found = {name: (offer.id("ami", region), offer) for offer in OFFERS for name in offer.parameters}
    return dict(sorted(found.items()))
