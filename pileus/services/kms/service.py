"""AWS Key Management Service, declared."""

from pileus.service import Service

kms = Service("kms", validation="ValidationException")
