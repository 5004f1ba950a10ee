"""The person's `aws` command, made to obey AWS_ENDPOINT_URL for every service.

AWS CLI version 1 sends SQS (and EMR) to AWS's own addresses in spite of AWS_ENDPOINT_URL, and version 2 heeds the
variable only from 2.13 on; both obey `--endpoint-url`. For those a launcher of three lines goes to the front of PATH.
"""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path


def found() -> str | None:
    """The aws command on PATH, or beside this interpreter."""
    beside = Path(sys.executable).parent / "aws"
    return shutil.which("aws") or (str(beside) if beside.exists() else None)


def launcher_folder(data_dir: Path) -> Path | None:
    """The folder to put before PATH; None when the person's aws needs no launcher (or there is none)."""
    folder = data_dir / "bin"
    real = found()
    if real is None:
        return None
    if Path(real).parent == folder:
        return folder
    if not _needs_launcher(real):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    launcher = folder / "aws"
    launcher.write_text(
        "#!/bin/sh\n"
        "# Written by `pileus env`: this version of aws does not heed AWS_ENDPOINT_URL for every service.\n"
        f'exec {shlex.quote(real)} ${{AWS_ENDPOINT_URL:+--endpoint-url "$AWS_ENDPOINT_URL"}} "$@"\n'
    )
    launcher.chmod(0o755)
    return folder


def _needs_launcher(command: str) -> bool:
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=False, timeout=60).stdout
    version = re.match(r"aws-cli/(\d+)\.(\d+)", said)
    return version is None or (int(version[1]), int(version[2])) < (2, 13)
