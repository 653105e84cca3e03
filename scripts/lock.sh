#!/usr/bin/env bash
# Writes both locks anew: requirements.lock is what runs, requirements-test.lock what the tests add to it.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
"$uv" lock --upgrade
export_options=(-q --no-emit-project --no-header --format requirements.txt)
"$uv" export "${export_options[@]}" --no-dev -o requirements.lock
"$uv" export "${export_options[@]}" --all-groups --extra all --extra spark -o requirements-test.lock
# A package with the lines that belong to it (hashes, and who wants it) is one block; those that run anyway go.
awk '
    /^[a-zA-Z0-9]/ { name = $1; sub(/==.*/, "", name); shown = !(name in runs) }
    FNR == NR { runs[name] = 1; next }
    shown { print }
' requirements.lock requirements-test.lock > requirements-test.lock.new
mv requirements-test.lock.new requirements-test.lock
