"""Health, LocalStack's conventions, browsers, TLS: what stands before the pipeline."""

import json
import ssl
import urllib.error
import urllib.request

import boto3
import pytest

from tests.conftest import TestCloud


def fetch(cloud, path="/", **options):
    request = urllib.request.Request(cloud.endpoint + path, **options)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def test_health_lists_the_services(shared_cloud):
    status, _, body = fetch(shared_cloud, "/_pileus/health")
    assert status == 200
    assert "sts" in json.loads(body)["services"]


def test_scripts_written_for_localstack_find_their_health_page(shared_cloud):
    _, _, body = fetch(shared_cloud, "/_localstack/health")
    assert json.loads(body)["services"]["sts"] == "running"


def test_a_page_of_this_machine_may_use_the_cloud(shared_cloud):
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    status, headers, _ = fetch(shared_cloud, method="OPTIONS", headers=asked)
    assert status == 200
    assert headers["access-control-allow-origin"] == "http://localhost:3000"
    _, headers, _ = fetch(shared_cloud, "/_pileus/health", headers={"Origin": "http://app.localhost"})
    assert headers["access-control-allow-origin"] == "http://app.localhost"


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "GET"])
def test_a_page_of_another_site_may_not(shared_cloud, method):
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    status, headers, _ = fetch(shared_cloud, method=method, headers=asked)
    assert status == 403
    assert "access-control-allow-origin" not in headers


def test_other_origins_can_be_allowed_by_name(tmp_path):
    cloud = TestCloud(tmp_path, cors_origins=("https://my.example",))
    status, headers, _ = fetch(cloud, "/_pileus/health", headers={"Origin": "https://my.example"})
    cloud.stop()
    assert (status, headers["access-control-allow-origin"]) == (200, "https://my.example")


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_tls_is_trusted_by_whoever_trusts_the_local_authority(tmp_path):
    port = free_port()
    cloud = TestCloud(tmp_path, https_port=port)
    try:
        for _ in range(2):
            sts = boto3.client(
                "sts",
                endpoint_url=f"https://localhost:{port}",
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                verify=str(tmp_path / "ca.pem"),
            )
            assert sts.get_caller_identity()["Account"] == "000000000000"
            authority = (tmp_path / "ca.pem").read_bytes()
            cloud.restart()
            assert (tmp_path / "ca.pem").read_bytes() == authority
        with pytest.raises(urllib.error.URLError) as refused:
            urllib.request.urlopen(f"https://localhost:{port}/_pileus/health", context=ssl.create_default_context())
        assert isinstance(refused.value.reason, ssl.SSLCertVerificationError)
        assert (tmp_path / "ca.key").stat().st_mode & 0o077 == 0
    finally:
        cloud.stop()


def test_a_secure_cloud_knows_no_test_keys(tmp_path):
    cloud = TestCloud(tmp_path, secure=True)
    try:
        for key in ("test", "123456789012"):
            with pytest.raises(Exception, match="InvalidClientTokenId"):
                cloud.client("sts", key).get_caller_identity()
        key, secret = (tmp_path / "root.key").read_text().split()
        assert cloud.client("sts", key, secret).get_caller_identity()["Account"] == "000000000000"
        cloud.restart()
        assert cloud.client("sts", key, secret).get_caller_identity()["Account"] == "000000000000"
        assert (tmp_path / "root.key").stat().st_mode & 0o077 == 0
    finally:
        cloud.stop()
