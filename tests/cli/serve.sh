#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The server over the library that only pretends: what each endpoint answers, and what it refuses.
#   serve.sh PROGRAM
set -uo pipefail
program=$1
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/serving.sh"

# ---- each endpoint ----
start -m echo --ctx 1000 --alias tester
hello='"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"na\u00efve?"}]'
post 200 '"content":"naïve?"}' /v1/chat/completions "{$hello}"
has '"finish_reason":"stop"' '"object":"chat.completion"' '"model":"tester"' \
    '"usage":{"prompt_tokens":8,"completion_tokens":8,"total_tokens":16,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}' \
    '"timings":{"cache_n":0,'
post 200 '"content":"naïve?"}' /v1/chat/completions "{$hello, \"nobody_knows\":{\"this\":[1]}, \"user\":null}"
has '"cached_tokens":7'
post 200 '"content":"naïve?"}' /chat/completions \
    '{"messages":[{"role":"developer","content":null},{"role":"user","content":[{"type":"text","text":"na\u00ef"},{"type":"text","text":"ve?"}]}]}'
post 200 'data: [DONE]' /v1/chat/completions "{$hello, \"stream\":true}"
[ "$(grep -c '^data: {' "$out")" = 8 ] || complain "not eight events"
first=$(head -n 1 "$out")
[[ $first == *'"object":"chat.completion.chunk"'*'"delta":{"role":"assistant","content":""},"finish_reason":null'* ]] ||
    complain "the first event has no role"
grep -q '"delta":{"content":"ï"}' "$out" || complain "a character is not whole"
grep -q '"delta":{},"finish_reason":"stop"' "$out" || complain "no reason"
has_not '"usage"'
post 200 '"choices":[],"usage":{"prompt_tokens":8,' /v1/chat/completions \
    "{$hello, \"stream\":true, \"stream_options\":{\"include_usage\":true}}"
post 200 '"content":"na"},"finish_reason":"stop"' /v1/chat/completions "{$hello, \"stop\":\"ï\"}"
post 200 '"content":"naï"},"finish_reason":"stop"' /v1/chat/completions "{$hello, \"stop\":[\"zz\",\"ve\"]}"
post 200 '"content":"na"},"finish_reason":"length"' /v1/chat/completions "{$hello, \"max_tokens\":2}"
post 200 '"content":"n"},"finish_reason":"length"' /v1/chat/completions \
    "{$hello, \"max_tokens\":3, \"max_completion_tokens\":1}"
post 200 '"completion_tokens":6,' /v1/chat/completions "{$hello, \"max_tokens\":2, \"n\":3}"
has '{"index":2,"message":'
post 200 '"index":1,"delta":{},"finish_reason":"stop"' /v1/chat/completions "{$hello, \"n\":2, \"stream\":true}"
post 200 '"content":"cc"' /v1/chat/completions "{$hello, \"temperature\":1, \"seed\":2, \"max_tokens\":2}"
post 200 '"content":"na"' /v1/chat/completions \
    "{$hello, \"temperature\":0, \"top_p\":0.9, \"top_k\":-1, \"min_p\":0, \"presence_penalty\":-2, \"max_tokens\":2,
      \"frequency_penalty\":2, \"logit_bias\":{\"5\":-100}, \"tools\":[], \"tool_choice\":\"none\", \"response_format\":{\"type\":\"text\"}}"
post 200 '"logprobs":{"content":[{"token":"n","logprob":-0.25,"bytes":[110],"top_logprobs":[]}' \
    /v1/chat/completions "{$hello, \"logprobs\":true}"
has '{"token":"bytes:\\xc3",' ',"refusal":null}}]'
post 200 '"top_logprobs":[{"token":"n","logprob":-0.25,"bytes":[110]},{"token":' /v1/chat/completions \
    "{$hello, \"logprobs\":true, \"top_logprobs\":2, \"stream\":true}"
has '"delta":{"content":"ï"},"finish_reason":null,"logprobs":{"content":[{"token":"bytes:\\xc3",'
[ "$(grep -o '"top_logprobs"' "$out" | wc -l)" = 7 ] || complain "not seven tokens"
post 200 '"logprobs":{"tokens":["o","n"],"token_logprobs":[-0.25,-0.25],"top_logprobs":[{"o":-0.25},{"n":-0.25}],"text_offset":[0,1]}' \
    /v1/completions '{"prompt":"once", "logprobs":1, "max_tokens":2}'
post 200 '"text":"once","logprobs":null,"finish_reason":"stop"' /v1/completions '{"prompt":"once"}'
has '"object":"text_completion"' '"id":"cmpl-'
post 200 '"text":"on"' /v1/completions '{"prompt":[0,114,113]}'
post 200 '"text":"once"' /v1/completions '{"prompt":["once"]}'
post 200 'data: [DONE]' /v1/completions '{"prompt":"once", "stream":true}'
[ "$(sed -n 's/.*"text":"\([^"]*\)".*/\1/p' "$out" | tr -d '\n')" = once ] || complain "another text"
post 200 '{"tokens":[114,113],"count":2}' /tokenize '{"content":"on"}'
post 200 '{"tokens":[0,114,113],"count":3}' /tokenize '{"content":"on","add_special":true}'
post 200 '{"content":"on�"}' /detokenize '{"tokens":[0,114,113,2]}'
get 200 '"context_length":1000' /v1/models
has '{"object":"list","data":[{"id":"tester","object":"model",'
get 200 '"total_slots":4' /props
get 200 'dsvk_jobs_failed_total 0' /metrics
has 'dsvk_ready 1' '# TYPE dsvk_jobs_total counter'
get 200 '{"status":"ok"' '/health?verbose=1'
request 200 '' -I /health
request 204 '' -X OPTIONS -H 'Origin: http://localhost:3000' -H 'Access-Control-Request-Headers: authorization' /v1/models
grep -qi '^access-control-allow-headers: authorization' "$work/head" || complain "no header for a page"

# ---- what is refused, and the server lives ----
chat() { refused "$1" "$2" /v1/chat/completions "$3"; }
for body in '' '{' '[]' 'null' '"x"' '{"messages":[]} {}' "{\"messages\":[{\"role\":\"user\",\"content\":\"$(printf '\377')\"}]}" \
    "{$hello, \"temperature\":NaN}" "{$hello, \"max_tokens\":1e999}" "{$hello, \"n\":99999999999999999999}"; do
    chat 400 body "$body"
done
chat 400 'nests more than 64 levels' "$(printf '[%.0s' $(seq 100000))"
chat 400 'nests more than 64 levels' "{\"messages\":$(printf '{"a":%.0s' $(seq 3000))"
for field in '"temperature":"hot"' '"temperature":-1' '"temperature":1e300' '"top_p":2' '"top_k":-2' '"min_p":-0.1' \
    '"presence_penalty":3' '"frequency_penalty":[]' '"seed":1.5' '"n":0' '"n":1000000000' '"max_tokens":-1' \
    '"max_tokens":0' '"max_completion_tokens":1.5' '"stop":""' '"stop":[1]' '"stop":{}' '"stream":"yes"' \
    '"stream_options":{"include_usage":1}' '"logit_bias":[]' '"logit_bias":{"x":1}' '"logit_bias":{"259":1}' \
    '"logit_bias":{"1":"2"}' '"logprobs":1' '"top_logprobs":3' '"top_logprobs":21,"logprobs":true' '"tools":[{"type":"function"}]' '"response_format":{"type":"xml"}' \
    '"response_format":{"type":"json_schema"}' '"response_format":{"type":"json_schema","json_schema":{"schema":[]}}' \
    '"tools":[{}]' '"tools":{}' '"tools":[7]' '"tools":[{"type":"web_search"}]' '"tool_choice":"required"' \
    '"tool_choice":{"type":"function","function":{"name":"f"}}' '"tool_choice":7' \
    '"tools":[{"function":{"name":"f","parameters":[]}}]' \
    '"response_format":"json"' '"reasoning_effort":"extreme"' '"thinking":true' '"functions":[{}]'; do
    name=${field#*\"} name=${name%%\"*}
    [ "$name" != stream_options ] || name=include_usage
    chat 400 "'$name'" "{$hello, $field}"
done
chat 400 'cannot be asked' "{$hello, \"chat_template_kwargs\":{\"enable_thinking\":true}}"
post 200 naïve /v1/chat/completions "{$hello, \"reasoning_effort\":\"high\"}"
for messages in '' '"messages":null' '"messages":"hi"' '"messages":[]' '"messages":[1]' '"messages":[{}]' \
    '"messages":[{"role":"king","content":"x"}]' '"messages":[{"role":"user","content":7}]' \
    '"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]' \
    '"messages":[{"role":"user","content":[7]}]'; do
    chat 400 message "{$messages}"
done
long=$(printf 'x%.0s' $(seq 1200))
chat 400 '"code":"context_length_exceeded"' "{\"messages\":[{\"role\":\"user\",\"content\":\"$long\"}]}"
has 'the prompt has 1201 tokens, more than the maximum context length of 1000'
refused 400 "'prompt'" /v1/completions '{}'
refused 400 "'prompt'" /v1/completions '{"prompt":["a","b"]}'
refused 400 "token ids" /v1/completions '{"prompt":[259]}'
refused 400 "token ids" /v1/completions '{"prompt":[1.5]}'
refused 400 "empty" /v1/completions '{"prompt":[]}'
refused 400 "'echo'" /v1/completions '{"prompt":"a","echo":true}'
refused 400 "'tokens'" /detokenize '{"tokens":"a"}'
refused 400 "token ids" /detokenize '{"tokens":[-1]}'
refused 400 "'content'" /tokenize '{}'
refused 404 "/v1/nothing" /v1/nothing '{}'
refused 404 "/../etc/passwd" /../etc/passwd '{}'
refused 405 "takes POST, not GET" /v1/chat/completions
grep -qi '^allow: POST' "$work/head" || complain "no Allow"
refused 405 "takes GET, not POST" /health '{}'
head -c 17000000 /dev/zero | tr '\0' ' ' >"$work/large"
refused 413 "16777216" /v1/chat/completions "@$work/large"
request 413 '"error"' -H 'Transfer-Encoding: chunked' -H 'Expect:' --data-binary "@$work/large" /v1/chat/completions
for raw in 'Content-Length: -1' 'Content-Length: 99999999999999999999999' "Cookie: $(printf 'x%.0s' $(seq 40000))"; do
    raw "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n$raw\r\n\r\n"
    grep -qE '^HTTP/1.1 4[0-9][0-9] ' "$out" || complain "does not refuse $(head -c 40 <<<"$raw")"
done
raw "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n"
grep -q '^HTTP/1.1 413 ' "$out" || complain "takes a huge body"
raw "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"
post 200 naïve /v1/chat/completions "{$hello}"
get 200 'dsvk_jobs_failed_total 0' /metrics

# ---- pages of a browser ----
get 200 '"ok"' /health -H 'Host: 192.168.1.5:80'
get 200 '"ok"' /health -H 'Host: [::1]:80'
for host in attacker.example localhost.attacker.example 127.0.0.1.attacker.example ''; do
    [ -z "$host" ] || refused 403 "allow-host" /v1/chat/completions "{$hello}" -H "Host: $host"
done
for origin in https://attacker.example null http://localhost.attacker.example file://localhost; do
    refused 403 "allow-origin" /v1/chat/completions "{$hello}" -H "Origin: $origin"
done
get 200 tester /v1/models -H 'Origin: http://localhost:3000'
grep -qi '^access-control-allow-origin: http://localhost:3000' "$work/head" || complain "no word for the page"
stop

start -m echo --allow-host box.lan,other --allow-origin app://obsidian.md
get 200 '"ok"' /health -H 'Host: BOX.lan:8080'
get 200 '"ok"' /health -H 'Origin: app://obsidian.md'
refused 403 "allow-origin" /v1/models '' -H 'Origin: https://attacker.example'
stop

# ---- keys ----
printf '# ours\nsecret-1\n\nsecret-22\n' >"$work/keys"
start -m echo --api-key-file "$work/keys"
get 200 '"ok"' /health
refused 401 "API key" /v1/models
for header in 'Authorization: Bearer secret' 'Authorization: Bearer secret-1x' 'Authorization: Basic secret-1' 'X-Api-Key: ' \
    'X-Api-Key: secret-2secret-2'; do
    get 401 '"type":"authentication_error"' /v1/models -H "$header"
done
get 200 '"echo"' /v1/models -H 'Authorization: Bearer secret-1'
get 200 '"echo"' /v1/models -H 'x-api-key: secret-22' -H 'Host: public.example'
stop
DSVK_API_KEY=abc start -m echo
get 401 '"error"' /v1/models
get 200 '"echo"' /v1/models -H 'Authorization: bearer abc'
stop
refuse 1 "no key" serve -m echo --port 0 --api-key-file /dev/null

# ---- many at once, clients that leave ----
start -m two-sessions-echo --ctx 100 --parallel 4
for i in 1 2 3 4 5 6; do
    curl -s -o "$work/many$i" "$url/v1/completions" -d "{\"prompt\":\"number $i\"}" &
    curls[i]=$!
done
wait "${curls[@]}"
for i in 1 2 3 4 5 6; do grep -q "\"text\":\"number $i\"" "$work/many$i" || complain "no answer for $i"; done
stop
start -m slow --ctx 10000 --parallel 1 --queue 1
for endless in '' ', "stream":true'; do
    curl -sN -o /dev/null "$url/v1/chat/completions" -d "{$hello$endless}" & one=$!
    eventually '"active":1,"waiting":0'
    curl -sN -o /dev/null "$url/v1/chat/completions" -d "{$hello$endless}" & two=$!
    eventually '"active":1,"waiting":1'
    refused 429 "too many" /v1/chat/completions "{$hello}"
    grep -qi '^retry-after: ' "$work/head" || complain "does not say when"
    kill "$two"
    eventually '"active":1,"waiting":0'
    kill "$one"
    eventually '"active":0,"waiting":0'
    wait "$one" "$two" 2>/dev/null
done
get 200 'dsvk_jobs_cancelled_total 4' /metrics
# whole in the time that is left, and told to stop where it is not
curl -sN -o "$work/last" "$url/v1/chat/completions" -d "{$hello, \"stream\":true, \"max_tokens\":20}" & one=$!
eventually '"active":1'
stop
wait "$one" || complain "a stream was cut"
grep -q '"finish_reason":"length"' "$work/last" && grep -q '^data: \[DONE\]' "$work/last" || complain "a stream is not whole"
start -m slow --ctx 10000 --grace 0
curl -sN -o "$work/last" "$url/v1/chat/completions" -d "{$hello, \"stream\":true}" & one=$!
eventually '"active":1'
sleep 0.2
stop
wait "$one"
grep -q '"error":{"message":"the server is stopping"' "$work/last" || complain "does not say that it stops"
start -m drag-prompt --time-limit 1
post 200 '"finish_reason":"length"' /v1/chat/completions "{$hello}"
stop

# ---- a model that is being loaded, a device that is lost ----
start -m drag-load
get 503 '{"status":"loading"' /health
refused 503 '"code":"loading"' /v1/chat/completions "{$hello}"
refused 503 loading /v1/models
stop 143
start -m lost-once-echo
refused 503 '"code":"device_lost"' /v1/chat/completions "{$hello}"
eventually '{"status":"ok"'
post 200 naïve /v1/chat/completions "{$hello}"
get 200 'dsvk_device_recoveries_total 1' /metrics
stop

start -m "$work/slow-dies-amid" --ctx 10000
for i in 1 2 3; do # all of them are in work when it is lost
    curl -sN --max-time 60 -o "$work/stream$i" "$url/v1/chat/completions" -d "{$hello, \"stream\":true}" &
    curls[i]=$!
done
wait "${curls[@]:1:3}"
! grep -L '"code":"device_lost"' "$work"/stream[123] | grep . || complain "a stream does not say that the device is lost"
grep -q '"delta":{"content":"x' "$work"/stream[123] || complain "nothing came before the loss"
get 503 '{"status":"device lost"' /health
curl -s --max-time 60 -o "$work/next" "$url/v1/chat/completions" -d "{$hello, \"max_tokens\":3}" & one=$! # waits for it
eventually '"waiting":1'
touch "$work/slow-dies-amid.heal"
wait "$one"
grep -q '"content":"xxx"' "$work/next" || complain "what waited has no answer: $(cat "$work/next")"
eventually '{"status":"ok"'
post 200 '"content":"xx"' /v1/chat/completions "{$hello, \"max_tokens\":2}"
stop

# ---- what the command line refuses ----
start -m echo
refuse 1 "Address already in use" serve -m echo --port "${url##*:}"
stop
refuse 1 "No such file" serve -m empty-folder --port 0
refuse 1 "no tokenizer" serve -m no-tokenizer --port 0
refuse 2 "--port" serve --port 70000
refuse 2 "--parallel" serve --parallel 0
refuse 1 "--host" serve --host no.such.host.invalid
finish
