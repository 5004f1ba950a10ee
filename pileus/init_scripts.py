"""Scripts that run as the cloud comes up and goes down, where LocalStack's users expect them: `ready.d/*.sh`, `*.py`.

The folder is `init` in the data directory, or the one the settings name, and /etc/localstack/init if there is one.
Stages are `boot.d`, `start.d`, `ready.d` and `shutdown.d`; the scripts of a stage run one after another, in order of
their names, with the environment that points `aws` here. `/_localstack/init` tells how they fared.
"""

import asyncio
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

LOCALSTACK = Path("/etc/localstack/init")
STAGES = ("BOOT", "START", "READY", "SHUTDOWN")
SECONDS_MAX = 600.0

log = logging.getLogger("pileus.init")


@dataclass
class Script:
    stage: str
    path: Path
    state: str = "UNKNOWN"


class InitScripts:
    def __init__(self, folders: list[Path], environment: dict[str, str]):
        self._environment = environment
        self.scripts = [
            Script(stage, path)
            for stage in STAGES
            for folder in folders
            for path in sorted((folder / f"{stage.lower()}.d").glob("*"))
            if path.suffix in (".sh", ".py") and path.is_file()
        ]
        self.completed = dict.fromkeys(STAGES, False)

    async def run(self, stage: str) -> None:
        for script in self.scripts:
            if script.stage == stage:
                await self._run(script)
        self.completed[stage] = True

    async def _run(self, script: Script) -> None:
        script.state = "RUNNING"
        command = [sys.executable, str(script.path)] if script.path.suffix == ".py" else ["/bin/sh", str(script.path)]
        if script.path.suffix == ".sh" and os.access(script.path, os.X_OK):
            command = [str(script.path)]
        try:
            process = await asyncio.create_subprocess_exec(
                *command, env={**os.environ, **self._environment}, umask=0o022
            )
        except OSError as error:
            script.state = "ERROR"
            log.error("init script %s could not be started: %s", script.path, error)
            return
        try:
            code = await asyncio.wait_for(process.wait(), SECONDS_MAX)
        except TimeoutError:
            process.kill()
            code = await process.wait()
        script.state = "SUCCESSFUL" if code == 0 else "ERROR"
        log.info("init script %s: %s", script.path, script.state.lower())

    def status(self, stage: str | None = None) -> dict[str, object]:
        """LocalStack's shape: which stages are completed, and each script's state."""
        told = [
            {"stage": script.stage, "name": script.path.name, "state": script.state}
            for script in self.scripts
            if stage in (None, script.stage)
        ]
        completed = self.completed[stage] if stage is not None else self.completed
        return {"completed": completed, "scripts": told}
