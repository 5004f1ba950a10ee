"""AssumeRoleWithWebIdentity against a provider that runs here."""

import base64
import json
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from tests.services.iam.accounts import allow, trusts


def b64(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Provider:
    """An issuer with an RSA and an EC key, on a port of its own."""

    def __init__(self, secure=None):
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.broken = False
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps(provider.answer(self.path)).encode()
                self.send_response(500 if provider.broken else 200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        if secure is not None:
            self.wrap(secure)
            self.url = self.url.replace("http", "https", 1)
        self.name = self.url.partition("://")[2]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wrap(self, folder):
        """TLS with a certificate nobody vouches for."""
        key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp")])
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        made = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
        certificate = made.sign(key, hashes.SHA256())
        self.thumbprint = certificate.fingerprint(hashes.SHA1()).hex()
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / "key.pem").write_bytes(key.private_bytes(*form))
        (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, path):
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": self.url + "/keys"}
        public, point = self.rsa.public_key().public_numbers(), self.ec.public_key().public_numbers()
        return {
            "keys": [
                {"kid": "r", "kty": "RSA", "use": "sig", "n": number(public.n), "e": number(public.e)},
                {"kid": "e", "kty": "EC", "crv": "P-256", "x": number(point.x), "y": number(point.y)},
            ]
        }

    def token(self, algorithm="RS256", **claims):
        now = int(time.time())
        claims = {"iss": self.url, "sub": "alice", "aud": "app", "iat": now, "exp": now + 300, **claims}
        header = {"alg": algorithm, "kid": "r" if algorithm == "RS256" else "e", "typ": "JWT"}
        signed = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
        if algorithm == "RS256":
            signature = self.rsa.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        elif algorithm == "ES256":
            r, s = decode_dss_signature(self.ec.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        else:
            signature = b""
        return f"{signed}.{b64(signature)}"


@pytest.fixture(scope="module")
def provider():
    made = Provider()
    yield made
    made.close()


@pytest.fixture
def sts(account):
    """An unsigned client: the token is all there is."""
    config = Config(signature_version=UNSIGNED, retries={"max_attempts": 0})
    return boto3.client("sts", region_name="us-east-1", endpoint_url=account.cloud.endpoint, config=config)


@pytest.fixture
def role(account, provider):
    arn = account.root().create_open_id_connect_provider(Url=provider.url, ClientIDList=["app"])
    sub = {"StringEquals": {f"{provider.name}:sub": "alice"}}
    trust = trusts(
        {"Federated": arn["OpenIDConnectProviderArn"]},
        ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
        Condition=sub,
    )
    return account.role("web", trust, allow("sqs:ListQueues"))


def assume(sts, role, token, **more):
    return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="me", WebIdentityToken=token, **more)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_token_becomes_a_session(account, provider, sts, role, algorithm):
    made = assume(sts, role, provider.token(algorithm))
    assert made["SubjectFromWebIdentityToken"] == "alice"
    assert made["Audience"] == "app"
    assert made["Provider"] == f"arn:aws:iam::{account.id}:oidc-provider/{provider.name}"
    session = account.session(made["Credentials"], "sqs")
    session.list_queues()
    with pytest.raises(ClientError, match=r"assumed-role/web/me is not authorized"):
        session.create_queue(QueueName="q")


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"sub": "mallory"}, "AccessDenied.*Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        ({"aud": "other"}, "InvalidIdentityToken.*Incorrect token audience"),
        ({"exp": 1_000_000_000}, "ExpiredToken.*Token expired"),
        ({"iat": 4_000_000_000}, "InvalidIdentityToken.*not valid yet"),
        ({"iss": "https://elsewhere.example"}, "InvalidIdentityToken.*No OpenIDConnect provider found"),
        ({"exp": "soon"}, "InvalidIdentityToken.*exp is not a number"),
    ],
)
def test_a_token_that_claims_the_wrong_thing_is_refused(provider, sts, role, claims, error):
    with pytest.raises(ClientError, match=error):
        assume(sts, role, provider.token(**claims))


def test_a_token_nobody_signed_is_refused(provider, sts, role):
    good = provider.token()
    forged = good.split(".")[0] + "." + provider.token(sub="alice", aud="app", extra=1).split(".")[1]
    for token in (forged + "." + good.split(".")[2], provider.token("none"), provider.token("HS256")):
        with pytest.raises(ClientError, match=r"InvalidIdentityToken"):
            assume(sts, role, token)
    for text in ("no-token", "a.b.c", "e30.e30.x"):
        with pytest.raises(ClientError, match=r"InvalidIdentityToken"):
            assume(sts, role, text)


def test_an_issuer_that_does_not_answer_is_named(account, sts):
    silent = "http://127.0.0.1:9"
    account.root().create_open_id_connect_provider(Url=silent, ClientIDList=["app"])
    role = account.role("web", trusts({"AWS": account.id}))
    now = int(time.time())
    claims = {"iss": silent, "sub": "a", "aud": "app", "iat": now, "exp": now + 60}
    token = f"{b64(b'{}')}.{b64(json.dumps(claims).encode())}.{b64(b'x')}"
    with pytest.raises(ClientError, match=r"IDPCommunicationError"):
        assume(sts, role, token)


def test_a_key_the_issuer_has_only_just_made_is_found(account, provider, sts, role):
    assume(sts, role, provider.token())
    provider.rsa = rsa.generate_private_key(65537, 2048)
    assert assume(sts, role, provider.token())["Credentials"]


def test_an_issuer_without_a_known_authority_needs_its_thumbprint(account, sts, tmp_path):
    secure = Provider(tmp_path)
    try:
        iam = account.root()
        made = iam.create_open_id_connect_provider(Url=secure.url, ClientIDList=["app"])["OpenIDConnectProviderArn"]
        role = account.role("web", trusts({"Federated": made}, "sts:AssumeRoleWithWebIdentity"))
        with pytest.raises(ClientError, match="IDPCommunicationError"):
            assume(sts, role, secure.token())
        iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=made, ThumbprintList=["0" * 40])
        with pytest.raises(ClientError, match="IDPCommunicationError"):
            assume(sts, role, secure.token())
        iam.update_open_id_connect_provider_thumbprint(
            OpenIDConnectProviderArn=made, ThumbprintList=[secure.thumbprint]
        )
        assert assume(sts, role, secure.token())["Provider"] == made
    finally:
        secure.close()


def test_tags_in_the_token_become_session_tags(account, provider, sts, role):
    red = {"StringEquals": {"aws:PrincipalTag/team": "red", f"{provider.name}:sub": "alice"}}
    account.root().put_role_policy(
        RoleName="web",
        PolicyName="own",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [allow("sqs:ListQueues", Condition=red)]},
        ),
    )
    tags = {"https://aws.amazon.com/tags": {"principal_tags": {"team": ["red"]}, "transitive_tag_keys": ["team"]}}
    account.session(assume(sts, role, provider.token(**tags))["Credentials"], "sqs").list_queues()
    plain = account.session(assume(sts, role, provider.token())["Credentials"], "sqs")
    with pytest.raises(ClientError, match=r"AccessDenied"):
        plain.list_queues()


def test_providers_are_kept_changed_and_removed(account, iam, provider):
    arn = iam.create_open_id_connect_provider(Url="https://id.example.com/realm", ClientIDList=["a"])[
        "OpenIDConnectProviderArn"
    ]
    assert arn == f"arn:aws:iam::{account.id}:oidc-provider/id.example.com/realm"
    with pytest.raises(ClientError, match=r"EntityAlreadyExists"):
        iam.create_open_id_connect_provider(Url="https://id.example.com/realm")
    with pytest.raises(ClientError, match=r"Invalid Open ID Connect Provider URL"):
        iam.create_open_id_connect_provider(Url="http://id.example.com/realm")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="b")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="a")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["A" * 40])
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "k", "Value": "v"}])
    shown = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (shown["ClientIDList"], shown["ThumbprintList"]) == (["b"], ["a" * 40])
    assert iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
