#!/bin/sh
# Makes the virtual environment of the bench on many hosts: labgrid, pytest, and our resources for
# them. It is apart from that of luxminer, because labgrid brings a pyserial of its own.
#   scripts/lab_venv.sh          in .cache/lab, or in LAB_VENV
# Does nothing when it is there already; the first time needs a network.
set -eu
cd "$(dirname "$0")/.."
venv=${LAB_VENV:-.cache/lab}
stamp="$venv/.installed"
mkdir -p "$(dirname "$venv")"
# Several at once (tests do that) wait for the first.
exec 9>"$venv.lock"
flock 9

# A copied one would run what it was copied from.
place='import luxminer_hil, pathlib; print(pathlib.Path(luxminer_hil.__file__).parents[2])'
if [ "$stamp" -nt hil/labgrid/requirements.txt ] && [ "$stamp" -nt scripts/lab_venv.sh ] \
    && [ "$("$venv/bin/python" -c "$place" 2>/dev/null)" = "$(pwd -P)" ]; then
    exit 0
fi
python=${PYTHON:-}
for name in python3 python3.13 python3.12 python3.11; do
    [ -n "$python" ] && break
    "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && python=$name
done
if [ -z "$python" ]; then
    echo "No Python of 3.11 or later here; install one, or name it in PYTHON." >&2
    exit 2
fi
echo "installing labgrid in $venv" >&2
"$python" -m venv --clear "$venv"
"$venv/bin/python" -m pip --quiet --disable-pip-version-check install -r hil/labgrid/requirements.txt || {
    echo "labgrid could not be installed; pip's words are above. The first time needs a network." >&2
    exit 1
}
# Only this root: the bench elsewhere needs neither service nor drivers.
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s/hil\n' "$(pwd -P)" > "$site/luxminer_hil.pth"
touch "$stamp"
