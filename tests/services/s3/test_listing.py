"""Lists of objects: order, prefixes, delimiters, pages that neither repeat nor skip."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.s3.s3_asking import refused


def fill(s3, bucket, keys):
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")


def keys_of(answer):
    return [entry["Key"] for entry in answer.get("Contents", [])]


def runs_of(answer):
    return [entry["Prefix"] for entry in answer.get("CommonPrefixes", [])]


def pages(s3, size, **arguments):
    """All pages of a list by V2's tokens: (names in order, pages)."""
    names, count, token = [], 0, {}
    while True:
        answer = s3.list_objects_v2(MaxKeys=size, **arguments, **token)
        found = sorted(keys_of(answer) + runs_of(answer))
        assert len(found) <= size
        assert answer["KeyCount"] == len(found)
        names += found
        count += 1
        if not answer["IsTruncated"]:
            return names, count
        token = {"ContinuationToken": answer["NextContinuationToken"]}


def test_keys_come_in_the_order_of_their_bytes(s3, bucket):
    keys = ["b", "a", "B", "a/b", "a.b", "ä", "z", "a b", "☁", "~", "a-b"]
    fill(s3, bucket, keys)
    assert keys_of(s3.list_objects_v2(Bucket=bucket)) == sorted(keys, key=str.encode)


def test_an_entry_says_what_is_known(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"hello", StorageClass="STANDARD_IA")
    entry = s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"][0]
    assert (entry["Size"], entry["StorageClass"], entry["ETag"]) == (
        5,
        "STANDARD_IA",
        '"5d41402abc4b2a76b9719d911017c592"',
    )
    assert entry["Owner"]["ID"] == s3.list_buckets()["Owner"]["ID"]
    assert entry["ChecksumAlgorithm"] == ["CRC32"]
    assert "Owner" not in s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert "Owner" in s3.list_objects(Bucket=bucket)["Contents"][0]


def test_a_delimiter_rolls_keys_up(s3, bucket):
    fill(s3, bucket, ["a", "photos/2025/1", "photos/2025/2", "photos/2026/1", "photos/x", "videos/1", "z"])
    top = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert (keys_of(top), runs_of(top)) == (["a", "z"], ["photos/", "videos/"])
    below = s3.list_objects_v2(Bucket=bucket, Delimiter="/", Prefix="photos/")
    assert (keys_of(below), runs_of(below)) == (["photos/x"], ["photos/2025/", "photos/2026/"])
    words = s3.list_objects_v2(Bucket=bucket, Delimiter="os/")
    assert runs_of(words) == ["photos/", "videos/"]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_pages_neither_repeat_nor_skip(s3, bucket, size):
    fill(s3, bucket, ["a", "b/1", "b/2", "b/3", "c", "d/1", "e"])
    assert pages(s3, size, Bucket=bucket)[0] == ["a", "b/1", "b/2", "b/3", "c", "d/1", "e"]
    assert pages(s3, size, Bucket=bucket, Delimiter="/")[0] == ["a", "b/", "c", "d/", "e"]
    assert pages(s3, size, Bucket=bucket, Prefix="b/")[0] == ["b/1", "b/2", "b/3"]


def test_a_page_is_stable_while_keys_come_and_go(s3, bucket):
    fill(s3, bucket, ["a", "b", "c", "d"])
    first = s3.list_objects_v2(Bucket=bucket, MaxKeys=2)
    s3.delete_object(Bucket=bucket, Key="b")
    fill(s3, bucket, ["a2", "c2"])
    rest = s3.list_objects_v2(Bucket=bucket, ContinuationToken=first["NextContinuationToken"])
    assert keys_of(rest) == ["c", "c2", "d"]


def test_a_list_starts_after_a_key(s3, bucket):
    fill(s3, bucket, ["a", "b", "b/1", "c"])
    assert keys_of(s3.list_objects_v2(Bucket=bucket, StartAfter="b")) == ["b/1", "c"]
    assert keys_of(s3.list_objects(Bucket=bucket, Marker="b")) == ["b/1", "c"]


def test_the_first_version_of_the_list_goes_on_by_marker(s3, bucket):
    fill(s3, bucket, ["a", "b/1", "b/2", "c", "d/1"])
    names, marker = [], ""
    while True:
        answer = s3.list_objects(Bucket=bucket, Delimiter="/", MaxKeys=1, Marker=marker)
        names += keys_of(answer) + runs_of(answer)
        if not answer["IsTruncated"]:
            break
        marker = answer["NextMarker"]
    assert names == ["a", "b/", "c", "d/"]
    assert "NextMarker" not in s3.list_objects(Bucket=bucket, MaxKeys=1)


def test_no_keys_were_asked_for_and_none_come(s3, bucket):
    fill(s3, bucket, ["a"])
    answer = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert (answer["KeyCount"], answer["IsTruncated"]) == (0, False)


def test_a_token_of_another_bucket_is_refused(s3, bucket):
    fill(s3, bucket, ["a", "b"])
    token = s3.list_objects_v2(Bucket=bucket, MaxKeys=1)["NextContinuationToken"]
    s3.create_bucket(Bucket=f"{bucket}-other")
    refused("InvalidArgument", s3.list_objects_v2, 400, Bucket=f"{bucket}-other", ContinuationToken=token)


_names = st.text(alphabet="ab/\0ä", min_size=1, max_size=6)
_turns = itertools.count()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.sets(_names, max_size=12), prefix=st.sampled_from(["", "a", "a/", "b"]), size=st.integers(1, 4))
def test_any_list_is_what_its_definition_says(shared_cloud, keys, prefix, size):
    """Compared with the definition: keys under the prefix, cut behind the first delimiter, each once, in order."""
    from pileus.services.s3.listing import walk
    from pileus.services.s3.tables import Version, current

    bucket = 10_000_000 + next(_turns)

    def work(tx):
        for key in keys:
            current.put(tx, bucket, key, record=Version(0.0, 0, "", ""))
        expected = set()
        for key in keys:
            if key.startswith(prefix):
                at = key.find("/", len(prefix))
                expected.add(key[: at + 1] if at >= 0 else key)
        found, after, rolled = [], None, False
        while page := walk.objects(tx, bucket, prefix, "/", after, rolled, size):
            found += [name for name, _ in page]
            after, rolled = page[-1][0], page[-1][1] is None
        return found, sorted(expected, key=lambda key: key.encode())

    found, expected = shared_cloud.run(shared_cloud.app.store.transact(work))
    assert found == expected
