#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Tools, reasoning and formats of the text, in each form, over models that answer what stands between
# [[ and ]] of their prompt.
#   serve_tools.sh PROGRAM
set -uo pipefail
program=$1
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/serving.sh"

# joined KEY: what the events of a stream say under a key, in one
joined() { sed -n 's/^data: .*"'"$1"'":"\(\([^"\\]\|\\.\)*\)".*/\1/p' "$out" | tr -d '\n'; }
function='"function":{"name":"weather","description":"Of a town.","parameters":{"type":"object","properties":{"town":{"type":"string"}}}}'
tools="\"tools\":[{\"type\":\"function\",$function}]"
call='<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{\"town\": \"Bonn\"}<｜tool▁call▁end｜>'
twice="$call<｜tool▁call▁begin｜>weather<｜tool▁sep｜>{}<｜tool▁call▁end｜>"
ask() { echo "\"messages\":[{\"role\":\"user\",\"content\":\"[[$1]]\"}]"; } # what is to be answered
arguments='"arguments":"{\"town\": \"Bonn\"}"'

# ---- chat completions ----
start -m scripted-v31 --ctx 20000 --alias tester
chat() { post "$1" "$2" /v1/chat/completions "$3"; }
chat 200 '"message":{"role":"assistant","content":"Well:","tool_calls":[{"id":"call_' "{$(ask "Well:$call"),$tools}"
has '"type":"function","function":{"name":"weather",'"$arguments}}]}" '"finish_reason":"tool_calls"'
id=$(grep -o 'call_[0-9a-f]*' "$out" | head -n 1)
chat 200 '"content":null,"tool_calls":' "{$(ask "$twice"),$tools}"
has '"name":"weather","arguments":"{}"'
chat 200 "$arguments" "{$(ask "$twice"),$tools,\"parallel_tool_calls\":false}"
has_not '"arguments":"{}"'
chat 200 'data: [DONE]' "{$(ask "Well:$twice"),$tools,\"stream\":true}"
has '"delta":{"tool_calls":[{"index":0,"id":"call_' '"type":"function","function":{"name":"weather","arguments":""}}]}' \
    '"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"town\": \"Bonn\"}"}}]}' '"delta":{"tool_calls":[{"index":1,"id":"' \
    '"delta":{},"finish_reason":"tool_calls"'
[ "$(joined content)" = Well: ] || complain "tells $(joined content)"
# the result comes back with the call
history="{\"role\":\"user\",\"content\":\"How is it?\"},{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"So.\",
    \"tool_calls\":[{\"id\":\"$id\",\"type\":\"function\",\"function\":{\"name\":\"weather\",$arguments}}]},
    {\"role\":\"tool\",\"tool_call_id\":\"$id\",\"content\":\"rain [[It rains.]]\"}"
chat 200 '"content":"It rains."},"finish_reason":"stop"' "{\"messages\":[$history],$tools}"
prompt=$(grep -o '"prompt_tokens":[0-9]*' "$out")
chat 200 '' "{\"messages\":[$history]}"
[ "$(grep -o '"prompt_tokens":[0-9]*' "$out")" != "$prompt" ] || complain "tools are no part of the prompt"
chat 200 '"content":"<｜tool▁calls' "{$(ask "$call")}"
chat 200 '"content":"<｜tool▁calls' "{$(ask "$call"),$tools,\"tool_choice\":\"none\"}"
chat 200 '"content":"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{<｜' "{$(ask "${call/\{*\}/\{}"),$tools}"
has '"finish_reason":"stop"'
# thoughts, and stop texts, which are none there
chat 200 '"content":"yes","reasoning_content":"so STOP"},"finish_reason":"stop"' \
    "{$(ask "so STOP</think>yesSTOPno"),\"thinking\":{\"type\":\"enabled\"},\"stop\":[\"STOP\"]}"
has '"reasoning_tokens":'
has_not '"reasoning_tokens":0'
chat 200 '"delta":{"reasoning_content":"s"}' \
    "{$(ask "so</think>yes STO-"),\"reasoning_effort\":\"high\",\"stop\":\"STOP\",\"stream\":true}"
[ "$(joined reasoning_content)" = so ] && [ "$(joined content)" = "yes STO-" ] || complain "tells $(joined content)"
chat 200 '"content":"yes"}' "{$(ask yes),\"chat_template_kwargs\":{\"enable_thinking\":false}}"
# a call that must come: its beginning is in the prompt
for choice in '"required"' '{"type":"function","function":{"name":"weather"}}'; do
    chat 200 "$arguments" "{$(ask '{\"town\": \"Bonn\"}<｜tool▁call▁end｜>'),$tools,\"tool_choice\":$choice}"
    has '"content":null,"tool_calls":' '"finish_reason":"tool_calls"'
done
other="${tools%]},{\"type\":\"function\",\"function\":{\"name\":\"g\"}}]"
chat 200 '"name":"g","arguments":"{}"' "{$(ask 'g<｜tool▁sep｜>{}'),$other,\"tool_choice\":\"required\"}"
refused 400 "'tool_choice' names h" /v1/chat/completions "{$(ask x),$tools,\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"h\"}}}"
refused 400 "exclude each other" /v1/chat/completions "{$(ask x),$tools,\"response_format\":{\"type\":\"json_object\"}}"
for wrong in '"tool_calls":{}' '"tool_calls":[7]' '"tool_calls":[{"function":{"name":"f","arguments":7}}]' '"reasoning_content":7'; do
    refused 400 "" /v1/chat/completions "{\"messages\":[{\"role\":\"assistant\",\"content\":\"a\",$wrong}]}"
done
refused 400 "assistant" /v1/chat/completions '{"messages":[{"role":"user","content":"a","tool_calls":[{"function":{"name":"f"}}]}]}'
pairs=$(for i in $(seq 300); do echo "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c$i\",\"function\":{\"name\":\"f\",\"arguments\":null}}]},
    {\"role\":\"tool\",\"tool_call_id\":\"c$i\",\"content\":\"[[end]]\"},"; done)
post 400 context_length_exceeded /v1/chat/completions "{\"messages\":[${pairs%,}]}"

# ---- responses ----
flat='"tools":[{"type":"function","name":"weather","parameters":{},"strict":false},{"type":"web_search"},{"type":"custom","name":"x"}]'
response() { post "$1" "$2" /v1/responses "$3"; }
response 200 '"type":"function_call","id":"fc_' "{\"input\":\"[[Well:$call]]\",$flat}"
has '"call_id":"call_' '"name":"weather",'"$arguments"',"status":"completed"}' '"type":"output_text","text":"Well:"'
response 200 '"sequence_number":0' "{\"input\":\"[[so</think>Well:$call]]\",$flat,\"reasoning\":{\"effort\":\"high\"},\"stream\":true}"
events response.created response.in_progress \
    response.output_item.added response.content_part.added response.reasoning_text.delta response.reasoning_text.done \
    response.content_part.done response.output_item.done \
    response.output_item.added response.content_part.added response.output_text.delta response.output_text.done \
    response.content_part.done response.output_item.done \
    response.output_item.added response.function_call_arguments.delta response.function_call_arguments.done \
    response.output_item.done response.completed
tail -n 2 "$out" | grep -q '"output":\[{"type":"reasoning".*{"type":"message".*{"type":"function_call".*"output_index":' &&
    complain "the last event has an index"
tail -n 2 "$out" | grep -q '"output":\[{"type":"reasoning",.*"text":"so".*{"type":"message".*{"type":"function_call",' || complain "is not whole"
response 200 '"text":"It rains."' "{$flat,\"input\":[{\"role\":\"user\",\"content\":\"How?\"},
    {\"type\":\"reasoning\",\"summary\":[],\"content\":[{\"type\":\"reasoning_text\",\"text\":\"so\"}]},
    {\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Well:\"}]},
    {\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"weather\",$arguments},
    {\"type\":\"function_call\",\"call_id\":\"c2\",\"name\":\"weather\",\"arguments\":\"{}\"},
    {\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"rain\"},
    {\"type\":\"function_call_output\",\"call_id\":\"c2\",\"output\":[{\"type\":\"input_text\",\"text\":\"[[It rains.]]\"}]}]}"
for nothing in '[]' '""'; do # where Codex looks whether it is there
    response 200 '"status":"completed"' "{\"input\":$nothing,\"instructions\":\"Be brief.\"}"
    has '"output":[]'
    response 200 '' "{\"input\":$nothing,\"stream\":true}"
    events response.created response.in_progress response.completed
done

# ---- messages ----
named='"max_tokens":999,"tools":[{"name":"weather","description":"Of a town.","input_schema":{"type":"object"}},{"type":"bash_20250124","name":"bash"}]'
message() { post "$1" "$2" '/v1/messages?beta=true' "$3"; }
message 200 '{"type":"text","text":"Well:"},{"type":"tool_use","id":"call_' "{$(ask "Well:$call"),$named}"
has '"name":"weather","input":{"town":"Bonn"}}],"stop_reason":"tool_use"'
message 200 '"type":"input_json_delta","partial_json":"{\"town\": \"Bonn\"}"' \
    "{$(ask "so</think>Well:$call"),$named,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024},\"stream\":true}"
events message_start content_block_start content_block_delta content_block_stop content_block_start content_block_delta \
    content_block_stop content_block_start content_block_delta content_block_stop message_delta message_stop
has '"content_block":{"type":"thinking","thinking":"","signature":""}' '"index":2,"content_block":{"type":"tool_use","id":"call_' \
    '"delta":{"stop_reason":"tool_use"'
message 200 '"text":"It rains."' "{$named,\"messages\":[{\"role\":\"user\",\"content\":\"How?\"},{\"role\":\"assistant\",\"content\":[
    {\"type\":\"thinking\",\"thinking\":\"so\",\"signature\":\"\"},{\"type\":\"text\",\"text\":\"Well:\"},
    {\"type\":\"tool_use\",\"id\":\"c1\",\"name\":\"weather\",\"input\":{\"town\":\"Bonn\"}}]},
    {\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c1\",\"content\":[{\"type\":\"text\",\"text\":\"rain\"},
    {\"type\":\"image\",\"source\":{}}]},{\"type\":\"text\",\"text\":\"[[It rains.]]\"}]}]}"
message 200 '"input":{"town":"Bonn"}' "{$(ask '{\"town\": \"Bonn\"}'),$named,\"tool_choice\":{\"type\":\"tool\",\"name\":\"weather\"}}"
message 200 '"type":"tool_use"' "{$(ask '{}'),$named,\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":true}}"

# ---- Ollama ----
post 200 '"tool_calls":[{"id":"call_' /api/chat "{$(ask "$call"),$tools,\"stream\":false}"
has '"function":{"name":"weather","arguments":{"town":"Bonn"}}}]'
post 200 '"thinking":"s"' /api/chat "{$(ask "so</think>$call"),$tools,\"think\":true}"
has '"tool_calls":[{"id":"call_'
post 200 '"content":"It rains."' /api/chat "{\"stream\":false,$tools,\"messages\":[{\"role\":\"user\",\"content\":\"How?\"},
    {\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"weather\",\"arguments\":{\"town\":\"Bonn\"}}}]},
    {\"role\":\"tool\",\"tool_name\":\"weather\",\"content\":\"[[It rains.]]\"}]}"
stop

# ---- other formats ----
start -m scripted-v4 --ctx 20000
dsml='<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"weather\">\n<｜DSML｜parameter name=\"town\" string=\"true\">Bonn</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>'
chat 200 "$arguments" "{$(ask "so</think>Well:\\n\\n$dsml"),$tools,\"reasoning_effort\":\"high\"}"
has '"content":"Well:","reasoning_content":"so","tool_calls"'
chat 200 "$arguments" "{$(ask "${dsml#*weather\\\">}"),$tools,\"tool_choice\":\"required\"}"
chat 200 '"content":"It rains."' "{\"messages\":[$history],$tools,\"reasoning_effort\":\"none\"}"
stop
start -m scripted-glm --ctx 20000
chat 200 "$arguments" "{$(ask 'so</think>\n<tool_call>weather<arg_key>town</arg_key><arg_value>Bonn</arg_value></tool_call>'),$tools}"
has '"content":null,"reasoning_content":"so","tool_calls"'
stop
start -m scripted-kimi --ctx 20000
chat 200 '"id":"functions.weather:0"' \
    "{$(ask '<|tool_calls_section_begin|><|tool_call_begin|>functions.weather:0<|tool_call_argument_begin|>{}<|tool_call_end|>'),$tools}"
stop
start -m scripted-v3 --ctx 20000
refused 400 "no words for tools" /v1/chat/completions "{$(ask x),$tools}"
stop
finish
