#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The program for Windows under Wine, beside the one of this system: the same output for the same arguments, but for
# what differs by design. tools/windows starts it.   smoke.sh UNPACKED WORK PROGRAM
set -uo pipefail
unpacked=$1 work=$2 here=$(realpath "$3")
wine=("$work/wine-here")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export MESA_SHADER_CACHE_DIR=${MESA_SHADER_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}} # compiling takes a minute
export LOCALAPPDATA="Z:$scratch/local" XDG_CACHE_HOME="$scratch/cache"
fails=0 n=0
limit=3600 # seconds: of what hangs, and no measure of a busy machine
model="$scratch/Größe 你好/modell"
mkdir -p "$model" "$scratch/local"
chmod 755 "$scratch" # all may look into it
cp "$unpacked"/models/demo/* "$model"

wrong() { echo "smoke: $*"; fails=$((fails + 1)); }
win() { timeout "$limit" "${wine[@]}" "$unpacked/ds-vk.exe" "$@"; }
same() { # NAME ARGUMENTS...: status, standard output and standard error
    local name=$1 a b
    shift
    n=$((n + 1))
    win "$@" >"$scratch/w.out" 2>"$scratch/w.err" </dev/null
    a=$?
    "$here" "$@" >"$scratch/l.out" 2>"$scratch/l.err" </dev/null
    b=$?
    [ $a = $b ] || wrong "$name: status $a, not $b: $(tail -n 2 "$scratch/w.err")"
    cmp -s "$scratch/w.out" "$scratch/l.out" || { wrong "$name: another output"; diff "$scratch/w.out" "$scratch/l.out" | head -n 6; }
    cmp -s "$scratch/w.err" "$scratch/l.err" || { wrong "$name: other words"; diff "$scratch/w.err" "$scratch/l.err" | head -n 6; }
}
expect() { # NAME PATTERN FILE
    n=$((n + 1))
    grep -qE -- "$2" "$3" || { wrong "$1: no $2 in:"; head -n 5 "$3"; }
}

same version --version
same devices devices
same tokenize tokenize 'Größe 你好 🙂'
same inspect inspect -m "$model"
same plan plan -m "$model" --json
same ids run --greedy --print ids 'What is MLA?'
same text run -m "$model" --greedy 'What is an expert?'
same sampled run --seed 7 --temp 0.8 'What is a router?'
printf 'MLA stores one small latent vector per token. Größe, 你好.\n' >"$scratch/Prüftext"
same score score -f "$scratch/Prüftext"
same missing run -m "$scratch/missing 名" x
same folder run --file "$scratch" x
same option run --no-such-option
same usage quantize

# Pipes, as text with line ends as they are.
printf 'Größe\r\nund mehr\n' >"$scratch/text"
win tokenize - <"$scratch/text" >"$scratch/w.out" 2>&1
"$here" tokenize - <"$scratch/text" >"$scratch/l.out" 2>&1
n=$((n + 1))
cmp -s "$scratch/w.out" "$scratch/l.out" || wrong "standard input: other tokens"

# Converted folders have the same bytes; the second place is deep.
deep=$scratch/$(printf 'a deep folder äöü, 30 letters/%.0s' 1 2 3 4 5 6 7 8 9)
mkdir -p "$deep"
for to in "$scratch/Größe int4" "$deep/out"; do
    n=$((n + 1))
    win quantize "$model" "$to" --weights int4 >"$scratch/w.out" 2>"$scratch/w.err" || wrong "quantize: $(cat "$scratch/w.err")"
done
"$here" quantize "$model" "$scratch/here" --weights int4 2>"$scratch/l.err" || wrong "quantize here: $(cat "$scratch/l.err")"
for to in "$scratch/Größe int4" "$deep/out"; do
    diff -r "$scratch/here" "$to" >/dev/null || wrong "$to: other bytes"
done
same converted run -m "$deep/out" --greedy 'What is MLA?'

# Files that come and go under names in UTF-8.
win run --greedy -n 20 --save-session "$scratch/Sitzung 你.session" 'What is MLA?' >"$scratch/w.out" 2>"$scratch/w.err" || wrong "saving: $(cat "$scratch/w.err")"
n=$((n + 1)) # Wine makes modes of access lists
[[ $(stat -c %a "$scratch/Sitzung 你.session") = ??0 ]] || wrong "a saved session: others may read it"
win run --greedy --load-session "$scratch/Sitzung 你.session" 'What is MLA?' >"$scratch/w.out" 2>"$scratch/w.err" || wrong "loading: $(cat "$scratch/w.err")"
expect "a saved session" 'tokens? come' "$scratch/w.err"

# ---- Ctrl-C ----

stopping='stopping' # what is written to standard error at once
until_true() { # JOB COMMAND...: or until the job is gone
    until "${@:2}" || ! kill -0 "$1" 2>/dev/null; do sleep 0.05; done
}
# A program's first output comes, something is done `during` that, Ctrl-C is pressed, and when it was heard all other
# output is taken. Until then the program can write 256 bytes at most, so a long answer cannot end before.
interrupted() { # NAME STATUS ARGUMENTS...
    local name=$1 status=$2 code
    shift 2
    n=$((n + 1))
    rm -f "$scratch"/{press,on,w.out}
    timeout "$limit" "${wine[@]}" "$work/interrupt.exe" "$scratch" "$unpacked/ds-vk.exe" "$@" \
        >"$scratch/w.out" 2>"$scratch/w.err" </dev/null &
    local job=$!
    until_true "$job" test -s "$scratch/w.out"
    "${during[@]}" "$job"
    : >"$scratch/press"
    until_true "$job" grep -q "$stopping" "$scratch/w.err"
    : >"$scratch/on"
    wait "$job"
    code=$?
    [ $code = "$status" ] || wrong "$name: status $code, not $status: $(tail -n 3 "$scratch/w.err")"
    expect "$name" "$stopping" "$scratch/w.err"
}
during=(true)
interrupted "an interrupted answer" 130 run --greedy -n 2000 --ignore-eos 'Tell me all of experts'
expect "an interrupted answer" 'interrupted; stopping after this pass' "$scratch/w.err"

# ---- serve ----

get() { curl -s -m "$limit" "$@"; }
healthy() { get "$url/health" >"$scratch/health" && grep -q '"ok"' "$scratch/health"; }
asks() { # JOB
    local url
    url=$(head -n 1 "$scratch/w.out" | tr -d '\r')
    until_true "$1" healthy
    get "$url/v1/chat/completions" -H 'Content-Type: application/json' \
        -d '{"messages":[{"role":"user","content":"What is MLA?"}],"temperature":0}' >"$scratch/answer"
    get -N "$url/v1/chat/completions" -H 'Content-Type: application/json' \
        -d '{"messages":[{"role":"user","content":"Größe 你好?"}],"temperature":0,"stream":true,"max_tokens":8}' >"$scratch/stream"
    get -H "Accept: text/html" "$url/" >"$scratch/page"
}
during=(asks)
# One folder is made by the program, for the user alone in a place for all.
interrupted "a server" 0 serve --port 0 -m "$model" --cache-dir "$scratch/beginnings"
expect health '"status" ?: ?"ok"' "$scratch/health"
expect "an answer" 'multi-head latent attention' "$scratch/answer"
expect "a stream" '^data: \[DONE\]' "$scratch/stream"
expect "the page" '<html' "$scratch/page"
n=$((n + 1))
[[ $(stat -c %a "$scratch/beginnings") = ??0 ]] || wrong "a cache folder: others may look into it"
mkdir -m 755 "$scratch/open"
# At an address that no machine has: one that took the folder would end there.
win serve --host 203.0.113.1 --port 0 -m "$model" --cache-dir "$scratch/open" >"$scratch/w.out" 2>"$scratch/w.err" && wrong "a cache for all: taken"
expect "a cache for all" 'others may look into it' "$scratch/w.err"

# ---- chat, line by line ----

printf 'What is MLA?\n/quit\n' >"$scratch/lines"
win chat --greedy <"$scratch/lines" >"$scratch/w.out" 2>"$scratch/w.err" || wrong "chat: $(cat "$scratch/w.err")"
expect "a chat" 'multi-head latent attention' "$scratch/w.out"

# ---- the DLL ----

if [ -e docs/examples/minimal.c ]; then
    x86_64-w64-mingw32-gcc-win32 -std=c11 -Wall -Wextra -Werror -D__USE_MINGW_ANSI_STDIO=1 -I "$unpacked/include" \
        docs/examples/minimal.c -o "$scratch/minimal.exe" -L "$unpacked/lib" -ldsvk || wrong "the example does not link"
    cp "$unpacked/libdsvk.dll" "$scratch"
    timeout "$limit" "${wine[@]}" "$scratch/minimal.exe" "$unpacked/models/demo" 'What is MLA?' >"$scratch/w.out" 2>"$scratch/w.err"
    expect "a program with the DLL" 'multi-head latent attention' "$scratch/w.out"
fi

echo "smoke: $n looked at, $fails wrong"
exit $((fails > 0))
