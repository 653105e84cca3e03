#!/usr/bin/env bash
# Builds kanaria_VERSION_ARCH.deb into dist/: a relocatable environment below /opt/kanaria, and /usr/bin/kanaria.
#
# Everything in it comes from requirements.lock, hashes checked. It depends on the Python it was built with, because
# compiled packages are made for one minor version; build it on the Debian release that it is for.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-/usr/bin/python3}
uv=${UV:-$(command -v uv || echo .venv/bin/uv)}
extras=${EXTRAS:-}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$python is older than Python 3.11" >&2; exit 2; }
minor=$("$python" -c 'import sys; print("{}.{}".format(*sys.version_info))')
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
root=$stage/root
mkdir -p "$root/DEBIAN" "$root/usr/bin" "$root/opt" "$root/usr/share/doc/kanaria" dist

"$uv" venv -q --relocatable --no-project -p "$python" "$root/opt/kanaria"
"$uv" pip install -q --require-hashes --no-deps --python "$root/opt/kanaria/bin/python" -r requirements.lock
"$uv" build -q --wheel -o "$stage"
wheel=$(ls "$stage"/kanaria-*.whl)
"$uv" pip install -q --no-deps --python "$root/opt/kanaria/bin/python" "$wheel"
[ -z "$extras" ] || "$uv" pip install -q --python "$root/opt/kanaria/bin/python" "$wheel[$extras]"
"$root/opt/kanaria/bin/python" scripts/slim.py || echo "The package is some 100 MB larger when installed." >&2
ln -s /opt/kanaria/bin/kanaria "$root/usr/bin/kanaria"
cp LICENSE "$root/usr/share/doc/kanaria/copyright"

version=$(basename "$wheel" | cut -d- -f2)
architecture=$(dpkg --print-architecture)
cat > "$root/DEBIAN/control" <<CONTROL
Package: kanaria
Version: $version
Architecture: $architecture
Maintainer: The Kanaria authors <kanaria@localhost>
Depends: python3 (>= $minor), python3 (<< ${minor%.*}.$((${minor#*.} + 1)))
Recommends: nfdump, tcpdump, fonts-ipaexfont-gothic
Section: net
Priority: optional
Installed-Size: $(du -sk "$root/opt" | cut -f1)
Description: finds cryptojacking in logs and network traffic and explains it
 Kanaria finds somebody mining coins on machines that are not theirs, in
 web-server logs and network behaviour, and explains in English or Japanese
 what happened, whether it worked and what to do.
CONTROL
# Compiled modules are made on the machine that installs it and go with the package.
cat > "$root/DEBIAN/postinst" <<'SCRIPT'
#!/bin/sh
set -e
[ "$1" != configure ] || /opt/kanaria/bin/python -m compileall -q /opt/kanaria/lib >/dev/null 2>&1 || true
SCRIPT
cat > "$root/DEBIAN/prerm" <<'SCRIPT'
#!/bin/sh
set -e
find /opt/kanaria -name __pycache__ -type d -prune -exec rm -rf {} +
SCRIPT
chmod 755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm"
find "$root/opt" -name __pycache__ -type d -prune -exec rm -rf {} +
dpkg-deb -Zzstd -z3 --root-owner-group --build "$root" "dist/kanaria_${version}_$architecture.deb" >/dev/null
echo "dist/kanaria_${version}_$architecture.deb"
