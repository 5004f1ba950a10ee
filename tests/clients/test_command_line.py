"""The `pileus` command and the real `aws` command, as a person at a shell uses them."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PILEUS = str(Path(sys.executable).parent / "pileus")


class Shell:
    """A bash whose cloud lives in a folder of its own."""

    def __init__(self, folder: Path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PILEUS_"))}
        self.environment = kept | {
            "PILEUS_DATA_DIR": str(folder / "data"),
            "PILEUS_PORT": str(self.port),
            "HOME": str(folder),
            "AWS_PAGER": "",
        }
        python = str(Path(sys.executable).parent)
        self.environment["PATH"] = f"{python}:{self.environment['PATH']}"
        # The project's own code, whether or not it is installed here.
        self.environment["PYTHONPATH"] = str(Path(__file__).parents[2])

    def __call__(self, command: str, fails: bool = False, timeout: float = 120) -> str:
        done = subprocess.run(
            ["bash", "-c", command], env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def shell(tmp_path):
    if not Path(PILEUS).exists():
        pytest.fail("pileus is not installed beside this interpreter: run make test")
    made = Shell(tmp_path)
    yield made
    made("pileus down")


def test_up_says_what_to_type_next_and_it_works(shell):
    said = shell("pileus up")
    assert f"Ready. Pileus is up on http://127.0.0.1:{shell.port}" in said
    assert 'eval "$(pileus env)"' in said
    who = shell('eval "$(pileus env)"; aws sts get-caller-identity --output text')
    assert "arn:aws:iam::000000000000:root" in who
    assert "Already up" in shell("pileus up")
    assert f"up on http://127.0.0.1:{shell.port}" in shell("pileus status")


def test_plain_aws_reaches_every_service_whatever_its_version_thinks_of_endpoints(shell):
    shell("pileus up")
    made = shell('eval "$(pileus env)"; aws sqs create-queue --queue-name q; aws sqs list-queues; aws iam list-users')
    assert made.count(f"http://127.0.0.1:{shell.port}/000000000000/q") == 2
    assert '"Users": []' in made


def test_state_is_there_again_after_a_restart(shell):
    shell("pileus up")
    shell('eval "$(pileus env)"; aws sqs create-queue --queue-name kept; aws iam create-user --user-name ann')
    assert "Stopped" in shell("pileus down")
    assert "down" in shell("pileus status", fails=True)
    shell("pileus up")
    found = shell('eval "$(pileus env)"; aws sqs list-queues --output text; aws iam get-user --user-name ann')
    assert "/kept" in found
    assert "user/ann" in found


def test_reset_forgets_everything_and_touches_nothing_else(shell):
    shell("pileus up")
    shell('eval "$(pileus env)"; aws sqs create-queue --queue-name gone')
    shell("pileus reset --yes")
    assert list((shell.folder / "data").iterdir()) == []
    shell("pileus up")
    assert "gone" not in shell('eval "$(pileus env)"; aws sqs list-queues')
    precious = shell.folder / "precious"
    precious.mkdir()
    (precious / "letter").write_text("dear")
    shell(f"pileus reset --yes --data-dir {precious}", fails=True)
    assert (precious / "letter").read_text() == "dear"


def test_a_port_that_is_taken_is_a_plain_error_with_the_remedy(shell):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", shell.port))
        taken.listen()
        said = shell("pileus up", fails=True)
    assert "in use" in said
    assert "--port" in said
    assert "Traceback" not in said


def test_commands_without_a_cloud_say_how_to_start_one(shell):
    for command in ("env", "logs", "explain", "clock", "demo"):
        said = shell(f"pileus {command}", fails=True)
        assert "pileus up" in said
        assert "Traceback" not in said


def test_the_demo_shows_what_aws_shows_and_leaves_nothing(shell):
    shell("pileus up")
    said = shell("pileus demo")
    assert "All 6 steps showed what AWS shows." in said
    for sign in (
        "AccessDenied",
        "sqs:SendMessage",
        "no identity-based policy allows",
        "seen again",
        "dead-letter queue",
    ):
        assert sign in said
    assert not re.search(r"SecretAccessKey\": \"(?!\(kept\))", said)
    left = shell('eval "$(pileus env)"; aws iam list-users; aws iam list-roles; aws sqs list-queues')
    assert "demo-" not in left


def test_logs_and_explain_tell_of_a_denial(shell):
    shell("pileus up")
    said = shell(
        'eval "$(pileus env)"; aws iam create-user --user-name ann >/dev/null;'
        " read -r id secret < <(aws iam create-access-key --user-name ann --output text"
        "   --query 'AccessKey.[AccessKeyId,SecretAccessKey]');"
        " AWS_ACCESS_KEY_ID=$id AWS_SECRET_ACCESS_KEY=$secret aws sqs create-queue --queue-name q;"
        ' echo "secret=$secret"',
    )
    assert "AccessDenied" in said
    secret = said.split("secret=")[1].split()[0]
    assert len(secret) == 40
    logs = shell("pileus logs; pileus logs --json")
    assert "sqs:CreateQueue" in logs
    assert "user/ann" in logs
    told = shell("pileus explain")
    assert "asked for sqs:CreateQueue" in told
    assert "no identity-based policy allows it" in told
    assert secret not in logs + told + (shell.folder / "data" / "pileus.log").read_text()


def test_the_clock_moves_on_and_says_so(shell):
    shell("pileus up")
    assert "as the machine" in shell("pileus clock")
    assert "02:00:00 ahead" in shell("pileus clock advance 2h")
    shell("pileus down; pileus up")
    assert "02:00:00 ahead" in shell("pileus clock")
    assert "no duration" in shell("pileus clock advance soon", fails=True)


def test_ready_scripts_run_with_the_cloud_at_hand(shell):
    folder = shell.folder / "data" / "init" / "ready.d"
    folder.mkdir(parents=True)
    aws = shutil.which("aws", path=shell.environment["PATH"])
    script = folder / "10-queue.sh"
    script.write_text(f'{aws} --endpoint-url "$AWS_ENDPOINT_URL" sqs create-queue --queue-name from-script\n')
    (folder / "20-fails.sh").write_text("exit 3\n")
    shell("pileus up")
    told = shell(
        f"for n in $(seq 100); do s=$(curl -s http://127.0.0.1:{shell.port}/_localstack/init/ready);"
        ' case "$s" in *\'"completed":true\'*) break;; esac; sleep 0.1; done; echo "$s"'
    )
    assert '"name":"10-queue.sh","state":"SUCCESSFUL"' in told
    assert '"name":"20-fails.sh","state":"ERROR"' in told
    assert "from-script" in shell('eval "$(pileus env)"; aws sqs list-queues')


def test_a_secure_cloud_gives_its_own_keys_to_the_shell(shell):
    shell("pileus up --secure")
    said = shell('eval "$(pileus env)"; echo $AWS_ACCESS_KEY_ID; aws sts get-caller-identity --output text')
    assert said.startswith("AKIA")
    assert "000000000000" in said


def test_the_ledger_and_the_doctor_speak(shell):
    assert "real     ReceiveMessage" in shell("pileus ledger sqs")
    assert "refused" in shell("pileus ledger nosuch", fails=True)
    said = shell("pileus doctor")
    assert "ok" in said
    assert "PILEUS_INTERNET" in said or "Machines, disks and networks do not work here" in said


def test_a_cloud_that_cannot_lead_its_machines_to_the_world_does_not_start(shell):
    said = shell("pileus up --internet host --machines off", fails=True)
    assert "PILEUS_INTERNET is host, and what that needs is lacking" in said
    assert "down" in shell("pileus status", fails=True)
    assert "is one of off, host" in shell("PILEUS_INTERNET=everywhere pileus up", fails=True)
