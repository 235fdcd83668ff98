#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The real server with a cache on the disk, killed at any moment, is whole when it starts again, and what it
# takes from there gives the answers of the first time.
#   serve_kill.sh PROGRAM [ROUNDS]: killed so many times more, at times drawn at random
set -uo pipefail
program=$1 rounds=${2-0}
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/serving.sh"
patience=200
cache=$work/kept

begin() { start --ctx 512 --parallel 1 --cache-dir "$cache"; }
body() { # N: a long question, whose beginning is that of no other
    printf '{"messages":[{"role":"user","content":"%s What is MLA?"}],"max_tokens":8,"temperature":0}' \
        "$(printf "$1 fox%.0s " {1..25})"
}
answer() { grep -o '"content":"[^"]*"' "$out"; }
for i in 1 2; do body $i >"$work/body$i"; done

begin
curl -s -o /dev/null --max-time 250 "$url/v1/chat/completions" --data-binary "@$work/body1" # compiles
for i in 1 2; do
    post 200 '"content":' /v1/chat/completions "@$work/body$i"
    answer >"$work/want$i"
done
stop
[ -z "$(find "$cache" -type f ! -perm 600)" ] || complain "others can read it"
delays=(0.2 0.8)
for ((i = 0; i < rounds; i++)); do delays+=("$((RANDOM % 3)).$((RANDOM % 10))$((RANDOM % 10))"); done
for delay in "${delays[@]}"; do
    begin
    (for i in 1 2 1 2 1 2 1 2; do
        curl -s -o /dev/null --max-time 20 "$url/v1/chat/completions" --data-binary "@$work/body$i"
    done) &
    curls=$!
    sleep $delay
    kill -9 "$server"
    wait "$server" "$curls" 2>/dev/null
    [ $delay = 0.2 ] || continue
    rm "$cache"/* # so that all are written anew
done
begin
for i in 1 2; do
    post 200 '"content":' /v1/chat/completions "@$work/body$i"
    answer | cmp -s - "$work/want$i" || complain "another answer: $(answer), not $(cat "$work/want$i")"
done
stop
touch -t "$(date -d '-1 hour' +%Y%m%d%H%M)" "$cache"/* # what killed ones left goes when it is old
begin
[ -z "$(ls "$cache" | grep -v -e '\.ids$' -e '\.session$')" ] || complain "left behind: $(ls "$cache")"
[ "$(ls "$cache"/*.ids | wc -l)" = "$(ls "$cache"/*.session | wc -l)" ] || complain "half a beginning: $(ls "$cache")"
post 200 '"content":' /v1/chat/completions "@$work/body2"
answer | cmp -s - "$work/want2" || complain "another answer"
has_not '"cached_tokens":0'
stop
grep 'error' "$work/serve.err" && complain "something is damaged"
finish
