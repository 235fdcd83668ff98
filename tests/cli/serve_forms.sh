#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The server's other forms, over the library that only pretends: OpenAI's responses, Anthropic's
# messages, Ollama.
#   serve_forms.sh PROGRAM
set -uo pipefail
program=$1
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/serving.sh"

start -m echo --ctx 1000 --alias tester
hey='"messages":[{"role":"user","content":"hey"}]'

# ---- messages ----
post 200 '"content":[{"type":"text","text":"hey"}]' '/v1/messages?beta=true' \
    "{$hey,\"max_tokens\":9,\"nobody_knows\":{},\"metadata\":{\"user_id\":\"x\"},\"tools\":[],
      \"system\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: cch=1\",\"cache_control\":{}}]}"
has '"type":"message"' '"role":"assistant"' '"stop_reason":"end_turn","stop_sequence":null' '"id":"msg_' \
    '"usage":{"input_tokens":4,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":4}'
post 200 '"cache_read_input_tokens":3' /v1/messages "{$hey,\"max_tokens\":2}"
has '"stop_reason":"max_tokens"'
post 200 '"stop_reason":"stop_sequence","stop_sequence":"y"' /v1/messages "{$hey,\"max_tokens\":9,\"stop_sequences\":[\"y\"]}"
post 200 '"text":"hey"' /v1/messages '{"max_tokens":9,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[
    {"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":""},
    {"type":"text","text":"b"}]},{"role":"user","content":[{"type":"text","text":"hey","cache_control":{"type":"ephemeral"}}]}]}'
post 200 '"text_delta","text":"h"' /v1/messages "{$hey,\"max_tokens\":9,\"stream\":true}"
events message_start content_block_start content_block_delta content_block_stop message_delta message_stop
[ "$(grep -A1 '^event: message_delta' "$out" | grep -c '"stop_reason":"end_turn"')" = 1 ] || complain "no reason"
post 200 '{"input_tokens":4}' '/v1/messages/count_tokens?beta=true' "{$hey}"
for wrong in '"max_tokens":9' '"max_tokens":9,"messages":[]' "$hey" "$hey,\"max_tokens\":0" "$hey,\"max_tokens\":9,\"system\":7" \
    "$hey,\"max_tokens\":9,\"stop_sequences\":7" "$hey,\"max_tokens\":9,\"thinking\":{\"type\":\"no\"}" \
    "$hey,\"max_tokens\":9,\"tools\":[{\"input_schema\":{}}]" "$hey,\"max_tokens\":9,\"tool_choice\":{\"type\":\"any\"}" \
    '"max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{}}]}]'; do
    post 400 '{"type":"error","error":{"type":"invalid_request_error","message":"' /v1/messages "{$wrong}"
done
post 400 '"type":"error"' /v1/messages '{'
request 200 '' -I /

# ---- responses ----
post 200 '"content":[{"type":"output_text","text":"hey","annotations":[]}]' /v1/responses \
    '{"input":"hey","store":true,"include":[],"prompt_cache_key":"x","tools":[{"type":"web_search"}],"text":{"format":{"type":"text"}}}'
has '"object":"response"' '"status":"completed"' '"id":"resp_' '"error":null' \
    '"usage":{"input_tokens":4,"input_tokens_details":{"cached_tokens":3},"output_tokens":4,'
post 200 '"incomplete_details":{"reason":"max_output_tokens"}' /v1/responses '{"input":"hey","max_output_tokens":2}'
has '"status":"incomplete"'
post 200 '"delta":"h"' /v1/responses '{"instructions":"Be brief.","stream":true,"reasoning":{"effort":"high","summary":"auto"},
    "input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"a"}]},{"type":"reasoning","summary":[]},
    {"type":"message","role":"assistant","content":[{"type":"output_text","text":"b"}]},{"role":"user","content":"hey"}]}'
events response.created response.in_progress response.output_item.added response.content_part.added \
    response.output_text.delta response.output_text.done response.content_part.done response.output_item.done \
    response.completed
[ "$(grep -o '"sequence_number":[0-9]*' "$out" | tr -dc '0-9\n' | tr '\n' ' ')" = "0 1 2 3 4 5 6 7 8 9 10 " ] ||
    complain "events are not numbered"
has_not '[DONE]'
tail -n 2 "$out" | grep -q '"output":\[{"type":"message".*"text":"hey"' || complain "the last event is not whole"
for wrong in '' '"input":7' '"input":[{"type":"function_call"}]' '"input":"a","previous_response_id":"resp_1"' \
    '"input":"a","tools":[{"type":"function"}]' '"input":"a","max_output_tokens":-1' \
    '"input":"a","text":{"format":{"type":"json_schema"}}' '"input":"a","reasoning":{"effort":"much"}'; do
    refused 400 "" /v1/responses "{$wrong}"
done

# ---- Ollama ----
post 200 '"message":{"role":"assistant","content":"h"}' /api/chat "{\"model\":\"x\",$hey,\"think\":false}"
[ "$(wc -l <"$out")" = 4 ] || complain "not four lines"
tail -n 1 "$out" | grep -q '"done":true,.*"done_reason":"stop",.*"prompt_eval_count":4,.*"eval_count":4,' || complain "no end"
grep -qi '^content-type: application/x-ndjson' "$work/head" || complain "another type"
post 200 '"message":{"role":"assistant","content":"he"},"done_reason":"length"' /api/chat \
    "{$hey,\"stream\":false,\"options\":{\"num_predict\":2,\"temperature\":0,\"repeat_penalty\":1.1,\"num_ctx\":4096}}"
post 200 '"response":"hey"' /api/generate '{"prompt":"hey","system":"Be brief.","stream":false}'
post 200 '"response":"hey"' /api/generate '{"prompt":"hey","raw":true,"stream":false}'
get 200 '"name":"tester"' /api/tags
get 200 '{"version":"' /api/version
post 200 '"fake.context_length":1000' /api/show '{"model":"tester"}'
get 200 'ds-vk is running' /
for wrong in '' '"prompt":""' '"prompt":"a","options":{"temperature":"x"}' '"prompt":"a","format":"xml"' \
    '"prompt":"a","images":["x"]' '"prompt":"a","options":{"num_predict":0}'; do
    post 400 '{"error":"' /api/generate "{$wrong}"
done
post 400 '{"error":"' /api/chat "{$hey,\"tools\":[{}]}"
get 200 'dsvk_jobs_failed_total 0' /metrics
stop

# ---- failures in each form ----
start -m lost
post 503 '{"type":"error","error":{"type":"overloaded_error"' /v1/messages "{$hey,\"max_tokens\":9,\"stream\":true}"
post 503 '{"error":"' /api/chat "{$hey}"
stop
start -m slow --ctx 10000 --grace 0
curl -sN -o "$work/a" "$url/v1/messages" -d "{$hey,\"max_tokens\":9999,\"stream\":true}" & one=$!
curl -sN -o "$work/b" "$url/v1/responses" -d '{"input":"hey","stream":true}' & two=$!
curl -sN -o "$work/c" "$url/api/chat" -d "{$hey}" & three=$!
eventually '"active":3'
sleep 0.2
stop
wait "$one" "$two" "$three"
grep -q '^event: error' "$work/a" || complain "no error in messages"
grep -q '^event: response.failed' "$work/b" || complain "no response.failed"
tail -n 1 "$work/c" | grep -q '^{"error":"the server is stopping"}' || complain "no error for Ollama"
finish
