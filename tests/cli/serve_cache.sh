#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Beginnings on the disk, over the library that only pretends: when they are written and read, what is
# refused, what goes, and what a killed server leaves.
#   serve_cache.sh PROGRAM
set -uo pipefail
program=$1
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/serving.sh"
cache=$work/kept
one=$(printf 'one %.0s' {1..30}) two=$(printf 'two %.0s' {1..30}) three=$(printf 'three %.0s' {1..20})

begin() { start -m x --ctx 1000 --parallel 1 --cache-dir "$cache" "$@"; }
ask() { # CACHED TEXT
    post 200 "\"cached_tokens\":$1}" /v1/completions "{\"prompt\":\"$2\",\"max_tokens\":3}"
}
files() { # N: so many of each kind and nothing else
    local ids sessions all
    ids=$(find "$cache" -name 'dsvk-*.ids' | wc -l) sessions=$(find "$cache" -name 'dsvk-*.session' | wc -l)
    all=$(find "$cache" -type f | wc -l)
    [ "$ids $sessions $all" = "$1 $1 $(($1 * 2))" ] || complain "not $1 beginnings: $(ls "$cache")"
}
logged() { grep -qF -e "$1" "$work/serve.err" || { complain "does not log '$1'"; cat "$work/serve.err"; }; }
quiet() { ! grep -E 'error|cache' "$work/serve.err" || complain "says something"; }

# ---- written when a session is taken and at the end, read when a prompt begins so ----
begin
ask 0 "$one"
files 0
ask 1 "$two" # BOS
files 1
ask 120 "$one"
files 2
ask 120 "$one"
ask 121 "${one}and on"
ask 121 "$one$three"
ask 1 "o"
files 2 # the longer one took the place of its beginning
stop
quiet
files 2 # what is short is not worth a file
[ "$(stat -c %a "$cache")" = 700 ] || complain "others can look into it"
[ -z "$(find "$cache" -name '*.ids' ! -perm 600)" ] || complain "others can read it"
begin
ask 120 "$two"
ask 121 "${one}and on"
stop
quiet
files 2

# ---- what is damaged, of others, left behind ----
for file in "$cache"/*.session; do echo rubbish >"$file"; done
begin
ask 0 "$two"
ask 1 "$one"
stop
[ "$(grep -c 'session file: it is no session' "$work/serve.err")" = 2 ] || complain "not a line for each"
files 2
for file in "$cache"/*.ids; do printf 'x' | dd of="$file" bs=1 seek=40 conv=notrunc status=none; done
begin
ask 0 "$two"
stop
[ "$(grep -c 'ids is damaged and was removed' "$work/serve.err")" = 2 ] || complain "not a line for each"
files 1
first=$(basename "$cache"/*.ids .ids)
for bytes in '' dsvkids1 "dsvkids1$(printf 'a%.0s' {1..30})"; do
    printf '%s' "$bytes" >"$cache/$first.ids"
    begin
    stop
    logged "cache: $first.ids is damaged and was removed"
    files 0
    begin
    ask 0 "$two"
    stop
    files 1
done
start -m y --ctx 1000 --parallel 1 --cache-dir "$cache" # another model
ask 0 "$two"
stop
quiet
files 2
old=$(date -d '-1 hour' +%Y%m%d%H%M)
touch "$cache/mine" "$cache/dsvk-mine.session" "$cache/dsvk-0123456789abcdef.session.abcdef" \
    "$cache/dsvk-0123456789abcdef.session" "$cache/dsvk-123456789abcdef0.ids.xyzxyz"
mkdir "$cache/dsvk-0123456789abcde0.session"
begin
stop
[ -e "$cache/dsvk-0123456789abcdef.session" ] || complain "takes from a server that is just writing"
touch -t "$old" "$cache"/*
begin
ask 120 "$two"
stop
quiet
rmdir "$cache/dsvk-0123456789abcde0.session" && rm "$cache/mine" "$cache/dsvk-mine.session" ||
    complain "touches what is not its own"
files 2
rm "$cache"/dsvk-*

# ---- a limit ----
begin --cache-size 2500 # two of them
for text in "$one" "$two" "$three" "$one"; do
    post 200 '"cached_tokens":' /v1/completions "{\"prompt\":\"$text\",\"max_tokens\":3}"
done
stop
files 2
rm "$cache"/dsvk-*
begin --cache-size 2500
ask 0 "$one"
ask 1 "$two"
ask 120 "$one" # is used, so that the other goes
ask 1 "$three"
stop
begin --cache-size 2500
ask 120 "$one"
stop
begin --cache-size 100
stop
files 0
begin --cache-size 100
ask 0 "$one"
ask 1 "$two"
stop
logged "is more than --cache-size 100 bytes"
files 0

# ---- killed in the middle of writing ----
start -m drag-save --ctx 1000 --parallel 1 --cache-dir "$cache"
ask 0 "$one"
kill -TERM "$server"
for _ in $(seq 100); do
    ls "$cache"/*.abcdef >/dev/null 2>&1 && break
    sleep 0.05
done
kill -9 "$server"
wait "$server" 2>/dev/null
[ "$(ls "$cache")" != "" ] && [ -z "$(ls "$cache" | grep -v '\.abcdef$')" ] || complain "half a beginning is there"
begin
ask 0 "$one"
stop
quiet
touch -t "$old" "$cache"/*.abcdef
begin
ask 120 "$one"
stop
files 1

# ---- folders ----
chmod 755 "$cache"
refuse 1 "others may look into it" serve -m x --port 0 --cache-dir "$cache"
chmod 700 "$cache"
refuse 1 "it is no folder" serve -m x --port 0 --cache-dir "$program"
refuse 1 "No such file" serve -m x --port 0 --cache-dir "$work/no/folder"
refuse 1 "is too long" serve -m x --port 0 --cache-dir "$(printf 'x%.0s' {1..5000})"
refuse 2 "--cache-size takes a size" serve --cache-size 0
finish
