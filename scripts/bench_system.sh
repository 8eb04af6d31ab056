#!/bin/sh
# What `make bench-system` runs: the service in an emulated arm64 machine; arguments as in
#   .venv/bin/python -m luxminer_hil.system --help
# Exit status 0: all passed, 1: something failed, 2: it could not be run here, with the reason.
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh system
hil/guest/build.sh
exec "${VENV:-.venv}/bin/python" -m luxminer_hil.system "$@"
