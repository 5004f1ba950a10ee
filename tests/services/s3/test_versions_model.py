"""Versions, markers and the null version, against a model of a dozen lines: whatever order things are done in."""

from collections import defaultdict
from typing import Any

from botocore.config import Config
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.conftest import TestCloud

from .s3_asking import refused

KEYS = st.sampled_from(["a", "a/b", "a/b\u00fc", "b"])
SHOWN = settings(
    max_examples=12, stateful_step_count=35, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


class Versions(RuleBasedStateMachine):
    """`held`: by key, the newest first: (version id, body or None for a delete marker)."""

    cloud: TestCloud
    buckets = 0

    @initialize()
    def begin(self) -> None:
        Versions.buckets += 1
        self.s3 = self.cloud.client("s3", config=Config(s3={"addressing_style": "path"}))
        self.bucket = f"model-{Versions.buckets}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.status = ""
        self.held: dict[str, list[tuple[str, bytes | None]]] = defaultdict(list)
        self.written = 0

    def top(self, key: str) -> tuple[str, bytes | None] | None:
        return self.held[key][0] if self.held[key] else None

    def push(self, key: str, version: str, body: bytes | None) -> None:
        if version == "null":
            self.held[key] = [one for one in self.held[key] if one[0] != "null"]
        self.held[key].insert(0, (version, body))

    def told(self, answer: dict[str, Any]) -> str:
        version = str(answer.get("VersionId", "null"))
        assert (version != "null") == (self.status == "Enabled")
        return version

    @rule(status=st.sampled_from(["Enabled", "Suspended"]))
    def switch(self, status: str) -> None:
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": status})
        self.status = status

    @rule(key=KEYS)
    def put(self, key: str) -> None:
        self.written += 1
        body = b"%d" % self.written
        self.push(key, self.told(self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)), body)

    @rule(source=KEYS, key=KEYS, data=st.data())
    def copy(self, source: str, key: str, data: Any) -> None:
        bodies = [one for one in self.held[source] if one[1] is not None]
        if not bodies:
            return
        version, body = data.draw(st.sampled_from(bodies))
        named = {"Bucket": self.bucket, "Key": source, "VersionId": version}
        answer = self.s3.copy_object(Bucket=self.bucket, Key=key, CopySource=named, MetadataDirective="REPLACE")
        self.push(key, self.told(answer), body)

    @rule(key=KEYS)
    def upload(self, key: str) -> None:
        self.written += 1
        body = b"%d" % self.written
        where = {"Bucket": self.bucket, "Key": key}
        where["UploadId"] = self.s3.create_multipart_upload(**where)["UploadId"]
        part = self.s3.upload_part(**where, PartNumber=7, Body=body)
        parts = {"Parts": [{"PartNumber": 7, "ETag": part["ETag"]}]}
        self.push(key, self.told(self.s3.complete_multipart_upload(**where, MultipartUpload=parts)), body)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        answer = self.s3.delete_object(Bucket=self.bucket, Key=key)
        if self.status:
            assert answer["DeleteMarker"]
            self.push(key, self.told(answer), None)
        else:
            self.held[key] = []

    @rule(key=KEYS, data=st.data())
    def delete_version(self, key: str, data: Any) -> None:
        version = data.draw(st.sampled_from(["null", *(one[0] for one in self.held[key])]))
        answer = self.s3.delete_object(Bucket=self.bucket, Key=key, VersionId=version)
        marked = any(one == (version, None) for one in self.held[key])
        assert answer.get("DeleteMarker", False) == marked
        self.held[key] = [one for one in self.held[key] if one[0] != version]

    @rule(key=KEYS)
    def read(self, key: str) -> None:
        top = self.top(key)
        if top is not None and top[1] is not None:
            assert self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() == top[1]
        else:
            refused("NoSuchKey", self.s3.get_object, Bucket=self.bucket, Key=key)

    @rule(size=st.integers(1, 5))
    def look(self, size: int) -> None:
        self.agree(size)

    def teardown(self) -> None:
        if hasattr(self, "bucket"):
            self.agree(3)

    def agree(self, size: int) -> None:
        """Lists, in pages of this size, show what the model has, and every version is readable."""
        found: list[tuple[str, str, bool, bool]] = []
        for page in self.s3.get_paginator("list_object_versions").paginate(
            Bucket=self.bucket, PaginationConfig={"PageSize": size}
        ):
            rows = [(row, False) for row in page.get("Versions", [])] + [
                (row, True) for row in page.get("DeleteMarkers", [])
            ]
            found += [(row["Key"], row["VersionId"], marker, row["IsLatest"]) for row, marker in rows]
        wanted = [
            (key, version, body is None, number == 0)
            for key, versions in self.held.items()
            for number, (version, body) in enumerate(versions)
        ]
        assert sorted(found) == sorted(wanted)
        current = [key for key in sorted(self.held) if (top := self.top(key)) is not None and top[1] is not None]
        listed = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, PaginationConfig={"PageSize": size}
        )
        assert [row["Key"] for page in listed for row in page.get("Contents", [])] == current
        for key, versions in self.held.items():
            for version, body in versions:
                if body is not None:
                    got = self.s3.get_object(Bucket=self.bucket, Key=key, VersionId=version)
                    assert got["Body"].read() == body


def test_versions_are_what_a_simple_model_says(shared_cloud: TestCloud) -> None:
    machine = type("Machine", (Versions,), {"cloud": shared_cloud})
    run_state_machine_as_test(machine, settings=SHOWN)
