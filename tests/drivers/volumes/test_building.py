"""Building an image leaves nothing behind when the process that builds is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.drivers.real import eventually

PROGRAM = """
import sys
from pileus.drivers.volumes.images import build
build._run([*build._held(), "sh", "-c", f"mount -t tmpfs none {sys.argv[1]} && touch {sys.argv[1]}/in"
            f" && touch {sys.argv[2]} && sleep 1000 & wait"])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="builds are root's")
def test_a_build_ends_with_its_process_and_its_mounts_with_the_build(tmp_path):
    folder, told = tmp_path / "root", tmp_path / "told"
    folder.mkdir()
    builder = subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder), str(told)])
    try:
        eventually(told.exists)
        assert list(folder.iterdir()) == []  # mounted, but where only the build sees it
        assert running(str(folder))
    finally:
        builder.send_signal(signal.SIGKILL)
        builder.wait()
    eventually(lambda: not running(str(folder)))


def running(word):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word in path.read_text():
                found.append(path)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
