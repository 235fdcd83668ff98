#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Rule 8 of CONTRIBUTING.md: how long files and functions may be, how many parameters a function takes,
# and that a longer file says at its beginning what it is for.   metrics.sh [ROOT [EXCEPTIONS]]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
max_file=350 max_shader=250 max_function=40 max_parameters=6 max_silent=60

# KIND NAME REASON: what may be beyond a limit. A line that nothing needs any more is a fault too.
known='
    parameters src/ref/attend.c:attend  the sum of a split reads as its formula: token, head, first, last
    parameters src/api/tokens.c:dsvk_model_tokenize  public, and every parameter is a plain one
    parameters src/graph/ops.c:dv_rope  a constructor of a node has the parameters of the op
    parameters tools/ds-vk/serve/http.c:on_request  what libmicrohttpd calls
    parameters tests/cli/fake_dsvk.c:dsvk_model_tokenize  stands for the public one
'
exceptions=${2-$known}
(($# == 1)) && exceptions= # a tree that is not this one
cd "${1:-$here/../..}"
mapfile -t files < <(find src tools tests docs include shaders -name '*.[ch]' -o -name '*.comp' -o -name '*.glsl' | sort)

# LINES PARAMETERS FILE:LINE NAME. A body begins with { and ends with } in the first column; what
# begins in the first column before it is the head.
functions() {
    awk 'FNR == 1 { head = ""; start = 0 }
        /^\{/ && head {
            start = FNR; depth = 0; parameters = 1
            for (i = 1; i <= length(head); i++) {
                c = substr(head, i, 1)
                depth += (c == "(") - (c == ")")
                parameters += c == "," && depth == 1
            }
            name = head; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
            next
        }
        /^\}/ && start { print FNR - start + 1, parameters, FILENAME ":" start, name; start = 0; head = ""; next }
        start { next }
        /^[A-Za-z].*\(/ { head = $0; next }
        /^[ \t]/ && head { head = head $0; next }
        { head = "" }' "$@"
}
lengths=$(wc -l "${files[@]}" | grep -v ' total$' | awk '{ print $1, $2 }' | sort -rn)
bodies=$(functions "${files[@]}" | sort -rn)
silent=$(awk 'FNR == 1 { comment = 0 } FNR == 2 && /^\/[\/*]/ { comment = 1 }
    FNR == '$((max_silent + 1))' && !comment { print FILENAME }' "${files[@]}")

summary() { # NAME LINES
    echo "$1: $(sort -n <<<"$2" | awk '{ v[NR] = $1 }
        END { printf "%d, lines: median %d, nine of ten up to %d; the longest:", NR, v[int((NR + 1) / 2)], v[int(NR * .9 + .5)] }')"
    head -n 5 <<<"$2" | sed 's/^/    /'
}
summary files "$lengths"
summary functions "$bodies"

# KIND NAME WHAT: what is beyond a limit.
{
    awk -v file=$max_file -v shader=$max_shader '{ max = $2 ~ /^shaders\// ? shader : file }
        $1 > max { print "file", $2, "has " $1 " lines, more than " max }' <<<"$lengths"
    awk -v lines=$max_function -v parameters=$max_parameters '{ where = $3; sub(/:.*/, "", where) }
        $1 > lines { print "function", where ":" $4, "has " $1 " lines, more than " lines }
        $2 > parameters { print "parameters", where ":" $4, "takes " $2 ", more than " parameters }' <<<"$bodies"
    awk -v lines=$max_silent 'NF { print "head", $1, "has more than " lines " lines and no comment behind the SPDX line" }' <<<"$silent"
} | awk '
    FNR == NR && NF && NF < 3 { print "exception without a reason: " $0; bad = 1 }
    FNR == NR && NF { allowed[$1 " " $2] = 1; next }
    NF < 3 { next }
    ($1 " " $2) in allowed { needed[$1 " " $2] = 1; next }
    { print "beyond a limit: " $0; bad = 1 }
    END {
        for (name in allowed)
            if (!(name in needed)) {
                print "\"" name "\" is within its limit now: take its line out of the exceptions in tools/check/metrics.sh"
                bad = 1
            }
        exit bad
    }' <(echo "$exceptions") -
