#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Bad requests, one a line: each gets its status and a JSON error of its endpoint's form, and the server lives.
# Over the library that only pretends, whose answers are taken apart by the real one.
#   serve_bad.sh PROGRAM [SECONDS]: with a client that sends a byte a second for so long, besides
set -uo pipefail
program=$1 slow=${2-0}
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/serving.sh"
D=｜DSML｜

start -m scripted-v4 --ctx 1000000 --parallel 2 --queue 2000
alive() { post 200 '"content":"ok"' /v1/chat/completions '{"messages":[{"role":"user","content":"[[ok]]"}]}'; }
# STATUS PATH BODY, a line each; "$1" is the error's beginning in this form
table() {
    local status path body
    while read -r status path body; do
        [ -n "$status" ] || continue
        post "$status" "" "$path" "$body"
        [ "$status" = 200 ] || [ "$(head -c ${#1} "$out")" = "$1" ] || complain "has no error of the usual form"
    done
    alive
}

# ---- values out of range, of the wrong kind, too deep ----
table '{"error":{"message":"' <<'E_'
400 /v1/chat/completions {"messages":[{"role":"user","content":"x"}],"max_tokens":-1}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x"}],"max_tokens":1e999}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x"}],"max_tokens":NaN}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x"}],"n":1000000000}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x"}],"n":-9223372036854775808}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x"}],"seed":18446744073709551616}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x"}],"temperature":-1e-9}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x"}],"top_logprobs":1}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x"}],"stop":["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q"]}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x"}],"reasoning_effort":"utmost"}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x"}],"reasoning_effort":7}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x"}],"thinking":{"type":"perhaps"}}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x"}],"chat_template_kwargs":{"thinking":"on"}}
400 /v1/chat/completions {"messages":[{"role":"ＤＳＭＬＤＳＭＬＤＳＭＬＤＳＭＬ","content":"x"}]}
400 /v1/chat/completions {"messages":{"role":"user","content":"x"}}
400 /v1/chat/completions {"messages":[[]]}
400 /v1/chat/completions {"messages":[{"role":"user","content":{"a":1}}]}
400 /v1/chat/completions {"messages":[{"role":"function","name":"f","content":"x"}]}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]}]}
400 /v1/chat/completions {"messages":[{"role":"assistant","tool_calls":[{"id":7,"function":{"arguments":"{}"}}]}]}
400 /v1/chat/completions {"messages":[{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"[1]"}}]}]}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":7}}]}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":""}}]}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x"}],"tool_choice":{"type":"function"}}
400 /v1/chat/completions {"messages":[{"role":"user","content":"x","prefix":true}]}
400 /v1/chat/completions {"messages":[{"role":"assistant","content":"x","prefix":1}]}
400 /v1/completions {"prompt":{"a":1}}
400 /v1/completions {"prompt":[[]]}
400 /v1/completions {"prompt":[-1]}
400 /v1/completions {"prompt":[4294967296]}
400 /v1/completions {"prompt":"x","logprobs":1000000}
400 /v1/completions {"prompt":"x","suffix":"y"}
400 /v1/responses {}
400 /v1/responses {"input":7}
400 /v1/responses {"input":[7]}
400 /v1/responses {"input":[{"type":"computer_call"}]}
400 /v1/responses {"input":[{"type":"message","role":"user","content":[{"type":"input_image","image_url":"x"}]}]}
400 /v1/responses {"input":[{"type":"function_call","call_id":"c"}]}
400 /v1/responses {"input":[{"type":"function_call","name":"f","arguments":7}]}
400 /v1/responses {"input":"x","previous_response_id":"resp_1"}
400 /v1/responses {"input":"x","max_output_tokens":0}
400 /v1/responses {"input":"x","text":{"format":{"type":"grammar"}}}
400 /tokenize {"content":7}
400 /detokenize {"tokens":[1e3]}
E_
table '{"type":"error","error":{"type":"invalid_request_error","message":"' <<'E_'
400 /v1/messages {"messages":[{"role":"user","content":"x"}]}
400 /v1/messages {"max_tokens":-1,"messages":[{"role":"user","content":"x"}]}
400 /v1/messages {"max_tokens":9}
400 /v1/messages {"max_tokens":9,"messages":[]}
400 /v1/messages {"max_tokens":9,"messages":[{"role":"king","content":"x"}]}
400 /v1/messages {"max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{}}]}]}
400 /v1/messages {"max_tokens":9,"messages":[{"role":"user","content":[7]}]}
400 /v1/messages {"max_tokens":9,"system":7,"messages":[{"role":"user","content":"x"}]}
400 /v1/messages {"max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":[{"name":7}]}
400 /v1/messages {"max_tokens":9,"messages":[{"role":"user","content":"x"}],"tool_choice":{"type":"tool","name":"nobody"}}
400 /v1/messages {"max_tokens":9,"messages":[{"role":"user","content":"x"}],"stop_sequences":[""]}
400 /v1/messages/count_tokens {"messages":7}
400 /v1/messages {"max_tokens":9,"messages":[{"role":"user","content":[{"type":"ＤＳＭＬＤＳＭＬＤＳＭＬＤＳＭＬ"}]}]}
E_
table '{"error":"' <<'E_'
400 /api/chat {"messages":7}
400 /api/chat {"messages":[{"role":"user","content":"x","images":["aGk="]}]}
400 /api/chat {"messages":[{"role":"user","content":"x"}],"options":{"num_predict":"many"}}
400 /api/chat {"messages":[{"role":"user","content":"x"}],"think":"loudly"}
400 /api/chat {"messages":[{"role":"user","content":"x"}],"format":"xml"}
400 /api/generate {"prompt":""}
400 /api/generate {"prompt":"x","images":["aGk="]}
E_

# ---- conversations that no format expects, and answers that break off ----
for order in '{"role":"assistant","content":"a"}' '{"role":"tool","content":"r"}' '{"role":"system","content":"s"}' \
    '{"role":"tool","tool_call_id":"none","content":"r"},{"role":"tool","content":"r"}' \
    '{"role":"assistant","content":null}' '{"role":"user","content":""}' \
    '{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":null}}]}' \
    '{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{\"a\": "}}]}'; do
    post 200 '"finish_reason":"stop"' /v1/chat/completions "{\"messages\":[$order,{\"role\":\"user\",\"content\":\"[[x]]\"}]}"
    post 200 '"finish_reason":' /v1/chat/completions "{\"messages\":[$order]}"
done
tools='"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]'
call="<${D}tool_calls>\\n<${D}invoke name=\\\"f\\\">\\n<${D}parameter name=\\\"a\\\" string=\\\"true\\\">b</${D}parameter>\\n</${D}invoke>\\n</${D}tool_calls>"
told() { # TEXT WHAT-THE-MODEL-SAYS: thinking, with a tool
    for stream in false true; do
        post 200 "$1" /v1/chat/completions "{\"messages\":[{\"role\":\"user\",\"content\":\"[[$2]]\"}],$tools,
            \"thinking\":{\"type\":\"enabled\"},\"stream\":$stream}"
    done
}
told '"arguments":"{\"a\": \"b\"}"' "so</think>$call"
told 'reasoning_content' "so $call"                          # a call in thoughts that are not closed is thought
told '"content":' "a</think>b</think>c"                      # the second end is text
told '"content":' "a</think>${call%</*}"                     # breaks off
told '"content":' "a</think><${D}tool_calls><${D}invoke>"
alive
# effort that the format knows, and an answer that is gone on with
tokens() { post 200 '"prompt_tokens":' /v1/chat/completions "$1"; grep -o '"prompt_tokens":[0-9]*' "$out" | tr -dc 0-9; }
user='{"role":"user","content":"[[x]]"}'
[ "$(tokens "{\"messages\":[$user],\"reasoning_effort\":\"max\"}")" -gt \
    "$(($(tokens "{\"messages\":[$user],\"reasoning_effort\":\"high\"}") + 400))" ] || complain "the most effort is no other"
started="$user,{\"role\":\"assistant\",\"content\":\"so\""
[ "$(($(tokens "{\"messages\":[$started}]}") - $(tokens "{\"messages\":[$started,\"prefix\":true}]}")))" = \
    "$(printf '<｜end▁of▁sentence｜>' | wc -c)" ] || complain "the answer is not gone on with"
# 4,096 calls and results: as many times as long as 1,024, not as its square
pairs() {
    for ((i = 0; i < $1; i++)); do
        printf '{"role":"assistant","tool_calls":[{"id":"c%d","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c%d","content":"r"},' $i $i
    done
}
printf '{"messages":[{"role":"user","content":"q"},%s{"role":"user","content":"[[x]]"}],%s}' "$(pairs 4096)" "$tools" >"$work/pairs"
post 200 '"finish_reason":"stop"' /v1/chat/completions "@$work/pairs"
printf '{"model":"x","max_tokens":9,"messages":[{"role":"user","content":"%s"}]}' "$(printf 'a%.0s' {1..1100000})" >"$work/long"
post 400 'context' /v1/messages "@$work/long"

# ---- HTTP ----
for raw in 'Content-Length: x' 'Content-Length: -5' 'Content-Length: 5\r\nContent-Length: 6' 'Transfer-Encoding: gzip' \
    'Host: a\r\nHost: b' 'Content-Length: 18446744073709551617'; do
    raw "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n$raw\r\n\r\n"
    [ ! -s "$out" ] || grep -qE '^HTTP/1.1 4[0-9][0-9] ' "$out" || complain "does not refuse $raw"
done
for raw in '' 'GET' 'GET / HTTP/9.9\r\n\r\n' '\0\0\0\0\r\n\r\n' 'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"a' \
    'GET http://evil.example/v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n' 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'; do
    raw "$raw"
    ! grep -q '^HTTP/1.1 200 ' "$out" || complain "answers $raw"
done
alive
for path in /../../etc/passwd /%2e%2e/%2e%2e/etc/passwd /page.css/../../x '//v1/models' /%ff%fe /%ed%a0%80 /%e0%80%80 /%f4%90%80%80 /%c3 "/$(printf 'x%.0s' {1..8000})"; do
    refused 404 '' "$path"
done

# ---- a thousand at once, and clients that leave in the middle ----
printf '{"messages":[{"role":"user","content":"[[%s]]"}],"stream":true}' "$(printf 'word %.0s' {1..40})" >"$work/stream"
command=(a thousand requests)
curl -sN --max-time 120 -Z --parallel-max 300 --data-binary "@$work/stream" -o "$work/thousand" -w '%{http_code}\n' \
    "$url/v1/chat/completions?[1-1000]" 2>"$err" | sort | uniq -c >"$out"
[ "$(awk '$2 == 200 || $2 == 429 { n += $1 } END { print n }' "$out")" = 1000 ] || complain "other statuses"
for i in $(seq 40); do
    curl -sN --max-time 20 -o "$work/left" --data-binary "@$work/stream" "$url/v1/chat/completions" & one=$!
    [ $((i % 4)) = 0 ] || sleep 0.01
    kill -9 $one 2>/dev/null
    wait $one 2>/dev/null
done
eventually '"active":0,"waiting":0'
alive
if [ "$slow" != 0 ]; then # whoever sends slowly is left after a minute
    command=(a slow client)
    exec 8<>"/dev/tcp/127.0.0.1/${url##*:}"
    for ((i = 0; i < slow; i++)); do printf x >&8 2>/dev/null || break; sleep 1; done
    [ "$i" -lt "$slow" ] || complain "still takes bytes after $slow seconds"
    exec 8>&-
fi
[ "$(grep -c . "$work/serve.err")" -lt 50 ] || complain "says too much"
stop
finish
