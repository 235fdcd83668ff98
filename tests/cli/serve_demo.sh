#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The real server with the demonstration model: four clients at once get what `run` prints.
#   serve_demo.sh PROGRAM
set -uo pipefail
program=$1
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/serving.sh"
patience=200 # kernels are compiled

questions=("What is MLA?" "What is ds-vk?" "Tell me about a fox." "Who are you?")
for i in 0 1 2 3; do
    run 0 run -q --greedy -n 12 --ctx 256 "${questions[i]}"
    tr -d '\n' <"$out" >"$work/want$i"
done
start --ctx 256
for i in 0 1 2 3; do
    curl -sN -o "$work/got$i" "$url/v1/chat/completions" -d \
        "{\"messages\":[{\"role\":\"user\",\"content\":\"${questions[i]}\"}],\"max_tokens\":12,\"temperature\":0,\"stream\":true}" &
    curls[i]=$!
done
wait "${curls[@]}"
for i in 0 1 2 3; do
    sed -n 's/^data: .*"content":"\([^"]*\)".*/\1/p' "$work/got$i" | tr -d '\n' >"$out"
    [ -s "$out" ] && cmp -s "$out" "$work/want$i" ||
        complain "answers '$(cat "$out")' to '${questions[i]}', not '$(cat "$work/want$i")'"
done
post 200 '"finish_reason":' /v1/chat/completions \
    '{"messages":[{"role":"user","content":"What is MLA?"}],"max_tokens":1,"temperature":0}'
has '"cached_tokens":6'
# the text follows a schema, whatever the model would like to say
schema='{"type":"object","properties":{"name":{"type":"string","maxLength":5},"n":{"enum":[1,2]}},"required":["name","n"]}'
post 200 '"finish_reason":"stop"' /v1/chat/completions "{\"messages\":[{\"role\":\"user\",\"content\":\"What is MLA?\"}],
    \"temperature\":0,\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":$schema}}}"
grep -qE '"content":"\{ ?\\"name\\": ?\\"[^"]{0,5}\\", ?\\"n\\": ?[12] ?\}"' "$out" || complain "the text follows no schema"
post 200 '"output_text","text":"{' /v1/responses "{\"input\":\"What is MLA?\",\"temperature\":0,\"max_output_tokens\":9,
    \"text\":{\"format\":{\"type\":\"json_object\"}}}"
refused 400 "pattern" /v1/chat/completions '{"messages":[{"role":"user","content":"a"}],"response_format":
    {"type":"json_schema","json_schema":{"schema":{"type":"string","pattern":"a"}}}}'
stop
finish
