#!/bin/sh
# Installs what real machines need (runc, conmon, mmdebstrap, …) and builds their image. Safe to run again: it does
# nothing when all is there. Where it cannot, it says so: tests with real machines are skipped then, and say why.
set -u
cd "$(dirname "$0")/.."

if ! command -v apt-get >/dev/null 2>&1; then
    echo "machines: there is no apt-get here; machines do not run here, everything else does" >&2
    exit 0
fi
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "machines: neither root nor sudo without a password: machines do not run here, everything else does" >&2
    exit 0
fi
# debugfs (e2fsprogs), ssh and openssl play the attacker and the client in the tests.
for program in ssh openssl; do
    command -v "$program" >/dev/null 2>&1 || missing="${missing:-} $program"
done
if [ -n "${missing:-}" ]; then
    $as_root apt-get update -qq && $as_root apt-get install -y -qq openssh-client openssl >/dev/null
fi
$as_root .venv/bin/pileus install machines ||
    echo "machines: that did not work; see pileus doctor. Everything else works" >&2
exit 0
