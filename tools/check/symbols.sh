#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The shared library shows dsvk_ alone, the static one dsvk_ and dv_.   symbols.sh SHARED STATIC
set -euo pipefail
names() { nm -g --defined-only "$@" | awk 'NF == 3 { print $3 }' | grep -v '^__' | sort -u; }
fails=0
others=$(names -D "$1" | grep -v '^dsvk_' || true)
[ -z "$others" ] || { echo "the shared library shows:"; echo "$others"; fails=1; }
others=$(names "$2" | grep -vE '^(dsvk|dv)_' || true)
[ -z "$others" ] || { echo "the static library shows:"; echo "$others"; fails=1; }
names -D "$1" | grep -q '^dsvk_' || { echo "the shared library shows nothing"; fails=1; }
exit $fails
