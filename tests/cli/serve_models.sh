#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A server of several models, over the library that only pretends: which are there, which come and
# go, and who waits meanwhile.
#   serve_models.sh PROGRAM
set -uo pipefail
program=$1
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/serving.sh"

all=$work/models
for name in echo muses vast drag-load big slow lost-once no-tokenizer; do
    mkdir -p "$all/$name"
    echo '{}' >"$all/$name/config.json"
done
mkdir "$all/no-model"
ask() { post "$1" "$2" /v1/chat/completions "{\"model\":\"$3\",\"messages\":[{\"role\":\"user\",\"content\":\"once\"}]${4-}}"; }
word() { # MODEL WORD: /v1/models says so within 20 seconds
    for _ in $(seq 400); do
        [ "$(state "$1")" != "$2" ] || return
        sleep 0.05
    done
    complain "$1 does not come to be $2"
}
state() {
    curl -s --max-time 5 "$url/v1/models" | tr '{' '\n' |
        awk -v id="\"id\":\"$1\"," 'index($0, id) { here = 1 }
            here && /"value":/ { split($0, part, "\""); print part[4]; exit }'
}

# ---- what there is ----
start --model-dir "$all" --keep-loaded 0
get 200 '"object":"list"' /v1/models
has '"id":"echo"' '"id":"muses"' '"context_length":128'
has_not no-model; has_not no-tokenizer
get 200 '"name":"echo","model":"echo"' /api/tags
has '"name":"vast"'
post 200 '"general.architecture":"fake"' /api/show '{"model":"vast"}'
post 404 'there is no model' /api/show '{"name":"nobody"}'
post 200 '{"tokens":[114,113],"count":2}' /tokenize '{"model":"vast","content":"on"}'
[ "$(state vast)" = unloaded ] || complain "vast is $(state vast)"
get 200 '"model_alias":"big"' /props # the first, before one was asked for
refused 404 '"code":"model_not_found"' /v1/chat/completions '{"model":"nobody","messages":[{"role":"user","content":"x"}]}'
refused 400 "'model' takes a text" /v1/chat/completions '{"model":5,"messages":[{"role":"user","content":"x"}]}'
ask 200 '"content":"once"' echo
has '"model":"echo"'
[ "$(state echo)" = loaded ] || complain "echo is $(state echo)"
post 200 '"content":"once"' /v1/chat/completions '{"messages":[{"role":"user","content":"once"}]}' # the last one
has '"model":"echo"'
post 200 '"model":"muses"' /api/chat '{"model":"muses:latest","stream":false,"messages":[{"role":"user","content":"x"}]}'
[ "$(state echo) $(state muses)" = "loaded loaded" ] || complain "echo is $(state echo), muses is $(state muses)"
get 200 '"model_alias":"muses"' /props
get 200 '"model_alias":"echo"' '/props?model=echo'
get 404 model_not_found '/props?model=nobody'

# ---- what does not come ----
refused 500 "the model 'big' cannot be loaded: weights: 9 bytes are needed, 8 are free" /v1/chat/completions \
    '{"model":"big","messages":[{"role":"user","content":"x"}]}'
has '"code":"model_load_failed"'
refused 500 "the model 'no-tokenizer' cannot be loaded: it has no tokenizer" /v1/completions '{"model":"no-tokenizer","prompt":"x"}'
eventually '{"status":"ok"'

# ---- one needs the place of the others, and waits until nobody has them ----
curl -sN --max-time 60 "$url/v1/chat/completions" -o "$work/slow" \
    -d '{"model":"slow","stream":true,"max_tokens":60,"messages":[{"role":"user","content":"x"}]}' &
stream=$!
word slow loaded
ask 200 '"model":"vast"' vast
wait "$stream" || complain "the stream was cut"
grep -q '"finish_reason":"length"' "$work/slow" || complain "the stream has no end"
[ "$(state echo) $(state slow) $(state vast)" = "unloaded unloaded loaded" ] ||
    complain "echo is $(state echo), slow is $(state slow), vast is $(state vast)"
ask 200 '"content":"once"' echo # beside it: it is vast alone that needs all
has '"cached_tokens":0'

# ---- several ask at once ----
for i in $(seq 12); do
    names=(echo vast muses)
    curl -s --max-time 60 "$url/v1/chat/completions" -o "$work/many.$i" \
        -d "{\"model\":\"${names[i % 3]}\",\"messages\":[{\"role\":\"user\",\"content\":\"once\"}]}" &
    jobs_of_many+=($!)
done
wait "${jobs_of_many[@]}"
for i in $(seq 12); do
    grep -q "\"model\":\"${names[i % 3]}\"" "$work/many.$i" || complain "no answer: $(cat "$work/many.$i")"
done

# ---- a device that is lost ----
ask 503 '"code":"device_lost"' lost-once
eventually '{"status":"ok"'
ask 200 '"content":"na' lost-once
ask 200 '"content":"once"' echo
get 200 'dsvk_device_recoveries_total 1' /metrics

# ---- the server stops while one comes ----
curl -s --max-time 60 "$url/v1/chat/completions" -o "$work/late" \
    -d '{"model":"drag-load","messages":[{"role":"user","content":"x"}]}' &
late=$!
word drag-load loading
get 200 '"status":"ok"' /health
stop
wait "$late"
grep -q '"code":"stopping"' "$work/late" || complain "another end: $(cat "$work/late")"

# ---- nobody asks for one ----
start --model-dir "$all" --keep-loaded 0.01
ask 200 '"content":"once"' echo
word echo unloaded
ask 200 '"content":"once"' echo
stop

# ---- wrong usage ----
refuse 2 "--model-dir and --model exclude each other" serve --model-dir "$all" -m x
refuse 2 "--model-dir and --alias exclude each other" serve --model-dir "$all" --alias x
refuse 2 "--keep-loaded goes with --model-dir" serve -m echo --keep-loaded 5
refuse 1 "none of its folders has a config.json" serve --port 0 --model-dir "$all/echo"
refuse 1 "No such file or directory" serve --port 0 --model-dir "$work/nowhere"
finish
