"""Large archives pass through a small process, both ways."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.probe.test_kill import Server
from tests.probe.test_memory import MIB, PIECE, Pieces, peak_mib

COUNT = 300


def advance(server: Server, span: str) -> None:
    environment = {**os.environ, "PILEUS_PORT": str(server.port), "PILEUS_DATA_DIR": str(server.data_dir)}
    command = [sys.executable, "-m", "pileus", "clock", "advance", span]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def ended(client: Any, job: str) -> bool:
    return bool(client.describe_job(vaultName="attic", jobId=job)["Completed"])


def test_an_archive_larger_than_the_process_passes_through_it_and_survives_its_death(tmp_path: Path) -> None:
    """kill -9 right after the answer: the archive is there, its hours go on."""
    server = Server(tmp_path, "rocks")
    server.start()
    try:
        client = server.client("glacier")
        client.create_vault(vaultName="attic")
        archive = client.upload_archive(vaultName="attic", body=Pieces(COUNT))["archiveId"]
        asked = {"Type": "archive-retrieval", "ArchiveId": archive, "Tier": "Expedited"}
        job = client.initiate_job(vaultName="attic", jobParameters=asked)["jobId"]
        assert peak_mib(server) < 256
        server.kill()
        server.start()
        client = server.client("glacier")
        advance(server, "5m")
        until = time.monotonic() + 10
        while not ended(client, job) and time.monotonic() < until:
            time.sleep(0.05)
        answer = client.get_job_output(vaultName="attic", jobId=job)
        whole = 0
        for piece in answer["body"].iter_chunks(MIB):
            assert piece == PIECE[: len(piece)] or len(piece) < MIB
            whole += len(piece)
        assert whole == COUNT * MIB
        assert peak_mib(server) < 256
    finally:
        server.kill()
