#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Wrong inputs of every kind, against a library that only pretends (fake_dsvk.c).
#   usage.sh PROGRAM
set -uo pipefail
program=$1
. "$(dirname "$0")/expect.sh"

# ---- commands and options ----
run 2
[ ! -s "$out" ] || complain "writes to standard output"
says "ds-vk: no command given"
says "ds-vk help [COMMAND]"
refuse 2 "unknown command 'frobnicate'" frobnicate
refuse 2 "did you mean run" rum
refuse 2 "did you mean tokenize" tokenise
refuse 2 "unknown command ''" ""
refuse 2 "options come after the command" -v run
run 0 --help
cp "$out" "$work/help"
for absent in chat doctor; do # what the documentation speaks of, until it is built
    grep -q "^  $absent" "$work/help" && continue
    refuse 2 "$absent is not built yet" "$absent"
    refuse 2 "$absent is not built yet" "$absent" -m x --port 1
done
run 0 run --help
cp "$out" "$work/help"
for words in "help run" "--help run" "-h run"; do
    run 0 $words
    cmp -s "$out" "$work/help" || complain "another help"
done
run 0 help
cp "$out" "$work/help"
run 0 --help
cmp -s "$out" "$work/help" || complain "another help"
refuse 2 "unknown command 'rum', did you mean run" help rum
refuse 2 "ds-vk: run: --seed takes" run --seed x hi
refuse 2 "ds-vk: tokenize: --decode goes" tokenize --decode 5 hi
for command_name in run score tokenize prompt devices inspect plan graph bench quantize; do
    refuse 2 "unknown option --frobnicate" "$command_name" --frobnicate
    refuse 2 "unknown option -z" "$command_name" -z
    run 0 "$command_name" --help
    silent
    awk 'length > 80 { exit 1 }' "$out" || complain "help wider than 80 columns"
    grep -q ' $' "$out" && complain "help with blanks at the ends of lines"
    run 0 "$command_name" -h
done
run 0 --help
awk 'length > 80 { exit 1 }' "$out" || complain "help wider than 80 columns"
for word in --version -V version; do prints "ds-vk 0.2.0" $word; done
refuse 2 "unknown option --host-memory" inspect --host-memory 1
refuse 2 "unknown option --bandwidth" bench --bandwidth 1
refuse 2 "--bandwidth takes a number from 0 to 1000000" plan --bandwidth fast
refuse 2 "--device none goes with --memory" plan -m x -d none
refuse 2 "exclude each other" plan -m x --like v3
refuse 2 "unknown option --like" run --like v3 hi
refuse 2 "--layers goes with --like" bench --layers 3
refuse 2 "--layers takes a whole number from 1" bench --like v3 --layers 0
refuse 2 "exclude each other" bench -m x --like v3
refuse 2 "--op needs a value" bench --op
refuse 2 "give the folder to read and the folder to write" quantize in --weights fp8
refuse 2 "--weights takes bf16|fp8|int4|fp4, not 'keep'" quantize in out --weights keep
refuse 2 "give --weights bf16, fp8, int4 or fp4" quantize in out
refuse 2 "--head takes auto|keep|fp8, not 'bf16'" quantize in out --weights int4 --head bf16
refuse 2 "unexpected argument" quantize in out more --weights fp8
refuse 2 "did you mean --temp" run --tmep 1 hi
refuse 2 "did you mean --tokens-out" run --tokens-ou 1 hi
refuse 2 "unknown option --temp" tokenize --temp 1 hi
refuse 2 "unknown option -mm" devices -mm
refuse 2 "--greedy takes no value" run --greedy=1 hi
refuse 2 "unexpected argument 'there'" run hi there
refuse 2 "the folder is given twice" inspect -m x y
refuse 2 "exclude each other" inspect --like v3 y
refuse 2 "unexpected argument 'hi'" devices hi
refuse 2 "unexpected argument" score -m x file

# ---- values ----
refuse 2 "--model needs a value" run -m
refuse 2 "--model needs a value" run --model
refuse 2 "--model needs a value" run --model --raw hi
refuse 2 "--pipeline-cache needs a value" run --pipeline-cache
refuse 2 "unknown option --pipeline-cache" inspect --pipeline-cache off
for bad in "" x -2 +1 1x 1.5 0x10 99999999999999999999 " 1"; do
    refuse 2 "--ctx takes a whole number from 1 to" run --ctx "$bad" hi
    refuse 2 "--tokens-out takes a whole number from 0 to" run -n "$bad" hi
done
for bad in 4kk 4g k -1k 20M 4kB; do
    refuse 2 "--ctx takes a whole number from 1 to" run --ctx "$bad" hi
done
refuse 2 "--ctx takes a whole number from 1 to 16777216, not '0'" run --ctx 0 hi
refuse 2 "--chunk takes" run --chunk=0 hi
for bad in "" x nan inf 0x1 1e999 -0.1 101 "1 "; do
    refuse 2 "--temp takes a number from 0 to 100" run --temp "$bad" hi
done
refuse 2 "--top-p takes a number from 0 to 1" run --top-p 1.01 hi
refuse 2 "--repeat-penalty takes a number from 0 to 100" run --repeat-penalty 101 hi
for bad in "" x 2.1 -2.1 nan; do
    refuse 2 "--presence-penalty takes a number from -2 to 2" run --presence-penalty="$bad" hi
    refuse 2 "--frequency-penalty takes a number from -2 to 2" run --frequency-penalty="$bad" hi
done
refuse 2 "--repeat-last takes a whole number from 0 to 65535" run --repeat-last 65536 hi
for bad in "" 5 = 5= =1 x=1 -1=1 4294967296=1 5=1001 5=inf 5=nan 5=-1e9 5=1x; do
    refuse 2 "--logit-bias takes ID=VALUE, a number from -1000 to 1000 or -inf, not '$bad'" \
        run --logit-bias "$bad" hi
done
refuse 2 "--temp takes a number from 0 to 100" bench --temp x
refuse 2 "unknown option --seed" score --seed 1
refuse 2 "--min-p takes a number from 0 to 1" run --min-p=-1 hi
refuse 2 "--seed takes a whole number from 0 to 18446744073709551615" run --seed -1 hi
for bad in "" 0 0G G 5X 5MM 5MiBs -5M 1e30G nanG 8GG; do
    refuse 2 "--memory takes a size" run --memory "$bad" hi
    refuse 2 "--host-memory takes a size" run --host-memory "$bad" hi
done
refuse 2 "--cache takes bf16|f32|fp8" run --cache int4 hi
refuse 2 "--cache takes" run --cache "" hi
refuse 2 "--math takes auto|f32|f16" score --math f64
refuse 2 "--weights takes keep|bf16|fp8|int4|fp4" run --weights int3 hi
refuse 2 "--print takes text|ids" run --print both hi
refuse 2 "--stage takes" graph --stage done
refuse 2 "--format takes" graph --format svg
refuse 2 "--batch takes" graph --batch 0
for bad in "" x 1,x 1,-2 1.5 4294967296 ,; do
    refuse 2 "--tokens takes whole numbers" run --tokens "$bad"
    refuse 2 "--decode takes whole numbers" tokenize --decode "$bad"
done
refuse 2 "--prompt takes" bench --prompt 1,b
refuse 2 "--depth takes" bench --depth -1
refuse 2 "--reps takes a whole number from 1" bench --reps 0

# ---- combinations ----
refuse 2 "exclude each other" run --tokens 1,2 hi
refuse 2 "--system needs the chat format" run --raw --system s hi
refuse 2 "--system needs the chat format" run --tokens 5 --system s
refuse 2 "--think needs the chat format" run --raw --think off hi
refuse 2 "--think needs the chat format" run --tokens 5 --think auto
refuse 2 "--chat-format needs the chat format" run --raw --chat-format v3 hi
refuse 2 "--think takes auto|on|off, not 'maybe'" run --think maybe hi
refuse 2 "--chat-format takes v2|v3|r1" run --chat-format chatml hi
refuse 2 "exclude each other" score --file a --tokens-file b
refuse 2 "--show and --lines exclude" tokenize --show --lines hi
refuse 2 "give --file" score -m x
refuse 2 "--decode goes with no" tokenize --decode 5 hi
refuse 2 "--decode goes with no" tokenize --decode 5 --bos
refuse 2 "exclude each other" graph -m x --like v3

refuse 2 "an argument, --prompt and --file exclude each other" run -p a b
refuse 2 "an argument, --prompt and --file exclude each other" run -p a -f b
refuse 2 "--tokens and a prompt exclude each other" run --tokens 1 -p a
refuse 2 "--json has text and ids" run --json --print ids hi
refuse 2 "--stop takes a text of 1 to 1024 bytes, not 0" run --stop "" hi
refuse 2 "--stop takes a text of 1 to 1024 bytes, not 1025" run --stop "$(printf 'x%.0s' {1..1025})" hi
refuse 2 "--stop can be given 16 times at most" run $(printf -- '--stop x %.0s' {1..17}) hi

# ---- what fingers know from other programs ----
refuse 2 "no option -ngl: what fits is on the device" run -ngl 99 hi
refuse 2 "no option -hf: download the folder first" run -hf deepseek-ai/DeepSeek-V2-Lite
refuse 2 "no option -t: the device computes" run -t 8 hi
refuse 2 "no option -fa:" score -fa
refuse 2 "no option --n-gpu-layers: what fits" plan --n-gpu-layers=99
mkdir "$work/checkpoint"
echo '{}' >"$work/checkpoint/config.json"
refuse 2 "is a model's folder, not a prompt: give -m $work/checkpoint 'PROMPT'" run "$work/checkpoint"
refuse 2 "unexpected argument" run "$work/checkpoint" hi
printf 'GGUF\003' >"$work/a.gguf"
refuse 2 "is a GGUF file" run "$work/a.gguf"
refuse 1 "a.gguf: a GGUF file; ds-vk takes the folder" run -m "$work/a.gguf" hi
refuse 1 "a.gguf: a GGUF file" plan -m "$work/a.gguf"
refuse 1 "config.json: a file; --model takes its folder" inspect -m "$work/checkpoint/config.json"
refuse 1 "nothing: No such file" run -m empty-folder -f "$work/nothing" # before the model

# ---- inputs ----
model=(-m x)
refuse 1 "empty-folder/config.json: No such file" run -m empty-folder hi
refuse 1 "empty-folder/config.json: No such file" inspect -m empty-folder
refuse 1 "the prompt is empty" run "${model[@]}" ""
refuse 1 "the prompt is empty" run "${model[@]}" -
refuse 1 "the prompt is empty" run "${model[@]}" --raw
printf '\n' >"$work/blank"; input=$work/blank
refuse 1 "the prompt is empty" run "${model[@]}"
printf 'a\0b' >"$work/zero"; input=$work/zero
refuse 1 "zero byte at 1" run "${model[@]}"
input=/dev/null
refuse 1 "no chat format" run -m no-chat --system s hi
refuse 1 "no chat format" run -m no-chat --think off hi
refuse 1 "none that is known here: --raw continues the prompt as it is, --chat-format NAME wraps" \
    run -m odd-chat hi
refuse 1 "cannot be asked to think" run "${model[@]}" --think on hi
refuse 1 "has 65 tokens, more than the context of 64" run "${model[@]}" "$(printf 'x%.0s' {1..64})"
refuse 1 "has 4 tokens, more than the context of 3" run "${model[@]}" --ctx 3 abc
refuse 1 "token id 259 at position 1 is outside the vocabulary of 259" run "${model[@]}" --tokens 5,259
refuse 1 "nothing of 2 devices matches" run "${model[@]}" -d nobody hi
refuse 1 "9 bytes are needed, 8 are free; the least that works is --memory 1000" run -m big \
    --memory 999 hi
refuse 1 "nothing of 2 devices matches" plan "${model[@]}" -d nobody
refuse 1 "empty-folder" plan -m empty-folder
for json in "" --json; do # the ledger is printed, and what is missing is said
    run 1 plan "${model[@]}" --memory 999 $json
    [ -s "$out" ] || complain "prints nothing"
    says "it needs 1000 bytes of device memory, 999 bytes may be used; the least that works is --memory 1000"
    run 0 plan "${model[@]}" --memory 1000 $json
done
refuse 1 "give --print ids" run -m no-tokenizer --tokens 1,2
refuse 1 "give --print ids and no --stop" run -m no-tokenizer --tokens 1,2 --print ids --stop a
refuse 1 "no token has the id 259" tokenize "${model[@]}" --decode 5,259
refuse 1 "line 1 is not a JSON string" tokenize "${model[@]}" --lines '[1]'
refuse 1 "No such file" score "${model[@]}" --file "$work/nothing"
refuse 1 "Is a directory" score "${model[@]}" --file "$work"
printf '1 2,x 3' >"$work/bad-ids"
refuse 1 "'x' at byte 4 is no token id" score "${model[@]}" --tokens-file "$work/bad-ids"
printf '1 259' >"$work/far-ids"
refuse 1 "outside the vocabulary" score "${model[@]}" --tokens-file "$work/far-ids"
printf '7' >"$work/one-id"
refuse 1 "1 token, at least 2 are needed" score "${model[@]}" --tokens-file "$work/one-id"
: >"$work/none"
refuse 1 "no token ids in it" score "${model[@]}" --tokens-file "$work/none"
printf '1\0002' >"$work/zero-ids"
refuse 1 "a zero byte at 1" score "${model[@]}" --tokens-file "$work/zero-ids"
printf 'hello' >"$work/text"
refuse 1 "--window 5 is more than the context of 3" score "${model[@]}" --ctx 3 --window 5 \
    --file "$work/text"
refuse 2 "--stride takes fewer tokens than a window has, not 4" score --window 4 --stride 4 --file x
refuse 1 "windows of 3 tokens cannot begin 3 apart" score "${model[@]}" --ctx 3 --stride 3 \
    --file "$work/text"
refuse 2 "--window takes a whole number from 2" score --window 1 --file x
refuse 2 "--logits and --router name the same file" score --logits a --router a --file x
# inputs and outputs are looked at before the model
refuse 1 "nothing: No such file" score -m empty-folder --file "$work/nothing"
refuse 1 "folder: No such file" score -m empty-folder --file "$work/text" --logits "$work/no/folder"
refuse 1 "not finite" score -m broken-text --file "$work/text" --all-logits "$work/rows"
refuse 1 "No such file" score "${model[@]}" --file "$work/text" --logits "$work/no/such/folder"
refuse 1 "Is a directory" score "${model[@]}" --file "$work/text" --router "$work"
[ -z "$(ls "$work" | grep rows)" ] || complain "leaves half a file"
refuse 1 "more than the context" bench "${model[@]}" --depth 1000
refuse 1 "no operation embed in these tests; there are matmul" bench -q "${model[@]}" --json \
    --prompt 4 --gen 2 --reps 1 --op embed
refuse 2 "--op takes all, choose, embed, matmul, not 'nope'" bench -m nowhere --op nope
refuse 2 "--format takes text|markdown|json, not 'dot'" bench --format dot
refuse 2 "--format takes text|dot|json, not 'markdown'" graph --format markdown
finish
