#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Who calls whom, from the symbols of the object files: by the rules that floors.sh reads too, which sees
# includes alone.   links.sh [ROOT OBJECTS...]   (OBJECTS: folders that hold src/MODULE/FILE.c.o; without: this
# tree's build/)
set -euo pipefail
if [ $# -eq 0 ]; then
    root=$(cd "$(dirname "$0")/../.." && pwd)
    set -- "$root" "$root"/build/CMakeFiles/dsvk_{objects,ref}.dir
fi
rules=$(sed -n '/<!-- floors -->/,/<!-- \/floors -->/p' "$1/docs/architecture.md" | grep -E '^    [a-z]+:( [a-z ]*)?$')
[ -n "$rules" ] || { echo "links: no rules in docs/architecture.md"; exit 1; }
mapfile -t files < <(find "${@:2}" -name '*.c.o' -path '*/src/*' | sort |
    while read -r o; do # an object file of a source that was moved away says nothing
        source=${o##*/src/}
        [ ! -e "$1/src/${source%.o}" ] || echo "$o"
    done)
[ ${#files[@]} -gt 0 ] || { echo "links: no object files in ${*:2}"; exit 1; }
{ sed 's/^/rule /' <<<"$rules"; nm -A "${files[@]}"; } | awk '
    function module(file) { sub(/^.*\/src\//, "", file); sub(/\/.*/, "", file); return file }
    $1 == "rule" { from = $2; sub(/:/, "", from); may[from, from] = known[from] = 1
                   for (i = 3; i <= NF; i++) {
                       may[from, $i] = 1 # above it in the table, so that there is no circle
                       if (!($i in known)) {
                           print "docs/architecture.md: " from " names " $i " too early"; bad = 1
                       }
                   }
                   next }
    { file = $1; sub(/:.*/, "", file); symbol = $NF; kind = $(NF - 1) }
    kind ~ /^[TDRB]$/ { home[symbol] = file; next }
    kind == "U" { wants[file, symbol] = 1 }
    END {
        for (pair in wants) {
            split(pair, p, SUBSEP)
            if (!(p[2] in home)) continue
            a = module(p[1]); b = module(home[p[2]])
            if (!((a, b) in may)) { sub(/^.*\/src\//, "src/", p[1]); print p[1] ": " a " may not use " p[2] " of " b; bad = 1 }
        }
        exit bad
    }' | sed 's/\.c\.o/.c/' | sort
