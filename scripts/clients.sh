#!/bin/sh
# Installs the other people's S3 clients that tests/clients uses: rclone from the system's packages, s3fs into an
# environment of its own (it wants another botocore than ours). Safe to run again.
set -eu
cd "$(dirname "$0")/.."

if ! command -v rclone >/dev/null 2>&1; then
    echo "clients: installing rclone from the system's packages"
    if [ "$(id -u)" = 0 ]; then
        apt-get update -qq && apt-get install -y -qq rclone >/dev/null
    elif command -v sudo >/dev/null 2>&1; then
        sudo apt-get update -qq && sudo apt-get install -y -qq rclone >/dev/null
    else
        echo "clients: rclone needs root to be installed and there is no sudo; its tests are skipped" >&2
    fi
fi
if [ ! -f .cache/clients/s3fs/.installed ]; then
    echo "clients: installing s3fs into .cache/clients/s3fs"
    .venv/bin/python -m venv .cache/clients/s3fs
    .cache/clients/s3fs/bin/python -m pip install -q --disable-pip-version-check "s3fs>=2026.9"
    touch .cache/clients/s3fs/.installed
fi
