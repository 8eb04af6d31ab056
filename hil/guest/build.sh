#!/bin/bash
# Builds the arm64 machine of the full-system bench from Debian packages:
#   hil/guest/build.sh [FOLDER]      (build/system)
# Leaves there: Image and initrd (Debian's kernel), root.ext4 (Debian with Python), luxminer.ext4
# (our wheel and what it needs). What is up to date is not built again, and needs no network.
#
# Debian's Python packages are not used: those of bookworm are older than pyproject.toml accepts.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-build/system}
python=${VENV:-.venv}/bin/python
packages=(linux-image-arm64 busybox-static python3 libusb-1.0-0 usbip libc-bin)
modules=(virtio_pci virtio_blk virtio_net virtio_console crc32c_generic ext4 xhci-pci cp210x
    ftdi_sio vhci-hcd)
PATH=$PATH:/usr/sbin:/sbin

needed=(qemu-system-aarch64:qemu-system-arm depmod:kmod cpio:cpio mke2fs:e2fsprogs nc:netcat-openbsd)
[ "$(uname -m)" = aarch64 ] \
    || needed+=(aarch64-linux-gnu-gcc:"gcc-aarch64-linux-gnu libc6-dev-arm64-cross")
missing=()
for each in "${needed[@]}"; do
    command -v "${each%%:*}" >/dev/null || missing+=("${each#*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "not run: packages are missing; type: sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 2
fi
mkdir -p "$out"
out=$(cd "$out" && pwd)
python=$(cd "$(dirname "$python")" && pwd)/python
self=$(cat hil/guest/* scripts/debian_arm64.sh | sha256sum)

scripts/debian_arm64.sh "$out/apt" "$out/debian" "${packages[@]}"
guest_python=$(basename "$out"/debian/usr/lib/python3.*)
host_python=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
if [ "$guest_python" != "$host_python" ]; then
    echo "not run: the guest has $guest_python, ${VENV:-.venv} has $host_python; set PYTHON=$guest_python and VENV, and run 'make check' once" >&2
    exit 2
fi

compile() { # FOLDER PREFIX: byte code that is not checked against its source, whose time may change
    (cd "$1" && "$python" -m compileall -q -f -x '/(test|tests|idlelib|lib2to3)/' -s . -p "$2" \
        --invalidation-mode unchecked-hash .)
}

image() { # FOLDER FILE MEBIBYTES
    rm -f "$2.new"
    mke2fs -q -t ext4 -O ^has_journal -E root_owner=0:0 -d "$1" "$2.new" "$3M" >/dev/null
    mv "$2.new" "$2"
}

if [ "$(cat "$out/root.built" 2>/dev/null)" != "$self ${packages[*]}" ]; then
    work=$(mktemp -d -p "$out")
    trap 'rm -rf "$work"' EXIT
    debian="$out/debian"
    kernel=$(ls "$debian/usr/lib/modules")
    cp "$debian/boot/vmlinuz-$kernel" "$out/Image"

    ram="$work/initramfs"
    mkdir -p "$ram"/{bin,sbin,proc,sys,dev,newroot} "$ram/lib/modules/$kernel"
    cp "$debian/bin/busybox" "$ram/bin/"
    ln -s /bin/busybox "$ram/sbin/modprobe"
    cp hil/guest/initramfs-init "$ram/init"
    depmod -b "$debian" "$kernel"
    for module in "${modules[@]}"; do
        modprobe -d "$debian" -S "$kernel" --show-depends "$module"
    done | awk '$1 == "insmod" { print $2 }' | sort -u | while read -r file; do
        relative=${file#*"/lib/modules/$kernel/"}
        mkdir -p "$(dirname "$ram/lib/modules/$kernel/$relative")"
        cp "$file" "$ram/lib/modules/$kernel/$relative"
    done
    find "$ram" -name '*.ko.xz' -exec unxz {} +
    cp "$debian/lib/modules/$kernel"/modules.{order,builtin,builtin.modinfo} "$ram/lib/modules/$kernel/"
    depmod -b "$ram" "$kernel"
    (cd "$ram" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) > "$out/initrd"

    root="$work/root"
    mkdir -p "$root"/{proc,sys,dev,run,tmp,root,opt/luxminer,var/lib/luxminer,usr/local/bin}
    tar -c -C "$debian" --exclude='./boot' --exclude='./usr/lib/modules' --exclude='./usr/share/doc' \
        --exclude='./usr/share/man' --exclude='./usr/share/locale' --exclude='./usr/share/i18n' \
        --exclude='./usr/share/info' --exclude='./usr/lib/linux-image-*' --exclude='./dev' . \
        | tar -x -C "$root"
    cp -r "$ram/lib/modules" "$root/usr/lib/"
    ln -sf dash "$root/usr/bin/sh"
    ln -sfn /run "$root/var/run" # usbip keeps its notes there
    rm -f "$root/usr/sbin/init"
    install -m 755 hil/guest/init "$root/usr/sbin/init"
    compile "$root/usr/lib/$guest_python" "/usr/lib/$guest_python"
    image "$root" "$out/root.ext4" 384
    echo "$self ${packages[*]}" > "$out/root.built"
    rm -rf "$work"
fi

wheel=$(scripts/build_wheel_arm64.sh "$out/wheel" | tail -n 1)
wanted=$(sha256sum "$wheel")
if [ "$(cat "$out/luxminer.built" 2>/dev/null)" != "$wanted $self" ]; then
    pip=("$python" -m pip --quiet --disable-pip-version-check)
    for_arm=(--only-binary=:all: --python-version "${guest_python#python}" --implementation cp
        --platform linux_aarch64 --platform manylinux2014_aarch64
        --platform manylinux_2_28_aarch64 --platform manylinux_2_34_aarch64)
    requirements=$("$python" -c 'import tomllib; print("\n".join(tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]))')
    if [ "$(cat "$out/wheels/requirements" 2>/dev/null)" != "$requirements" ]; then
        rm -rf "$out/wheels"
        mkdir "$out/wheels"
        printf '%s\n' "$requirements" > "$out/wheels.txt"
        "${pip[@]}" download "${for_arm[@]}" --dest "$out/wheels" --requirement "$out/wheels.txt" || {
            echo "not run: pip could not fetch wheels for ARM; its words are above" >&2
            exit 2
        }
        mv "$out/wheels.txt" "$out/wheels/requirements"
    fi
    rm -rf "$out/site"
    "${pip[@]}" install "${for_arm[@]}" --no-index --find-links "$out/wheels" --no-compile \
        --target "$out/site" "$wheel"
    compile "$out/site" /opt/luxminer
    image "$out/site" "$out/luxminer.ext4" 64
    rm -rf "$out/site"
    echo "$wanted $self" > "$out/luxminer.built"
fi
