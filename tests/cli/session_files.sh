#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --save-session and --load-session over the stand-in, whose files are lists of ids.
#   session_files.sh PROGRAM
set -uo pipefail
program=$1
. "$(dirname "$0")/expect.sh"
answer='naïve 😀!' file=$work/kept
holds() { printf '%s\n' $1 | cmp -s - "${2:-$file}" || complain "the file does not hold $1"; }

# ---- what is saved: prompt and answer, without the end token or what a limit leaves out ----
prints "$answer" run -m x --tokens 5,6,7 --save-session "$file"
says "note: 15 tokens are saved in $file"
holds "5 6 7 113 100 198 178 121 104 35 243 162 155 131 36"
prints "na" run -q -m x --tokens 5,6,7 -n 2 --save-session "$file"
silent
holds "5 6 7 113"
prints "" run -q -m x --tokens 5,6,7 -n 0 --save-session "$file"
holds "5 6 7"

# ---- what is loaded: the common beginning ----
prints "$answer" run -m x --tokens 5,6,8,9 --load-session "$file" --stats
says "note: 2 of the prompt's 4 tokens come from $file"
says "  from the file       2"
prints "$answer" run -m x --tokens 5,6,7,8 --load-session "$file" --save-session "$file"
says "note: 3 of the prompt's 4 tokens come from $file"
holds "5 6 7 8 113 100 198 178 121 104 35 243 162 155 131 36"
prints "$answer" run -m x --tokens 9,6 --load-session "$file"
says "note: $file begins with another token than the prompt: all is computed"
prints "$answer" run -q -m x --tokens 5 --load-session "$file"
silent
run 0 run -q -m x --tokens 5,6,8 --load-session "$file" --json
grep -q '"loaded_tokens": 2,' "$out" || complain "does not count what was loaded"
run 0 run -q -m x --tokens 5,6,8 --json
grep -q '"loaded_tokens": 0,' "$out" || complain "does not count what was loaded"

# ---- files that are of no use: one sentence, before the model is opened where that can be ----
echo nonsense >"$work/bad"
refuse 1 "session file: it is no session" run -q -m x --tokens 5 --load-session "$work/bad"
refuse 1 "$work/none: No such file" run -m empty-folder --tokens 5 --load-session "$work/none"
refuse 1 "$work/no/s: no session can be saved there: No such file" \
    run -m empty-folder --tokens 5 --save-session "$work/no/s"
refuse 1 "$work: no session can be saved there: Is a directory" \
    run -m empty-folder --tokens 5 --save-session "$work"
refuse 1 "/dev/null: no session can be saved there" run -m empty-folder --tokens 5 --save-session /dev/null
refuse 1 "no session can be saved there" run -m empty-folder --tokens 5 --save-session ''
[ -c /dev/null ] || complain "replaces a device"
chmod 444 "$file"
refuse 1 "$file: no session can be saved there: Permission denied" \
    run -m empty-folder --tokens 5 --save-session "$file"
chmod 644 "$file"
run 1 run -q -m full --tokens 5,6 --save-session "$file" # after the answer
says "session file: no space left"
[ "$(cat "$out")" = "$answer" ] || complain "does not print the answer"
holds "5 6 7 8 113 100 198 178 121 104 35 243 162 155 131 36"

# ---- a link stays, and is followed ----
ln -s kept "$work/link"
prints "na" run -q -m x --tokens 5,6 -n 2 --save-session "$work/link"
[ -L "$work/link" ] || complain "replaces a link"
holds "5 6 113"

# ---- an answer that fails saves nothing ----
run 1 run -q -m lost --tokens 7 --save-session "$file"
holds "5 6 113"

# ---- interrupts: what is there is saved, unless it is what was loaded ----
interrupt() {
    local got=0
    command=("$@", interrupted)
    "$program" "$@" </dev/null >"$out" 2>"$err" &
    sleep 0.7
    kill -INT $!
    wait $! || got=$?
    [ "$got" = 130 ] || complain "status $got, not 130"
}
interrupt run -m slow --ctx 100000 -n 100000 --tokens 5,6 --save-session "$work/stopped"
says "saved in $work/stopped"
[ "$(sed -n 3p "$work/stopped")" = 123 ] || complain "the answer is not saved"
interrupt run -q -m drag-prompt --tokens 5,6,7 --load-session "$file" --save-session "$file"
holds "5 6 113"
interrupt run -q -m drag-prompt --tokens 5,6,7 --save-session "$work/nothing"
[ ! -e "$work/nothing" ] || complain "saves an empty timeline"
interrupt run -q -m drag-file --tokens 5,6,7 --load-session "$file" --save-session "$file"
silent
holds "5 6 113"
finish
