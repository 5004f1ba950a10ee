"""The real `aws` command against KMS."""

import json
import os
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

from tests.conftest import TestCloud


def test_a_secret_goes_through_the_aws_command(cloud: TestCloud, tmp_path: Path) -> None:
    def aws(command: str) -> Any:
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "AWS_ENDPOINT_URL": cloud.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_PAGER": "",
        }
        done = subprocess.run(
            f"aws kms {command}", shell=True, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout) if done.stdout.strip() else None

    made = aws("create-key --tags TagKey=a,TagValue=b --query KeyMetadata.KeyId")
    aws(f"create-alias --alias-name alias/mine --target-key-id {made}")
    (tmp_path / "plain").write_bytes(b"secret\0")
    sealed = aws("encrypt --key-id alias/mine --plaintext fileb://plain --encryption-context a=b")
    (tmp_path / "sealed").write_bytes(b64decode(sealed["CiphertextBlob"]))
    told = aws("decrypt --ciphertext-blob fileb://sealed --encryption-context a=b")
    assert told["Plaintext"] == "c2VjcmV0AA=="
    assert [alias["TargetKeyId"] for alias in aws("list-aliases")["Aliases"]] == [made]
