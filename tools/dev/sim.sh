#!/usr/bin/env bash
# `./dev sim`: the simulation of the data plane.
# The simulator is a body of the ring seam (dataplane/io/ring.h) that has not been written, so this
# command refuses with exit code 2, wrong usage, instead of pretending to have simulated something.
set -euo pipefail
echo "./dev sim: there is no simulator of the data plane yet; nothing was simulated." >&2
exit 2
