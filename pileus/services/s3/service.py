"""Amazon S3, declared."""

from pileus.service import Service

s3 = Service("s3", validation=None, to_strangers="Access Denied")
