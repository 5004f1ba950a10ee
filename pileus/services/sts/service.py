"""The declaration of the STS API."""

from pileus.service import Service

sts = Service("sts")
