#!/bin/sh
# Builds the wheel for 64-bit ARM, on an x86 machine with a cross compiler:
#   scripts/build_wheel_arm64.sh [FOLDER]      (build/arm64)
# The last line printed is the wheel. It is for the Python of this system's Debian release, whose
# headers and build settings are fetched once; what is up to date is not built again.
set -eu
cd "$(dirname "$0")/.."
out=${1:-build/arm64}
python=${VENV:-.venv}/bin/python
mkdir -p "$out"
out=$(cd "$out" && pwd)

have='import setuptools, Cython; assert int(setuptools.__version__.split(".")[0]) >= 77'
if ! "$python" -c "$have" 2>/dev/null; then
    echo "The wheel is built by setuptools and Cython in ${VENV:-.venv}: run 'make check' once." >&2
    exit 2
fi
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

set -- "$out"/luxminer-*-"cp$(echo "$version" | tr -d .)"-*_aarch64.whl
if [ -f "$1" ] && [ -z "$(find pyproject.toml README.md LICENSE scripts/build_wheel_arm64.sh \
        firmware drivers hil -type f -newer "$1" ! -path '*/__pycache__/*' \
        ! -name '*.so' ! -name '_sha256.c' ! -name '_seal.c' ! -path '*.egg-info/*')" ]; then
    echo "$1"
    exit 0
fi

build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
# A copy without what an x86 build has left behind: setuptools would take it for fresh.
tar -c --exclude='*.so' --exclude=__pycache__ --exclude=_sha256.c --exclude=_seal.c \
    --exclude='*.egg-info' pyproject.toml README.md LICENSE firmware drivers hil | tar -x -C "$build"

if [ "$(uname -m)" != aarch64 ]; then
    if ! command -v aarch64-linux-gnu-gcc >/dev/null; then
        echo "The wheel for ARM needs a cross compiler. Type:" >&2
        echo "  sudo apt-get install -y gcc-aarch64-linux-gnu libc6-dev-arm64-cross" >&2
        exit 2
    fi
    scripts/debian_arm64.sh --no-depends "$out/apt" "$out/python" \
        "libpython$version-dev" "libpython$version-minimal" "libpython$version-stdlib"
    settings=_sysconfigdata__linux_aarch64-linux-gnu
    mkdir "$build/settings"
    cp "$out/python/usr/lib/python$version/$settings.py" "$build/settings/"
    include="$out/python/usr/include"
    export PYTHONPATH="$build/settings" _PYTHON_SYSCONFIGDATA_NAME="$settings"
    export _PYTHON_HOST_PLATFORM=linux-aarch64
    export CC=aarch64-linux-gnu-gcc LDSHARED="aarch64-linux-gnu-gcc -shared"
    # Before the headers of this machine's Python, which setuptools adds.
    export CFLAGS="-I$include/python$version -I$include"
fi
rm -f "$out"/luxminer-*_aarch64.whl
PYTHONWARNINGS=ignore "$python" -m pip --quiet --disable-pip-version-check wheel --no-build-isolation --no-deps \
    --no-index --wheel-dir "$out" "$build"

set -- "$out"/luxminer-*_aarch64.whl
if [ ! -f "$1" ]; then
    echo "The build made no wheel for aarch64, but: $(ls "$out")" >&2
    exit 1
fi
echo "$1"
