"""The data directory: private, told apart from a person's own files, never mistaken for a cloud that is gone."""

import json
import os
import stat
import subprocess
import sys

import pytest


def pileus(*arguments, **environ):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PILEUS_", "AWS_"))}
    command = [sys.executable, "-m", "pileus", *arguments]
    return subprocess.run(command, env={**clean, **environ}, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def home(tmp_path):
    where = tmp_path / "data"
    where.mkdir(mode=0o755)
    yield where
    pileus("down", "--data-dir", str(where))


def test_nothing_in_the_data_directory_can_be_read_by_others(home):
    done = pileus("up", "--data-dir", str(home), "--port", "0", "--secure", "--store", "sqlite")
    assert done.returncode == 0, done.stderr
    open_to_others = [
        path.name for path in home.rglob("*") if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    assert open_to_others == []


def test_reset_deletes_what_the_cloud_wrote_and_nothing_else(home):
    (home / "init" / "ready.d").mkdir(parents=True)
    (home / "init" / "ready.d" / "mine.sh").write_text("exit 0\n")
    (home / "thesis.txt").write_text("three years of work")
    assert pileus("up", "--data-dir", str(home), "--port", "0").returncode == 0
    done = pileus("reset", "--yes", "--data-dir", str(home))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in home.iterdir()) == ["init", "thesis.txt"]
    assert (home / "init" / "ready.d" / "mine.sh").exists()
    assert "thesis.txt" in done.stdout


def test_a_starting_cloud_is_not_taken_for_the_one_before(home):
    """Between a kill and the next `Ready.`, the old process id must not be believed: it may be anybody's by now."""
    from pileus.cli import lifecycle, running

    (home / "run.json").write_text(
        json.dumps({"pid": 1, "host": "127.0.0.1", "port": 1, "https_port": 0, "secure": False, "started": 0.0})
    )
    lock = lifecycle._own(home)
    try:
        assert running.find(home) is None
    finally:
        os.close(lock)


@pytest.mark.parametrize(
    ("name", "value"),
    [("STORE", "foo"), ("DURABILITY", "some"), ("LOG_LEVEL", "loud"), ("PORT", "x"), ("SECURE", "perhaps")],
)
def test_a_setting_that_cannot_be_read_is_named(home, name, value):
    done = pileus("serve", "--data-dir", str(home), **{f"PILEUS_{name}": value})
    assert done.returncode == 1
    assert f"PILEUS_{name}" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_variable_is_as_none(home):
    done = pileus("status", PILEUS_DATA_DIR="", HOME=str(home))
    assert f"{home}/.local/share/pileus" in done.stdout


def test_a_cloud_may_listen_on_an_ipv6_address(home):
    done = pileus("up", "--data-dir", str(home), "--port", "0", "--host", "::1")
    if "Cannot assign" in done.stderr:
        pytest.skip("this machine has no IPv6")
    assert done.returncode == 0, done.stderr
    assert "http://[::1]:" in done.stdout
    assert "up on http://[::1]:" in pileus("status", "--data-dir", str(home)).stdout
