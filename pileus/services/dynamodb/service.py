"""Amazon DynamoDB, declared."""

from pileus.service import Service

dynamodb = Service("dynamodb", validation="ValidationException")
