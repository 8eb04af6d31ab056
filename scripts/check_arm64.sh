#!/bin/sh
# Builds the SHA-256 kernels for 64-bit ARM and runs them against hashlib, under QEMU elsewhere.
# Also shows that the fallback kernels hold no SHA instruction: QEMU has those on every processor
# it models, a Raspberry Pi 4 has not.
set -eu
cd "$(dirname "$0")/.."
kernels=firmware/luxminer/hashing/kernels
python=${VENV:-.venv}/bin/python
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

if [ "$(uname -m)" = aarch64 ]; then
    cc=cc objdump=objdump run=
else
    cc=aarch64-linux-gnu-gcc objdump=aarch64-linux-gnu-objdump
    run=$(command -v qemu-aarch64 || command -v qemu-aarch64-static || true)
    if ! command -v $cc >/dev/null || [ -z "$run" ]; then
        echo "The check of the ARM kernels needs a cross compiler and QEMU. Type:" >&2
        echo "  sudo apt-get install -y gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user" >&2
        exit 2
    fi
fi

for source in $kernels/kernel.c $kernels/portable.c $kernels/arm64.c scripts/arm64_harness.c; do
    $cc -O3 -Wall -Wextra -Werror -I$kernels -c "$source" -o "$build/$(basename "$source" .c).o"
done
$cc -static "$build"/*.o -o "$build/harness"

# Functions with SHA instructions must all belong to the kernels that are named after them.
for object in kernel portable arm64; do
    $objdump -d "$build/$object.o"
done | awk '
    /^[0-9a-f]+ <.*>:$/ { name = $2 }
    /sha256(h|h2|su0|su1)/ { if (name !~ /sha2/) { print "SHA instruction in " name; bad = 1 } else n++ }
    END { if (!n) { print "no SHA instruction at all: wrong build"; bad = 1 } exit bad }'

"$python" -m scripts.arm64_vectors ${SEED:-} > "$build/vectors"
$run "$build/harness" < "$build/vectors"
