#!/usr/bin/env bash
# Makes .venv: `setup.sh` installs what runs (requirements.lock), `setup.sh test` also what the tests add.
#
# uv installs the locked files without resolving anything, each checked against its hash. uv itself comes out of the
# lock; where it cannot be had, pip installs the same files. A .venv that is half made or broken is made anew.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=${1:-run}
locks=(requirements.lock)
[ "$wanted" = test ] && locks+=(requirements-test.lock)
python=${PYTHON:-python3}
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
# Trust whom the machine trusts, as pip does: behind a company's proxy its certificate is there, and not in uv.
[ ! -e /etc/ssl/certs/ca-certificates.crt ] || export UV_SYSTEM_CERTS=1

say() { echo "$*" >&2; }
fail() { say "$@"; exit 2; }

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "Kanaria needs Python 3.11 or newer; $python is $("$python" --version 2>&1 || echo missing)." \
        "Name another one with PYTHON=… make $([ "$wanted" = test ] && echo test || echo demo)"
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    say "Installing Debian's python3-venv, which this Python lacks …"
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq && "${as_root[@]}" apt-get install -y -qq --no-install-recommends python3-venv ||
        fail "python3-venv could not be installed; as root: apt-get install python3-venv"
fi

# Half made (stopped before the end), or its interpreter has gone: begin again.
if [ -e .venv ] && { [ -e .venv/making ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; }; then
    say "The .venv here is half made or broken; it is made anew."
    rm -rf .venv
fi
if [ ! -e .venv ]; then
    say "Making .venv with $("$python" --version) …"
    mkdir .venv && touch .venv/making
    "$python" -m venv .venv || fail "No environment could be made in $PWD/.venv (see above)."
fi
touch .venv/making

# The lines of one package, its hashes included.
of_package() { awk -v name="$1" '$0 ~ "^" name "==" { shown = 1; print; next } /^[^ ]/ { shown = 0 } shown' "$2"; }

unreachable="The locked packages could not be fetched or do not match their hashes (see above).
Is this machine online, or behind a proxy (HTTPS_PROXY) or a mirror (PIP_INDEX_URL, UV_INDEX_URL)? Then run make again."
uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    tools=$(mktemp -d)
    trap 'rm -rf "$tools"' EXIT
    of_package uv requirements-test.lock >"$tools/uv.lock"
    say "Fetching the installer (uv) …"
    if .venv/bin/python -m pip install -q --no-deps --require-hashes --target "$tools/uv" -r "$tools/uv.lock"; then
        uv=$tools/uv/bin/uv
    fi
fi
count=$(cat "${locks[@]}" | grep -c '^[a-zA-Z0-9].*==')
say "Installing $count locked packages into .venv …"
if [ -n "$uv" ]; then
    "$uv" pip install --require-hashes --no-deps --python .venv/bin/python "${locks[@]/#/-r}" || fail "$unreachable"
else
    say "uv is not to be had; pip takes some minutes for the same."
    # --no-deps: the lock is complete, and older pip does not apply its pins to names with an extra (pip issue 9644).
    .venv/bin/python -m pip install --progress-bar off --no-deps --require-hashes "${locks[@]/#/-r}" || fail "$unreachable"
fi
# Our own package: from the checkout by a path, so that no build tool has to be fetched for it.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
if [ "$wanted" = test ]; then
    .venv/bin/python -m pip install -q --no-deps --no-build-isolation --no-index -e . || fail "Kanaria itself could not be installed (see above)."
    rm -f "$site/kanaria-checkout.pth"
elif ! .venv/bin/python -c 'import importlib.metadata as m; m.version("kanaria")' 2>/dev/null; then
    echo "$PWD/src" >"$site/kanaria-checkout.pth"
fi
# What the wheels bring for other purposes; where that turns out to be needed, it stays.
.venv/bin/python scripts/slim.py || say "The environment works and is some 100 MB larger."
rm -f .venv/making
