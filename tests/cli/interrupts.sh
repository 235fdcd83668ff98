#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Ctrl-C in every phase: said at once, and 130 in the end.
#   interrupts.sh PROGRAM
set -uo pipefail
program=$1
. "$(dirname "$0")/expect.sh"
printf '5, 6\n7' >"$work/ids"
note="note: interrupted; stopping after this pass"

# interrupt STATUS SIGNAL ARGS...: the handler is there before anything is opened, so a signal
# that comes early is heard later.
interrupt() {
    local got=0
    command=(${@:3}, interrupted)
    "$program" "${@:3}" </dev/null >"$out" 2>"$err" &
    sleep 0.7
    kill "-$2" $!
    wait $! || got=$?
    [ "$got" = "$1" ] || complain "status $got, not $1"
}
for words in "run -m drag-load hi" "run -m drag-prompt hi" "run -m slow -n 100000 --ctx 100000 hi" \
    "score -m drag-load --tokens-file $work/ids" "score -m drag-score --tokens-file $work/ids" \
    "bench -m drag-prompt --prompt 4 --gen 2" "quantize drag out --weights fp8"; do
    interrupt 130 INT $words
    says "$note"
    grep '^ds-vk: ' "$err" && complain "is no failure"
    [ "$(grep -c interrupted "$err")" = 1 ] || complain "not one note"
done
interrupt 143 TERM run -m drag-prompt hi
says "$note"
interrupt 130 INT run -q -m drag-prompt hi
silent
interrupt 130 INT plan -q -m drag-plan # in no passes: at once
silent
finish
