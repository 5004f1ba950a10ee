#!/bin/sh
# Makes the project's own environment in .venv. Usage: scripts/setup.sh [extra…]  (extras of pyproject.toml)
# Safe to run again: it does nothing when what is asked for is there.
set -eu
cd "$(dirname "$0")/.."

extras=$(echo "${*:-tools}" | tr ' ' ',')
stamp=".venv/.installed-$extras"
if [ -f "$stamp" ] && [ ! pyproject.toml -nt "$stamp" ] && [ ! scripts/setup.sh -nt "$stamp" ] &&
    [ ! constraints.txt -nt "$stamp" ]; then
    exit 0
fi

python=""
for candidate in python3.13 python3.12 python3.11 python3; do
    if command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null 2>&1; then sudo "$@"; else
        echo "setup: this step needs root and there is no sudo: $*" >&2
        exit 1
    fi
}
if [ -z "$python" ]; then
    echo "setup: installing Python 3 from the system's packages"
    as_root apt-get update -qq
    as_root apt-get install -y -qq python3 python3-venv
    python=python3
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "setup: Pileus needs Python 3.11 or newer; this system has $("$python" --version)" >&2
        exit 1
    }
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "setup: installing python3-venv from the system's packages"
    as_root apt-get update -qq
    as_root apt-get install -y -qq python3-venv
fi

if [ ! -x .venv/bin/python ]; then
    echo "setup: making .venv with $("$python" --version)"
    "$python" -m venv .venv
fi
echo "setup: installing Pileus and what it needs (${extras}) into .venv"
.venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[$extras]"
# The first start should not be the one that compiles.
.venv/bin/python -m compileall -q pileus .venv/lib/python3*/site-packages/awscli >/dev/null || true
touch "$stamp"
