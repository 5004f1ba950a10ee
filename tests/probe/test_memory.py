"""Large bodies pass through a small process, both ways."""

import hashlib
from pathlib import Path

import pytest

from tests.probe.test_kill import Server

MIB = 1024 * 1024
PIECE = hashlib.sha256(b"piece").digest() * (MIB // 32)


class Pieces:
    """A file-like body that is never in memory as a whole."""

    def __init__(self, count):
        self.size, self.at = count * MIB, 0

    def __len__(self):
        return self.size

    def read(self, size=-1):
        size = min(MIB if size < 0 else size, self.size - self.at, MIB - self.at % MIB)
        piece = PIECE[self.at % MIB : self.at % MIB + size]
        self.at += size
        return piece

    def tell(self):
        return self.at

    def seek(self, to, whence=0):
        self.at = {0: 0, 1: self.at, 2: self.size}[whence] + to
        return self.at


def peak_mib(server):
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def through(tmp_path, count):
    server = Server(tmp_path, "rocks")
    server.start()
    try:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="large")
        s3.put_object(Bucket="large", Key="k", Body=Pieces(count), ContentLength=count * MIB)
        body = s3.get_object(Bucket="large", Key="k")["Body"]
        whole = 0
        for piece in body.iter_chunks(MIB):
            assert piece == PIECE[: len(piece)] or len(piece) < MIB
            whole += len(piece)
        assert whole == count * MIB
        assert peak_mib(server) < 256
    finally:
        server.kill()


def test_half_a_gibibyte_passes_through_a_process_of_256_mb(tmp_path):
    through(tmp_path, 512)


@pytest.mark.long
def test_five_gibibytes_pass_through_a_process_of_256_mb(tmp_path):
    through(tmp_path, 5 * 1024)
