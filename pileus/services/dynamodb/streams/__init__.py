"""DynamoDB Streams: what changed in a table, in order, for a day."""
