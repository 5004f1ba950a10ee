"""Moving the cloud's clock over midnights, and giving buckets rules."""

import math
from datetime import UTC, datetime

DAY = 86_400


def now(cloud):
    return cloud.app.clock.now()


def to_midnight(cloud, days=1):
    """To just behind the midnight UTC that ends today; or so many days further."""
    midnight = (math.floor(now(cloud) / DAY) + days) * DAY
    cloud.advance(midnight - now(cloud) + 1)


def to_noon(cloud):
    """So that no test meets a midnight by itself: to the next day's noon."""
    to_midnight(cloud)
    cloud.advance(DAY / 2)


def midnight(cloud, days):
    """The midnight that ends the day so many days from today."""
    return datetime.fromtimestamp((math.floor(now(cloud) / DAY) + days) * DAY, UTC)


def give_rules(s3, bucket, *rules, **more):
    kept = [{"ID": f"rule-{number}", "Status": "Enabled", "Filter": {}, **rule} for number, rule in enumerate(rules)]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": kept}, **more)


def keys(s3, bucket):
    return [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def classes(s3, bucket):
    return {one["Key"]: one["StorageClass"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}


def history(s3, bucket):
    """(key, version id) of every version and [the same] of every delete marker, newest first."""
    found = s3.list_object_versions(Bucket=bucket)
    return tuple(
        [(one["Key"], one["VersionId"]) for one in found.get(kind, [])] for kind in ("Versions", "DeleteMarkers")
    )
