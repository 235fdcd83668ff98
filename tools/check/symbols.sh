#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The shared library shows what the headers declare and nothing else, all with the version of this minor version; the
# static one dsvk_ and dv_.   symbols.sh SHARED STATIC HEADERS
set -euo pipefail
names() { nm -g --defined-only "$@" | awk 'NF == 3 && $2 != "A" { print $3 }' | grep -v '^__' | sort -u; }
fails=0
version=$(sed -n 's/^#define DSVK_VERSION_\(MAJOR\|MINOR\) //p' "$3/dsvk/base.h" | paste -sd .)
declared=$(cat "$3"/dsvk/*.h | sed 's:/\*.*\*/::' | tr '\n' ' ' | grep -oE 'DSVK_API [^;{(]*\(' |
    grep -oE 'dsvk_[a-z0-9_]+ *\($' | tr -d ' (' | sort -u)
shown=$(names -D "$1")
differ=$(diff <(sed "s/\$/@@DSVK_$version/" <<<"$declared") - <<<"$shown" || true)
[ -z "$differ" ] || { echo "the headers (<) and the shared library (>) differ:"; echo "$differ"; fails=1; }
others=$(names "$2" | grep -vE '^(dsvk|dv)_' || true)
[ -z "$others" ] || { echo "the static library shows:"; echo "$others"; fails=1; }
[ -n "$shown" ] || { echo "the shared library shows nothing"; fails=1; }
exit $fails
