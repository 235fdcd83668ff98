#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What arrives at a terminal: wrapped messages, no orders from names and answers, bars that go.
#   terminal.sh PROGRAM
set -uo pipefail
program=$1
. "$(dirname "$0")/expect.sh"
command -v script >/dev/null || exit 77

# typed COLUMNS ARGS...: both streams on a terminal, its line ends made those of a file
typed() {
    command=("${@:2}")
    local words
    words=$(printf ' %q' "${@:2}")
    script -qec "stty cols $1; $(printf %q "$program")$words" /dev/null </dev/null |
        tr -d '\r' >"$out"
    cp "$out" "$err"
}
wide() { LC_ALL=C.UTF-8 awk -v most="$1" 'length > most { exit 1 }' "$out" || complain "wider than $1"; }

typed 30 run -m x hi
wide 30
[ "$(head -n 2 "$out")" = "note: no GPU was found;
 running on fake?" ] || complain "is not wrapped"
typed 40 run -m x --temp 1000 hi
wide 40
grep -q '^ds-vk: run: --temp takes a number' "$out" || complain "another message"
typed 80 run -q -m orders hi
printf 'a?[31mb??c\td\n\xc3\xa9\n' | cmp -s - "$out" || complain "orders reach the terminal: $(od -c "$out")"
typed 80 run -m $'x\e[31m\xc2\x9bempty-folder' hi
grep -q $'\e' "$out" && complain "a name commands the terminal"
run 0 run -q -m orders hi # in a file what was answered stands as it is
printf 'a\033[31mb\a\xc2\x9bc\td\r\n\xc3\xa9\n' | cmp -s - "$out" || complain "another answer"
finish
