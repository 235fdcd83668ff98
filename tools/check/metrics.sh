#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Lengths of files and functions: prints the longest, fails beyond the limits.   metrics.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
max_file=600 max_function=120
mapfile -t files < <(find src tools tests include shaders -name '*.[ch]' -o -name '*.comp' -o -name '*.glsl' | sort)

# A function body begins with { and ends with } in the first column; its name precedes the last ( before it.
functions() {
    awk 'FNR == 1 { head = "" }
        /^\{/ { start = FNR; name = head; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name); next }
        /^\}/ && start { print FNR - start + 1, FILENAME ":" start, name; start = 0; head = ""; next }
        /^[a-z].*\(/ && !start { head = $0 }' "$@"
}
lengths=$(wc -l "${files[@]}" | grep -v ' total$' | awk '{ print $1, $2 }' | sort -rn)
bodies=$(functions "${files[@]}" | sort -rn)
median() { sort -n | awk '{ v[NR] = $1 } END { print NR ? v[int((NR + 1) / 2)] : 0 }'; }
echo "files: $(wc -l <<<"$lengths"), median $(median <<<"$lengths") lines; the longest:"
head -n 5 <<<"$lengths" | sed 's/^/    /'
echo "functions: $(wc -l <<<"$bodies"), median $(median <<<"$bodies") lines; the longest:"
head -n 5 <<<"$bodies" | sed 's/^/    /'
awk -v file=$max_file -v fun=$max_function '$1 > (NF == 3 ? fun : file) { print "too long: " $0; bad = 1 }
    END { exit bad }' <<<"$lengths"$'\n'"$bodies"
