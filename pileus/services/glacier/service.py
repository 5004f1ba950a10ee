"""Amazon S3 Glacier's vaults, declared: the API of 2012, apart from the storage classes of S3."""

from pileus.service import Service

glacier = Service("glacier", validation="InvalidParameterValueException")
