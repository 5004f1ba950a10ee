"""EBS direct APIs: snapshots read and written block by block, without a volume.

Source: Amazon EBS User Guide, "Use EBS direct APIs to access the contents of an Amazon EBS snapshot"; EBS direct APIs
Reference.
"""

from . import reading, writing
from .service import ebs

__all__ = ["ebs", "reading", "writing"]
