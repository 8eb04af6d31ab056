#!/bin/sh
# Brings a fresh Debian or Raspberry Pi OS to the point where luxminer builds and runs.
#   scripts/setup.sh run     compiler, Python headers, libusb, virtual environment, build
#   scripts/setup.sh test    the same, and what the test suite calls
#   scripts/setup.sh system  the same, and what the emulated machine of `make bench-system` needs
# Installs system packages by apt when it may (root, or sudo without a password), else prints the
# line to type. Touches nothing that is there already, and needs no network when all of it is.
set -eu
cd "$(dirname "$0")/.."
mode=${1:-run}
machine=
[ "$mode" != system ] || { mode=test machine=yes; }
venv=${VENV:-.venv}

say() { printf '%s\n' "$*" >&2; }

find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
}

if [ -n "${PYTHON:-}" ] && [ -z "$(find_python)" ]; then
    say "PYTHON is $PYTHON, which is no Python of 3.11 or later; correct it, or leave it out"
    exit 2
fi

# What is missing, as Debian package names.
missing() {
    python=$(find_python)
    if [ -z "$python" ]; then
        echo python3 python3-venv python3-dev libusb-1.0-0
    else
        "$python" -c 'import ctypes; ctypes.CDLL("libusb-1.0.so.0")' 2>/dev/null || echo libusb-1.0-0
        "$python" -c 'import venv, ensurepip' 2>/dev/null || echo python3-venv
        header='import os, sysconfig; print(os.path.join(sysconfig.get_path("include"), "Python.h"))'
        [ -f "$("$python" -c "$header")" ] || echo python3-dev
    fi
    command -v cc >/dev/null || command -v gcc >/dev/null || echo gcc
    [ -f /usr/include/stdio.h ] || echo libc6-dev
    if [ "$mode" = test ]; then
        command -v nc >/dev/null || echo netcat-openbsd
        command -v jq >/dev/null || echo jq
        command -v curl >/dev/null || echo curl
        command -v openssl >/dev/null || echo openssl
        command -v umockdev-run >/dev/null || echo umockdev
        if [ "$(uname -m)" = x86_64 ]; then
            command -v aarch64-linux-gnu-gcc >/dev/null || echo gcc-aarch64-linux-gnu
            [ -f /usr/aarch64-linux-gnu/include/stdio.h ] || echo libc6-dev-arm64-cross
            command -v qemu-aarch64 >/dev/null || command -v qemu-aarch64-static >/dev/null \
                || echo qemu-user
        fi
    fi
    if [ -n "$machine" ]; then
        command -v qemu-system-aarch64 >/dev/null || echo qemu-system-arm
        # Those of the administrator are not on the path of everybody.
        PATH=$PATH:/usr/sbin:/sbin
        command -v depmod >/dev/null || echo kmod
        command -v cpio >/dev/null || echo cpio
        command -v mke2fs >/dev/null || echo e2fsprogs
    fi
}

packages=$(missing | tr '\n' ' ')
packages=${packages% }
if [ -n "$packages" ]; then
    if ! command -v apt-get >/dev/null; then
        say "Missing: $packages (Debian names). Install them with this system's package manager."
        exit 2
    elif [ "$(id -u)" = 0 ]; then
        as_root=
    elif sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        say "Some system packages are missing, and installing them needs rights. Type:"
        say "  sudo apt-get update && sudo apt-get install -y $packages"
        exit 2
    fi
    say "installing: $packages"
    install="$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends"
    # The package lists of a fresh machine are empty or old: refresh them only if need be.
    known=yes
    for package in $packages; do
        apt-cache show "$package" >/dev/null 2>&1 || known=
    done
    [ -n "$known" ] || $as_root apt-get update >&2 || true
    $install $packages >&2 || { $as_root apt-get update >&2 && $install $packages >&2; } || {
        say "apt-get could not install: $packages"
        exit 2
    }
fi

python=$(find_python)
extra=
[ "$mode" = test ] && extra='[dev]'
stamp="$venv/.installed-$mode"
# One installation serves both modes; "test" includes "run".
[ "$mode" = run ] && [ -f "$venv/.installed-test" ] && stamp="$venv/.installed-test" && extra='[dev]'
inputs="pyproject.toml scripts/setup.sh $(find firmware drivers -name '*.pyx' -o -name '*.c' -o -name '*.h' | grep -v '/_[a-z0-9]*\.c$')"

fresh=yes
[ -f "$stamp" ] || fresh=
for input in $inputs; do
    [ -z "$fresh" ] || [ "$stamp" -nt "$input" ] || fresh=
done
# What stands there must be this Python's, and of this tree: a copied one would run the original.
version='import sys; print(sys.version_info[:2])'
if [ -n "${PYTHON:-}" ] && [ -x "$venv/bin/python" ] \
    && [ "$("$venv/bin/python" -c "$version")" != "$("$python" -c "$version")" ]; then
    say "$venv has another Python than PYTHON; remove it, or name another place in VENV"
    exit 2
fi
place='import luxminer.hashing, luxminer_drivers.bm13xx._seal, pathlib; print(pathlib.Path(luxminer.__file__).parents[2])'
[ "$("$venv/bin/python" -c "$place" 2>/dev/null)" = "$(pwd -P)" ] || fresh=
if [ -z "$fresh" ]; then
    "$venv/bin/python" -c '' 2>/dev/null || "$python" -m venv --clear "$venv"
    say "building luxminer in $venv"
    pip="$venv/bin/python -m pip --quiet --disable-pip-version-check"
    # The tools of the build stay there, so that a changed source builds without a network, too.
    have='import setuptools, Cython; assert int(setuptools.__version__.split(".")[0]) >= 77'
    { "$venv/bin/python" -c "$have" 2>/dev/null \
        || $pip install "setuptools>=77" "Cython>=3.0"; } \
        && { $pip install --no-build-isolation --no-deps --editable . \
            && { $pip check >/dev/null 2>&1 && [ -f "$stamp" ] \
                || $pip install --no-build-isolation --editable ".$extra"; }; } || {
        say "The build failed; its messages are above. The first one needs a network."
        exit 1
    }
    touch "$stamp"
fi
