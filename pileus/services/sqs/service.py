"""Amazon SQS, declared: the API, and the IAM reference it is authorised by."""

from pileus.service import Service

sqs = Service("sqs", validation=None)
