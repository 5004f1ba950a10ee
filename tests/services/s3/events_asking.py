"""Asking for what S3 tells others: queues that let it in, and what arrives in them."""

import json


def queue_for(sqs, name, bucket, account="000000000000"):
    """(URL, ARN) of a new queue whose policy lets S3 send for this bucket."""
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    let_in(sqs, url, arn, bucket, account)
    return url, arn


def let_in(sqs, url, arn, bucket, account="000000000000"):
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
            "StringEquals": {"aws:SourceAccount": account},
        },
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})


def told(cloud, sqs, url):
    """The event records that arrived since, oldest first; test messages are left out."""
    cloud.settle()
    records = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            records += json.loads(message["Body"]).get("Records", [])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return records


def tell(s3, bucket, *rules):
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": list(rules)}
    )


def rule(arn, *events, **affixes):
    found = {"QueueArn": arn, "Events": list(events)}
    if affixes:
        rules = [{"Name": name, "Value": value} for name, value in affixes.items()]
        found["Filter"] = {"Key": {"FilterRules": rules}}
    return found


def put_policy(s3, bucket, *statements):
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
