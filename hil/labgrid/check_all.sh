#!/bin/sh
# Checks the sticks of all free places, or of those that are named, JOBS (8) at once.
#   LG_COORDINATOR=HOST:PORT hil/labgrid/check_all.sh [PLACE...]
# BENCH_ENV names another environment than ours. Reports, and what pytest says, go into reports/. One
# line for each place; status 1 when a stick fails or cannot be had.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PATH=${LAB_VENV:-$here/../../.cache/lab}/bin:$PATH
unset LG_ENV
export PATH

check_one() {
    LG_PLACE=$1
    export LG_PLACE
    log=reports/$1.log
    if ! labgrid-client acquire >"$log" 2>&1; then
        echo "$1: not checked: $(tail -n 1 "$log")"
        exit 1
    fi
    trap 'labgrid-client release >>"$log" 2>&1' EXIT
    trap 'exit 1' INT TERM
    if pytest -v --lg-env "${BENCH_ENV:-$here/environment.yaml}" \
        --junitxml "reports/$1.xml" "$here" >>"$log" 2>&1; then
        echo "$1: passed"
    else
        echo "$1: failed, see $log"
        exit 1
    fi
}

if [ "${1:-}" = --one ]; then
    check_one "$2"
    exit
fi
mkdir -p reports
if [ $# = 0 ]; then
    places=$(labgrid-client places --released)
else
    places=$(printf '%s\n' "$@")
fi
if [ -z "$places" ]; then
    echo "No place is free; python -m luxminer_hil.lab.places makes those of new sticks." >&2
    exit 1
fi
printf '%s\n' "$places" | xargs -P "${JOBS:-8}" -n 1 "$0" --one || exit 1
