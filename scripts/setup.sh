#!/usr/bin/env bash
# Makes .venv from requirements.lock. Needs Python 3.11 or newer; installs Debian's venv module when it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Kanaria needs Python 3.11 or newer; $python is $("$python" --version 2>&1)." >&2
    exit 2
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "Installing Debian's python3-venv, which this Python lacks …" >&2
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends python3-venv
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "Installing the locked packages into .venv …" >&2
.venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
.venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
