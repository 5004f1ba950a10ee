"""The real `aws` command against Glacier."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import TestCloud

from .vault_asking import DAY, HOUR, tree_hash


def test_an_archive_goes_there_and_back_by_the_aws_command(cloud: TestCloud, tmp_path: Path) -> None:
    def aws(*words: str) -> Any:
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "AWS_ENDPOINT_URL": cloud.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_PAGER": "",
        }
        asked = ["aws", "glacier", words[0], "--account-id", "-", "--vault-name", "attic", *words[1:]]
        done = subprocess.run(asked, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    (tmp_path / "wool").write_bytes(b"wool" * 1_000)
    aws("create-vault")
    made = aws("upload-archive", "--archive-description", "winter", "--body", "wool")
    assert made["checksum"] == tree_hash(b"wool" * 1_000)
    wanted = {"Type": "archive-retrieval", "ArchiveId": made["archiveId"], "Tier": "Bulk"}
    job = aws("initiate-job", "--job-parameters", json.dumps(wanted))["jobId"]
    cloud.advance(12 * HOUR)
    told = aws("get-job-output", f"--job-id={job}", "back")
    assert told["status"] == 200
    assert (tmp_path / "back").read_bytes() == b"wool" * 1_000
    cloud.advance(DAY)
    listing = aws("initiate-job", "--job-parameters", '{"Type": "inventory-retrieval"}')["jobId"]
    cloud.advance(5 * HOUR)
    aws("get-job-output", f"--job-id={listing}", "inventory")
    assert json.loads((tmp_path / "inventory").read_text())["ArchiveList"][0]["ArchiveDescription"] == "winter"
