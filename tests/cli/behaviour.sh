#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What commands print and how they end, against a library that only pretends (fake_dsvk.c).
#   behaviour.sh PROGRAM
set -uo pipefail
program=$1
. "$(dirname "$0")/expect.sh"
model=(-m x)
answer='naïve 😀!'

# ---- run: forms of options, prompts and prints ----
prints "$answer" run "${model[@]}" hi
says "note: no GPU was found; running on fake"
prints "$answer" run "${model[@]}" -q hi
silent
prints "$answer" run -qm x hi
prints "$answer" run -q --model=x -- hi
prints "$answer" run -q "${model[@]}" -d fake hi
prints "113" run -q "${model[@]}" --print ids -n1 hi
prints "113 100" run -q "${model[@]}" --print=ids --tokens-out=2 hi
prints "113 100 198 178 121 104 35 243 162 155 131 36 1" run -q "${model[@]}" --print ids hi
prints "" run -q "${model[@]}" -n 0 hi
prints "na" run -q "${model[@]}" --tokens 5,6 -n 2
printf 'hi\n' >"$work/prompt"; input=$work/prompt
prints "$answer" run -q "${model[@]}"
prints "$answer" run -q "${model[@]}" -
input=/dev/null
prints $'a\xEF\xBF\xBD(\xEF\xBF\xBD \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD' run -q -m broken-text hi
run 0 run "${model[@]}" --ignore-eos --ctx 20 hi
says "note: stopped at the end of the context of 20 tokens"

run 0 run -m slow-not --ctx 1000 hi
says "note: stopped at 512 tokens, the default; -n gives another limit"
run 0 run -m slow-not --ctx 1000 -n 512 hi
grep -q stopped "$err" && complain "a limit that was asked for is said"
run 0 run -m slow-not --ctx 1k -n -1 hi
says "note: stopped at the end of the context of 1024 tokens"
run 0 run "${model[@]}" -d fake hi
says "note: running on fake"

# ---- run: as fingers know it, stops ----
printf 'hi\n' >"$work/prompt"
prints "$answer" run -q "${model[@]}" -p hi
prints "$answer" run -q "${model[@]}" -f "$work/prompt"
prints "113 100" run -q "${model[@]}" --print ids --max-tokens 2 -c 32 -s 1 --prompt=hi
prints "113" run -q "${model[@]}" --print ids --n-predict=1 --temperature 0 --ctx-size 32 \
    --system-prompt s hi
input=$work/prompt
prints "$answer" run -q "${model[@]}" -f -
input=/dev/null
prints "na" run -q "${model[@]}" --stop 'ïve' hi                 # over five tokens
prints "naïv" run -q "${model[@]}" --stop 'e ' --stop 'e' hi     # the first to end
prints "naï" run -q "${model[@]}" --stop 'e' --stop 've' hi      # of those the longest
prints "" run -q "${model[@]}" --stop 'n' hi
prints "$answer" run -q "${model[@]}" --stop '!x' --stop 've!' hi # beginnings only
prints "113 100 198 178" run -q "${model[@]}" --print ids --stop 'ï' hi

# ---- run: chats ----
prints "$answer" run -m no-chat hi
says "note: the model has no chat template, as base models have none: the prompt is continued as it is"
prints "$answer" run -q -m no-chat hi
silent
prints "$answer" run -q -m no-chat --raw hi
prints "$answer" run -q -m no-chat --chat-format v3 --system s hi
prints "$answer" run -q -m odd-chat --raw hi
prints "$answer" run -q -m odd-chat --chat-format kimi-k25 --think off hi
prints "$answer" run -q -m odd-chat --tokens 5,6
run 0 run -m odd-chat --raw hi
grep -q template "$err" && complain "speaks of a template that nobody asked for"

# ---- quantize ----
run 0 quantize x out --weights int4
says "note: out: 1 byte of weights, "
run 0 quantize -q x out --weights int4 --head keep
silent
refuse 1 "quantize: taken is there already" quantize x taken --weights fp8
refuse 2 "--weights takes keep|bf16|fp8|int4|fp4, not 'int8'" run -m x --weights int8 hi

# ---- run: sampling ----
prints "aaa" run -q -m sampling --seed 26 -n 3 hi
prints "$answer" run -q -m sampling --greedy hi
prints "$answer" run -q -m sampling --temp 0 hi
prints "b" run -q "${model[@]}" --greedy --temp 1 --seed 1 -n 1 hi
run 0 run -v -m sampling -n 1 hi
says "sampling: temperature 0.5, top-k 0, top-p 0.9, min-p 0, seed "
run 0 run "${model[@]}" --top-p 0.5 hi
says "do nothing"
prints "$answer" run -q -m sampling --top-p 0 hi
prints "$answer" run -q -m sampling --top-p 1e-30 hi
prints "$answer" run -q -m sampling --top-k 1 hi
prints "aaa" run -q -m sampling --seed 26 --top-p 1 -n 3 hi
run 0 run "${model[@]}" --seed 5 hi
says "choosing greedily, so --seed has no effect (give --temp)"
run 0 run -m sampling --top-p 0 --seed 5 hi
says "choosing greedily, so --seed has no effect"

# ---- run: biases and penalties reach the library: the stand-in names them where asked ----
prints "$answer" run -q -m sampling --greedy --presence-penalty -0.5 --frequency-penalty 2 \
    --repeat-penalty 1.1 --repeat-last 64 --logit-bias 5=-inf --logit-bias 6=1.5 hi
run 1 run -m penalties --greedy --presence-penalty -0.5 --frequency-penalty 2 \
    --repeat-penalty 1.125 --repeat-last 64 --logit-bias 5=-inf --logit-bias 6=1.5 hi
says "penalties 1.125 -0.5 2 last 64, 2 biases, 5=-inf 6=1.5"

# ---- run: schemas ----
printf '{}' >"$work/schema"
printf 'x' >"$work/no-schema"
prints "$answer" run -q "${model[@]}" --json-schema "$work/schema" hi
prints "$answer" run -q "${model[@]}" --json-schema any hi
run 1 run "${model[@]}" --json-schema "$work/no-schema" hi
says "schema: the text: malformed JSON"
run 1 run "${model[@]}" --json-schema "$work/nowhere" hi
says "$work/nowhere"

# ---- where compiled pipelines are kept ----
cached() { # TEXT ARGUMENTS...
    run 0 run -v "${model[@]}" -n 0 "${@:2}" hi
    says "pipelines in $1"
}
cached "$work/cache/ds-vk"
cached "$work/here" --pipeline-cache "$work/here"
cached nothing --pipeline-cache off
XDG_CACHE_HOME=relative HOME=$work cached "$work/.cache/ds-vk"
XDG_CACHE_HOME='' HOME=$work cached "$work/.cache/ds-vk"
XDG_CACHE_HOME='' HOME='' cached nothing
says "pipeline cache: none, there is no home folder"

# ---- run: failures while it runs, statistics ----
run 1 run -q -m lost hi
says "ds-vk: device: lost at submission 3"
run 0 run -q "${model[@]}" --stats --profile hi
for word in "prompt tokens         3" "generated tokens      13" "device memory         4 KiB (4096 bytes)" \
    "device                fake" "loading  " "in total  " \
    "time to first token" "matmul fp8"; do says "$word"; done

grep -q submissions "$err" && complain "says what only developers read"
run 0 run -qv "${model[@]}" --stats hi
says "submissions"

# ---- tokenize ----
prints "100 101" tokenize "${model[@]}" ab
prints "0 100" tokenize "${model[@]}" --bos a
printf 'ab\n' >"$work/text"; input=$work/text
prints "100 101 13" tokenize "${model[@]}" -
printf '"a"\n"b\\n\\u0000"\n""\n' >"$work/lines"; input=$work/lines
prints $'100\n101 13 3\n' tokenize "${model[@]}" --lines
input=/dev/null
prints $'     100  "a"\n       2  "\\xe2"\n      13  "\\n"\n      37  "\\""\n      30  "\\x1b"' \
    tokenize "${model[@]}" --show --decode 100,2,13,37,30
prints $'       0  "?"\n     100  "a"' tokenize "${model[@]}" --show --bos a
# ---- prompt ----
echo "[]" > "$work/talk.json"
prints "0" prompt --ids fake "$work/talk.json"
prints "0 38" prompt --ids --chat-format v3.2 fake "$work/talk.json"
run 0 prompt fake "$work/talk.json"
run 0 tokenize "${model[@]}" --decode 2,258,3,13
printf '\xe2\xff\0\n' | cmp -s - "$out" || complain "bytes are not exact"

# ---- score: numbers and files ----
printf '5, 6\n7' >"$work/ids"
run 0 score -q "${model[@]}" --tokens-file "$work/ids"
grep -q 'mean NLL    5.556828' "$out" || complain "mean of ln 259"
run 0 score -q "${model[@]}" --tokens-file "$work/ids" --json --logits "$work/last" \
    --all-logits "$work/all" --router "$work/router"
[ "$(stat -c %s "$work/last" "$work/all" | tr '\n' ' ')" = "1036 3108 " ] || complain "sizes"
printf '{"layers":[{"layer":1,"experts":[[0,3],[0,3],[0,3]],"weights":[[0.25,0.75],[0.25,0.75],[0.25,0.75]]}]}\n' |
    cmp -s - "$work/router" || complain "router"
[ -z "$(ls "$work" | grep '\.[A-Za-z0-9]\{6\}$')" ] || complain "leaves temporary files"
run 0 score -q "${model[@]}" --tokens-file "$work/ids" --logits /dev/null
[ -c /dev/null ] || complain "replaced /dev/null"

input=$work/ids
run 0 score -q "${model[@]}" --tokens-file -
grep -q 'tokens      3' "$out" || complain "reads no standard input"
input=/dev/null

# ---- score: windows; the fake's loss at a position is the position of its window ----
seq 10 19 | tr '\n' ' ' >"$work/ten"
run 0 score -m ramp --tokens-file "$work/ten" --window 4 --json --all-logits "$work/all" \
    --router "$work/router"
says "note: 10 tokens are scored in windows of 4, 2 apart"
# rows 0 1 2 3, then the last two of each further window: first column of each row
od -An -v -t f4 -w1036 -j0 "$work/all" | awk '{ print $1 }' | tr '\n' ' ' >"$work/columns"
[ "$(cat "$work/columns")" = "0 1 2 3 2 3 2 3 2 3 " ] || complain "other rows: $(cat "$work/columns")"
[ "$(grep -o '\[0,3\]' "$work/router" | wc -l)" = 10 ] || complain "not ten rows of the router"
grep -q '"window": 4' "$out" && grep -q '"stride": 2' "$out" || complain "does not say the windows"
run 0 score -m ramp --ctx 5 --tokens-file "$work/ten" --all-logits "$work/all" # 3 apart
od -An -v -t f4 -w1036 "$work/all" | awk '{ print $1 }' | tr '\n' ' ' >"$work/columns"
[ "$(cat "$work/columns")" = "0 1 2 3 4 2 3 4 2 3 " ] || complain "other rows: $(cat "$work/columns")"
run 0 score -q "${model[@]}" --ctx 3 --tokens-file "$work/ten"
grep -q 'mean NLL    5.556828' "$out" || complain "mean of ln 259"

# ---- JSON ----
if command -v python3 >/dev/null; then
    run 0 run -q --json -m x --stop '!' hi
    python3 -c 'import json, sys; d = json.load(sys.stdin)
assert d["text"] == "na\u00efve \U0001f600" and d["stopped_by"] == "stop", d
assert d["tokens"][:2] == [113, 100] and d["generated_tokens"] == len(d["tokens"]) == 12, d
assert d["prompt_tokens"] == 3 and d["device_bytes"] == 4096, d' <"$out" || complain "another JSON"
    run 0 run -q --json --logprobs 3 -m x hi
    python3 -c 'import json, sys; d = json.load(sys.stdin); l = d["logprobs"]
assert [t["token"] for t in l] == d["tokens"] and l[0]["logprob"] == -0.25
assert l[0]["best"] == [{"token": l[0]["token"], "logprob": -0.25}, {"token": 7, "logprob": -1.5}]' <"$out" || complain "other log-probabilities"
    run 2 run -q --logprobs 3 -m x hi
    run 0 run -q --json -m no-tokenizer --tokens 1,2 -n 1
    python3 -c 'import json, sys; d = json.load(sys.stdin)
assert d["text"] is None and d["stopped_by"] == "limit" and d["tokens"] == [113], d' <"$out" ||
        complain "another JSON"
    for arguments in "devices --json" "inspect --json --tensors -m x" \
        "score -q --json -m x --tokens-file $work/ids" \
        "plan -m x --json" "plan -q --like v3 -d none --memory 1G --json --bandwidth 500" \
        "bench -q --json -m x --prompt 4,8 --gen 3 --reps 2 --depth 0,5 --op matmul" \
        "bench -q --json -m x --prompt 4,8 --gen 3 --reps 2 --depth 0,5"; do
        run 0 $arguments
        python3 -c 'import json, sys; json.load(sys.stdin)' <"$out" || complain "no JSON"
    done
    [ "$(grep -c '"test"' "$out")" = 8 ] || complain "not eight results"
    grep -q '"temperature": 0.6' "$out" || complain "no sampling in the report"
fi

# ---- tables ----
run 0 bench -q -m x --prompt 4 --gen 3 --reps 2
grep -q '^decode  *3  *0 ' "$out" || complain "no row of a decode"
grep -q '^decode-sampled  *3  *0 ' "$out" || complain "no row of a decode with sampling"
awk 'length > 80 { exit 1 }' "$out" || complain "wider than 80 columns"
run 0 bench -q -m x --prompt 0 --gen 3 --reps 1 --greedy
grep -q sampled "$out" && complain "samples greedily"
run 0 bench -q -m x --prompt 0 --gen 3 --reps 1 --greedy --sessions 2,3
grep -q '^decode x3  *3  *0 ' "$out" || complain "no row of three sessions"
run 0 bench -q -m x --op choose --reps 1
grep -q '^choose 1 of 259, on the host ' "$out" || complain "no row of choosing"
run 0 bench -q -m x --prompt 4 --gen 0 --reps 2 --op all
# 2 dispatches in 1 ms, 2 repetitions: 500 us and 3 MB / 1 ms
grep -q '^matmul fp8  *500.0  *3.00  *-$' "$out" || complain "no row of matmul"
grep -qx 'prefill of 4 tokens at depth 0' "$out" || complain "no line for the test"
awk 'length > 80 { exit 1 }' "$out" || complain "wider than 80 columns"
run 0 run -q -m x --profile hi
awk 'length > 80 { exit 1 }' "$err" || complain "wider than 80 columns"

# ---- sizes for people ----
run 0 devices
grep -qx '   memory       1.0 GiB, 512.0 MiB free' "$out" || complain "no size in GiB"
grep -q '^   lacks        cooperative matrix: ' "$out" || complain "does not say what is missing"
run 0 devices --json
grep -q '"memory_total": 1073741824,' "$out" || complain "no size in bytes"
run 0 inspect x
cp "$out" "$work/inspected"
run 0 inspect -m x
cmp -s "$out" "$work/inspected" || complain "another folder"

# ---- the forms of a benchmark ----
run 0 bench -q -m some/where/ --prompt 4 --gen 0 --reps 3 --format markdown
grep -q '^| prefill | 4 | 0 | [0-9.]* ± [0-9.]* | [0-9.]* |$' "$out" || complain "no row of Markdown"
grep -q '^- model    where: fake' "$out" || complain "does not name the folder"
run 0 bench -q --like v3 --prompt 4 --gen 0 --reps 1 --format json
for want in '"model": "like v3"' '"weights": "keep"' '"load_seconds": ' '"mean": ' '"deviation": 0.0'; do
    grep -qF -- "$want" "$out" || complain "no $want"
done
if [ -c /dev/full ]; then
    command=(bench to a full disk)
    "$program" bench -q -m x --prompt 4 --gen 0 --reps 1 >/dev/full 2>"$err" && complain "a full disk is not noticed"
    says "No space left on device"
fi
run 0 bench -m x --prompt 0 --gen 0
says "nothing was measured"

# ---- interrupts and lost readers ----
for what in "" "--op all" "--greedy --prompt 5 --format json"; do
    command=(bench "$what", interrupted)
    "$program" bench -q -m slow --prompt 0 --gen 60 --reps 1000 $what >"$out" 2>"$err" &
    sleep 0.3
    kill -INT $!
    wait $!
    [ $? = 130 ] || complain "status not 130"
    silent
done
command=(run -m slow, interrupted)
"$program" run -q -m slow -n 100000 --ctx 100000 hi >"$out" 2>"$err" &
sleep 0.5
kill -INT $!
wait $!
[ $? = 130 ] || complain "status not 130"
grep -q '^xxx' "$out" || complain "what was generated is not there"
silent
command=(run -m slow, reader gone)
{ "$program" run -q -m slow -n 100000 --ctx 100000 hi 2>"$err"; echo $? >"$work/status"; } | head -c 3 >"$out"
[ "$(cat "$work/status")" = 0 ] || complain "status not 0"
silent
for words in "graph -m x" "inspect -m x" "help" "devices --json" "plan -m x --json" \
    "run -m x hi" "score -q -m x --tokens-file $work/ids" "tokenize -m x hi"; do
    command=(reader gone: $words) # its end of the pipe is closed before anything is written
    { sleep 0.2; "$program" $words 2>"$err"; echo $? >"$work/status"; } | : >"$out"
    [ "$(cat "$work/status")" = 0 ] || complain "status not 0"
    grep '^ds-vk: ' "$err" && complain "complains"
done
if [ -c /dev/full ]; then
    command=(--help to a full disk)
    "$program" --help >/dev/full 2>"$err" && complain "a full disk is not noticed"
    [ "$(grep -c '^ds-vk: standard output: ' "$err")" = 1 ] || complain "not one line"
fi
command=(--version without standard output)
"$program" --version >&- 2>"$err" && complain "missing standard output is not noticed"
finish
