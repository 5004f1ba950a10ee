"""Other people's S3 clients, unmodified: `aws s3`, rclone, s3fs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from boto3.s3.transfer import TransferConfig

ROOT = Path(__file__).parents[2]
S3FS = ROOT / ".cache" / "clients" / "s3fs" / "bin" / "python"


class Shell:
    def __init__(self, cloud, folder):
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment = kept | {
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": cloud.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_PAGER": "",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_CLOUD_TYPE": "s3",
            "RCLONE_CONFIG_CLOUD_PROVIDER": "Other",
            "RCLONE_CONFIG_CLOUD_ENV_AUTH": "true",
            "RCLONE_CONFIG_CLOUD_ENDPOINT": cloud.endpoint,
            "RCLONE_CONFIG_CLOUD_REGION": "us-east-1",
        }

    def __call__(self, command, fails=False):
        done = subprocess.run(
            ["bash", "-c", command], env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=120
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def shell(cloud, tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return Shell(cloud, folder)


@pytest.fixture
def tree(shell):
    """A folder of files: small, odd, large enough for a multipart upload."""
    tree = shell.folder / "tree"
    (tree / "sub dir").mkdir(parents=True)
    (tree / "a.txt").write_text("hello")
    (tree / "sub dir" / "ü+1.txt").write_text("umlaut")
    (tree / "large.bin").write_bytes(os.urandom(20_000_000))
    return tree


def same(one, other):
    assert subprocess.run(["diff", "-r", str(one), str(other)], capture_output=True, text=True).stdout == ""


def test_aws_s3_moves_trees_both_ways(shell, tree):
    shell("aws s3 mb s3://trees-of-mine")
    shell("aws s3 cp --recursive tree s3://trees-of-mine/t/")
    listed = shell("aws s3 ls --recursive s3://trees-of-mine/t/")
    assert "t/sub dir/ü+1.txt" in listed
    shell("aws s3 cp --recursive s3://trees-of-mine/t/ back")
    same(tree, shell.folder / "back")
    assert "PRE sub dir/" in shell("aws s3 ls s3://trees-of-mine/t/")


def test_aws_s3_sync_sends_only_what_changed(shell, tree):
    shell("aws s3 mb s3://synced-things")
    assert shell("aws s3 sync tree s3://synced-things").count("upload:") == 3
    assert shell("aws s3 sync tree s3://synced-things") == ""
    (tree / "a.txt").write_text("changed!")
    (tree / "large.bin").unlink()
    said = shell("aws s3 sync --delete tree s3://synced-things")
    assert "upload: tree/a.txt" in said
    assert "delete: s3://synced-things/large.bin" in said
    shell("aws s3 sync s3://synced-things back")
    same(tree, shell.folder / "back")


def test_aws_s3_moves_presigns_and_removes(shell, tree):
    shell("aws s3 mb s3://moved-things")
    shell("aws s3 cp tree/a.txt s3://moved-things/a.txt")
    shell("aws s3 mv s3://moved-things/a.txt s3://moved-things/b.txt")
    link = shell("aws s3 presign s3://moved-things/b.txt").strip()
    assert shell(f"curl -s '{link}'") == "hello"
    assert "fatal error" in shell("aws s3 cp s3://moved-things/a.txt .", fails=True)
    assert "BucketNotEmpty" in shell("aws s3 rb s3://moved-things", fails=True)
    shell("aws s3 rb --force s3://moved-things")
    assert "moved-things" not in shell("aws s3 ls")


def test_aws_s3_streams_and_serves_websites(shell):
    shell("aws s3 mb s3://piped-things")
    shell("head -c 9000000 /dev/urandom > noise && aws s3 cp - s3://piped-things/noise < noise")
    shell("aws s3 cp s3://piped-things/noise - | cmp - noise")
    shell("aws s3 website s3://piped-things --index-document index.html --error-document sorry.html")
    shell("echo welcome > index.html && echo sorry > sorry.html")
    shell("for page in index sorry; do aws s3 cp $page.html s3://piped-things/; done")
    shell("aws s3api delete-public-access-block --bucket piped-things")
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": ["arn:aws:s3:::piped-things", "arn:aws:s3:::piped-things/*"],
    }
    policy = shell.folder / "policy.json"
    policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    shell("aws s3api put-bucket-policy --bucket piped-things --policy file://policy.json")
    site = f"curl -s -H 'Host: piped-things.s3-website-us-east-1.amazonaws.com' {shell.environment['AWS_ENDPOINT_URL']}"
    assert shell(f"{site}/") == "welcome\n"
    assert shell(f"{site}/nothing -w '%{{http_code}} %{{content_type}}'") == "sorry\n404 text/html"


def test_boto3_moves_large_files_both_ways(cloud, shell):
    """Its managed transfers: parts at the same time, up, down and across."""
    client = cloud.client("s3")
    client.create_bucket(Bucket="transferred-things")
    large = shell.folder / "large"
    large.write_bytes(os.urandom(30_000_001))
    parts = TransferConfig(multipart_threshold=5 * 1024 * 1024, multipart_chunksize=5 * 1024 * 1024)
    client.upload_file(str(large), "transferred-things", "large", Config=parts)
    assert client.head_object(Bucket="transferred-things", Key="large")["ETag"].endswith('-6"')
    client.copy({"Bucket": "transferred-things", "Key": "large"}, "transferred-things", "copy", Config=parts)
    client.download_file("transferred-things", "copy", str(shell.folder / "back"), Config=parts)
    same(large, shell.folder / "back")


def test_aws_s3_finds_a_bucket_in_another_region(shell, tree):
    shell("aws s3 mb s3://far-away-things --region eu-north-1")
    shell("aws s3 cp tree/a.txt s3://far-away-things/a.txt")
    assert shell("aws s3 cp s3://far-away-things/a.txt -") == "hello"


@pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed and could not be: no root, no sudo")
def test_rclone_syncs_and_checks_trees(shell, tree):
    shell("rclone mkdir cloud:of-rclone")
    shell("rclone sync tree cloud:of-rclone/t")
    assert "0 differences found" in shell("rclone check tree cloud:of-rclone/t")
    shell("rclone sync cloud:of-rclone/t back")
    same(tree, shell.folder / "back")
    shell("rclone moveto cloud:of-rclone/t/a.txt cloud:of-rclone/t/b.txt")
    assert sorted(shell("rclone lsf -R cloud:of-rclone").split("\n")) == [
        "",
        "t/",
        "t/b.txt",
        "t/large.bin",
        "t/sub dir/",
        "t/sub dir/ü+1.txt",
    ]
    assert shell("rclone cat cloud:of-rclone/t/b.txt") == "hello"
    shell("rclone purge cloud:of-rclone")


def test_s3fs_reads_and_writes_as_files(shell):
    assert S3FS.exists(), "s3fs is installed by scripts/clients.sh (make test)"
    script = """
import s3fs
fs = s3fs.S3FileSystem(anon=False)
fs.mkdir("of-s3fs")
with fs.open("of-s3fs/dir/large", "wb") as file:
    for number in range(12):
        file.write(bytes([number]) * 1_000_000)
with fs.open("of-s3fs/dir/large", "rb") as file:
    file.seek(5_500_000)
    assert file.read(3) == bytes([5]) * 3
fs.pipe("of-s3fs/dir/small", b"hello")
assert sorted(fs.ls("of-s3fs/dir")) == ["of-s3fs/dir/large", "of-s3fs/dir/small"]
assert fs.du("of-s3fs") == 12_000_005
fs.mv("of-s3fs/dir/small", "of-s3fs/moved")
assert fs.cat("of-s3fs/moved") == b"hello"
fs.rm("of-s3fs", recursive=True)
assert not fs.exists("of-s3fs")
print("done")
"""
    done = subprocess.run([str(S3FS), "-c", script], env=shell.environment, capture_output=True, text=True, timeout=120)
    assert done.stdout == "done\n", done.stderr
