#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The real server with the demonstration model: four clients at once get what `run` prints; two models in turn.
#   serve_demo.sh PROGRAM [CLIENTS SECONDS]: with so many clients for so long, besides
set -uo pipefail
program=$1 clients=${2-0} seconds=${3-300}
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

# Two models, of which the device has room for one.
mkdir "$work/models"
for name in left right; do ln -s "$(realpath "${program%/*}/models/demo")" "$work/models/$name"; done
run 0 plan --ctx 256 --json
bytes=$(grep -o '"bytes": *[0-9]*' "$out" | head -n 1 | tr -dc 0-9)
start --ctx 256 --model-dir "$work/models" --memory $((bytes * 3 / 2))
for name in left right left; do
    post 200 "\"model\":\"$name\"" /v1/chat/completions "{\"model\":\"$name\",\"max_tokens\":12,\"temperature\":0,
        \"messages\":[{\"role\":\"user\",\"content\":\"${questions[0]}\"}]}"
    has "\"content\":\"$(cat "$work/want0")\""
    get 200 "" /v1/models
    [ "$(grep -o '"value":"loaded"' "$out" | wc -l)" = 1 ] || complain "not one model is loaded"
done
stop

# ---- many clients for long ----
count() { curl -s "$url/metrics" | sed -n 's/^dsvk_generated_tokens_total //p'; }
resident() { awk '/^VmRSS/ { print $2 }' "/proc/$server/status"; }
client() { # N UNTIL: asks in turns, and leaves a line for each wrong answer and a number of right ones
    local i n=0 got
    for ((i = $1; $(date +%s) < $2; i++)); do
        got=$(curl -s --max-time 200 "$url/v1/chat/completions" -d "{\"max_tokens\":12,\"temperature\":0,
            \"messages\":[{\"role\":\"user\",\"content\":\"${questions[i % 4]}\"}]}" |
            sed -n 's/.*"content":"\([^"]*\)".*/\1/p')
        if [ "$got" = "$(cat "$work/want$((i % 4))")" ]; then n=$((n + 1)); else echo "WRONG $got"; fi
    done
    echo "RIGHT $n"
}
if [ "$clients" != 0 ]; then
    start --ctx 256 --parallel "$clients"
    for i in 0 1 2 3; do client $i 0; done >/dev/null
    before=$(count)
    client 0 $(($(date +%s) + seconds / 5)) >"$work/alone"
    echo "one client: $((($(count) - before) / (seconds / 5))) tokens/s, $(resident) kB"
    before=$(count) began=$(date +%s)
    for i in $(seq "$clients"); do client "$i" $((began + seconds)) >"$work/client$i" & curls[i]=$!; done
    sleep $((seconds / 5))
    early=$(resident)
    wait "${curls[@]:1}"
    late=$(resident)
    echo "$clients clients: $((($(count) - before) / ($(date +%s) - began))) tokens/s, $early kB, at the end $late kB," \
        "$(cat "$work"/client* | sed -n 's/^RIGHT //p' | awk '{ n += $1 } END { print n }') answers"
    grep -h WRONG "$work"/client* "$work/alone" && complain "an answer is not that of one client alone"
    [ "$late" -lt $((early * 11 / 10 + 4096)) ] || complain "memory grows from $early kB to $late kB"
    stop
fi
finish
