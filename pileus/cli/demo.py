"""demo: a tour of the cloud with the real `aws` command. Every line it prints was run, and every claim was checked.

As root it makes a user who may send to one queue only; the user sends, is refused elsewhere and may not read; a role
may read; a message comes back when its visibility timeout has passed; a poison message ends in the dead-letter queue.
At the end it removes what it made.
"""

import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable
from typing import Any

import click

from pileus.base import ids
from pileus.cli import awscli, options, running

VISIBILITY_SECONDS = 1


class Failed(click.ClickException):
    """A step did not show what AWS would have shown."""


class Shell:
    """Runs `aws` as somebody, and shows it. `show` is False for the clean-up."""

    def __init__(self, endpoint: str, region: str, command: str):
        self._command = command
        self._environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_DEFAULT_REGION": region,
            "AWS_PAGER": "",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            self._environment.pop(name, None)
        self._endpoint = endpoint
        self.steps = 0

    def title(self, text: str) -> None:
        self.steps += 1
        click.echo("\n" + click.style(f"{self.steps}. {text}", bold=True))

    def aws(self, keys: dict[str, str], *arguments: str, fails: str = "", show: bool = True) -> Any:
        """The answer as Python values. `fails`: the error code that AWS would give; the answer is then the error's
        text."""
        if show:
            click.echo(click.style("$ aws " + " ".join(_shown(argument) for argument in arguments), fg="cyan"))
        done = subprocess.run(
            [self._command, "--endpoint-url", self._endpoint, "--output", "json", *arguments],
            env={**self._environment, **keys},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if fails:
            if done.returncode == 0 or fails not in done.stderr:
                raise Failed(f"expected {fails}, got: {done.stdout or done.stderr}")
            click.echo("  " + click.style(done.stderr.strip(), fg="yellow"))
            return done.stderr
        if done.returncode != 0:
            raise Failed(done.stderr.strip())
        answer = json.loads(done.stdout) if done.stdout.strip() else {}
        if show and answer:
            click.echo("  " + _brief(answer))
        return answer


def _shown(argument: str) -> str:
    return shlex.quote(argument) if len(argument) <= 90 else shlex.quote(argument[:87] + "...")


def _brief(answer: dict[str, Any]) -> str:
    text = json.dumps(_without_secrets(answer))
    return text if len(text) <= 160 else text[:157] + "..."


def _without_secrets(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    secret = ("SecretAccessKey", "SessionToken")
    return {name: "(kept)" if name in secret else _without_secrets(inner) for name, inner in value.items()}


def _expect(true: bool, what: str) -> None:
    if not true:
        raise Failed(f"this should be so and is not: {what}")
    click.echo(click.style(f"  {what}", fg="green"))


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _allow(action: str | list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


@click.command()
@options.data_dir
@click.option("--region", default="us-east-1", show_default=True)
@click.option("--keep", is_flag=True, help="Leave what it made.")
def demo(data_dir: str | None, region: str, keep: bool) -> None:
    """A guided tour with the real aws command: users, policies, roles, queues, dead letters."""
    found = running.need(data_dir)
    command = awscli.found()
    if command is None:
        raise click.ClickException("there is no aws command here: pip install awscli")
    key, secret = running.root_key(found)
    root = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    shell = Shell(found.endpoint, region, command)
    tour = Tour(shell, root, ids.unique_hex(6))
    try:
        tour.run()
        click.echo("\n" + click.style(f"All {shell.steps} steps showed what AWS shows.", fg="green", bold=True))
        click.echo("See who called what with `pileus logs`; why the last denial was one, with `pileus explain`.")
    finally:
        if not keep:
            tour.clean()


class Tour:
    def __init__(self, shell: Shell, root: dict[str, str], mark: str):
        self.shell, self.root = shell, root
        self.user, self.role = f"demo-{mark}", f"demo-reader-{mark}"
        self.inbox, self.other, self.dead = f"demo-inbox-{mark}", f"demo-other-{mark}", f"demo-dead-{mark}"
        self._undo: list[Callable[[], Any]] = []
        self.urls: dict[str, str] = {}
        self.arns: dict[str, str] = {}

    def run(self) -> None:
        self._queues()
        user = self._user()
        self._send(user)
        reader = self._assume(user)
        self._read(reader)
        self._poison(reader)

    def clean(self) -> None:
        while self._undo:
            self._undo.pop()()

    def _later(self, *arguments: str) -> None:
        self._undo.append(lambda: self.shell.aws(self.root, *arguments, show=False))

    def _queues(self) -> None:
        self.shell.title("As root: three queues; the inbox gives a message up after three failed receives")
        for name in (self.dead, self.other, self.inbox):
            attributes: dict[str, str] = {}
            if name == self.inbox:
                redrive = {"deadLetterTargetArn": self.arns[self.dead], "maxReceiveCount": 3}
                attributes = {"VisibilityTimeout": str(VISIBILITY_SECONDS), "RedrivePolicy": json.dumps(redrive)}
            arguments = ["sqs", "create-queue", "--queue-name", name]
            arguments += ["--attributes", json.dumps(attributes)] if attributes else []
            self.urls[name] = url = self.shell.aws(self.root, *arguments)["QueueUrl"]
            self._later("sqs", "delete-queue", "--queue-url", url)
            got = self.shell.aws(
                self.root,
                "sqs",
                "get-queue-attributes",
                "--queue-url",
                url,
                "--attribute-names",
                "QueueArn",
                show=False,
            )
            self.arns[name] = got["Attributes"]["QueueArn"]

    def _user(self) -> dict[str, str]:
        self.shell.title(f"As root: a user who may send to {self.inbox} and nothing else")
        self.shell.aws(self.root, "iam", "create-user", "--user-name", self.user)
        self._later("iam", "delete-user", "--user-name", self.user)
        policy = _policy(_allow("sqs:SendMessage", self.arns[self.inbox]))
        put = ("--user-name", self.user, "--policy-name", "send-to-inbox")
        self.shell.aws(self.root, "iam", "put-user-policy", *put, "--policy-document", policy)
        self._later("iam", "delete-user-policy", *put)
        made = self.shell.aws(self.root, "iam", "create-access-key", "--user-name", self.user, show=False)["AccessKey"]
        self._later("iam", "delete-access-key", "--user-name", self.user, "--access-key-id", made["AccessKeyId"])
        user = {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}
        arn = self.shell.aws(user, "sts", "get-caller-identity")["Arn"]
        _expect(arn.endswith(f":user/{self.user}"), "the new key signs as the new user")
        return user

    def _send(self, user: dict[str, str]) -> None:
        self.shell.title("As that user: sending to the inbox works; sending elsewhere and reading are denied")
        inbox, other = self.urls[self.inbox], self.urls[self.other]
        sent = self.shell.aws(user, "sqs", "send-message", "--queue-url", inbox, "--message-body", "hello")
        _expect("MessageId" in sent, "sent")
        denied = self.shell.aws(
            user, "sqs", "send-message", "--queue-url", other, "--message-body", "hello", fails="AccessDenied"
        )
        named = all(part in denied for part in ("sqs:SendMessage", self.arns[self.other], "no identity-based policy"))
        _expect(named, "the denial names action, resource and reason")
        denied = self.shell.aws(user, "sqs", "receive-message", "--queue-url", inbox, fails="AccessDenied")
        _expect("sqs:ReceiveMessage" in denied, "reading is denied")

    def _assume(self, user: dict[str, str]) -> dict[str, str]:
        self.shell.title("A role that may read the inbox, which the user may assume")
        arn = self.shell.aws(self.root, "iam", "get-user", "--user-name", self.user, show=False)["User"]["Arn"]
        trust = _policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": arn}})
        role = self.shell.aws(
            self.root, "iam", "create-role", "--role-name", self.role, "--assume-role-policy-document", trust
        )["Role"]["Arn"]
        self._later("iam", "delete-role", "--role-name", self.role)
        reading = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        put = ("--role-name", self.role, "--policy-name", "read-inbox")
        both = self.arns[self.inbox].replace(self.inbox, "demo-*")
        self.shell.aws(self.root, "iam", "put-role-policy", *put, "--policy-document", _policy(_allow(reading, both)))
        self._later("iam", "delete-role-policy", *put)
        assumed = self.shell.aws(user, "sts", "assume-role", "--role-arn", role, "--role-session-name", "tour")
        given = assumed["Credentials"]
        reader = {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }
        who = self.shell.aws(reader, "sts", "get-caller-identity")["Arn"]
        _expect(who.endswith(f":assumed-role/{self.role}/tour"), "the temporary key signs as the role's session")
        return reader

    def _receive(self, keys: dict[str, str], queue: str, show: bool = True) -> list[dict[str, Any]]:
        answer = self.shell.aws(
            keys,
            *("sqs", "receive-message", "--queue-url", self.urls[queue], "--attribute-names", "All"),
            show=show,
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _read(self, reader: dict[str, str]) -> None:
        self.shell.title("As the role: the message is read, hidden, seen again after its visibility timeout, deleted")
        first = self._receive(reader, self.inbox)
        _expect([m["Body"] for m in first] == ["hello"], "received")
        _expect(self._receive(reader, self.inbox) == [], "and hidden from the next receive")
        time.sleep(VISIBILITY_SECONDS + 0.2)
        again = self._receive(reader, self.inbox)
        seen_again = [m["MessageId"] for m in again] == [first[0]["MessageId"]]
        _expect(
            seen_again and again[0]["Attributes"]["ApproximateReceiveCount"] == "2", "seen again, for the second time"
        )
        handle = again[0]["ReceiptHandle"]
        self.shell.aws(
            reader, "sqs", "delete-message", "--queue-url", self.urls[self.inbox], "--receipt-handle", handle
        )
        time.sleep(VISIBILITY_SECONDS + 0.2)
        _expect(self._receive(reader, self.inbox, show=False) == [], "deleted: it does not come back")

    def _poison(self, reader: dict[str, str]) -> None:
        self.shell.title(
            "A poison message is received three times without success, then moves to the dead-letter queue"
        )
        self.shell.aws(
            self.root,
            "sqs",
            "send-message",
            "--queue-url",
            self.urls[self.inbox],
            "--message-body",
            "poison",
            show=False,
        )
        for attempt in range(1, 4):
            got = self._receive(reader, self.inbox, show=False)
            _expect([m["Body"] for m in got] == ["poison"], f"receive {attempt} failed to handle it")
            time.sleep(VISIBILITY_SECONDS + 0.2)
        _expect(self._receive(reader, self.inbox) == [], "the inbox no longer gives it out")
        buried = self._receive(reader, self.dead)
        _expect([m["Body"] for m in buried] == ["poison"], "it lies in the dead-letter queue")
