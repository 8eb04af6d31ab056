#!/bin/sh
# Unpacks Debian packages for 64-bit ARM into a folder, on whatever processor this is, without root:
#   scripts/debian_arm64.sh [--no-depends] CACHE FOLDER PACKAGE...
# Sources, keys and proxies are those of this system's apt; nothing of the system is changed. Does
# nothing, and needs no network, when the same packages are there already.
set -eu
depends=yes
[ "${1:-}" != --no-depends ] || { depends=; shift; }
if [ $# -lt 3 ]; then
    echo "usage: $0 [--no-depends] CACHE FOLDER PACKAGE..." >&2
    exit 2
fi
cache=$1 folder=$2
shift 2
stamp="$folder.packages"
if [ "$(cat "$stamp" 2>/dev/null)" = "$*" ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    echo "Packages for ARM are fetched by apt-get, which is not here: use Debian or Raspberry Pi OS." >&2
    exit 2
fi

mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
mkdir -p "$cache/lists/partial"
rm -rf "$folder" "$stamp" "$cache/archives"
mkdir -p "$folder" "$cache/archives/partial"
: > "$cache/status"
apt_get() {
    apt-get -qq -o Dir::State="$cache" -o Dir::State::status="$cache/status" \
        -o Dir::Cache="$cache" -o APT::Architecture=arm64 -o APT::Architectures::=arm64 \
        -o APT::Sandbox::User= -o Acquire::Languages=none "$@" >&2 || {
        echo "apt-get could not fetch packages for arm64; its words are above." >&2
        exit 2
    }
}
apt_get update
if [ -n "$depends" ]; then
    apt_get install --yes --no-install-recommends --download-only "$@"
else
    (cd "$cache/archives" && apt_get download "$@")
fi
# Debian has the folders of / merged into /usr, by links that no package brings along.
for name in bin sbin lib; do
    mkdir -p "$folder/usr/$name"
    ln -s "usr/$name" "$folder/$name"
done
for deb in "$cache/archives"/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink --no-same-owner -C "$folder"
done
rm -rf "$cache/archives"
echo "$*" > "$stamp"
