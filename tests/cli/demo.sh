#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The real program with the demonstration model on the default device.
#   demo.sh PROGRAM MODELS
set -uo pipefail
program=$1 models=$2
. "$(dirname "$0")/expect.sh"
question='What is MLA?' ids=0,1524,335,275,1119,66,1525
answer='MLA is multi-head latent attention. It stores one small latent vector per token instead of full keys and values, so the cache stays small.'
answer_ids='80 906 275 1474 48 1487 891 993 49 423 761 281 412 386 891 828 1070 399 317 328 104 429 290 279 120 282 1399 293 1192 47 463 262 782 327 753 386 49 1'

# ---- the same answer in every way ----
prints "$answer" run -q "$question"
prints "$answer" run -q -m "$models/demo" --no-fuse --math f32 --cache f32 --chunk 2 --ctx 64 "$question"
prints "$answer_ids" run -q --tokens $ids --print ids
prints "$answer_ids" run -q --print ids "$question"
prints "$answer" run -q --think off --chat-format v3 "$question"
prints "${answer_ids% * *}" run -q --print ids -n 36 "$question"
run 0 run -q --temp 5 --seed 3 -n 20 "$question"
cp "$out" "$work/sampled"
run 0 run -q --temp 5 --seed 3 -n 20 --no-fuse --cache f32 "$question"
run 0 run -q --temp 5 --seed 3 -n 20 "$question"
cmp -s "$out" "$work/sampled" || complain "a seed does not repeat a run"
run 0 run --stats --ctx 20 -q "$question"
says "generated tokens      14"
says "device memory"
run 0 tokenize --decode 335,275,1119,66
[ "$(cat "$out")" = "$question" ] || complain "decodes to something else"
prints "335 275 1119 66" tokenize "$question"

# ---- an answer that is JSON, though the model knows none ----
cat >"$work/schema" <<'END'
{ "properties": { "name": { "type": "string", "maxLength": 12 }, "legs": { "type": "integer", "minimum": 0,
  "maximum": 8 }, "kind": { "enum": ["fox", "cat"] } }, "required": ["name", "legs", "kind"] }
END
run 0 run -q --json-schema "$work/schema" -n 200 "$question"
grep -qE '^\{[^{}]*"name":[^{}]*"legs": ?[0-8],[^{}]*"kind":[ ]*"(fox|cat)" ?\}$' <(tr -d '\n' <"$out") ||
    complain "not what the schema says"
run 1 run -q --json-schema "$work/text-of-nothing" "$question"

# ---- a pipeline cache that cannot be used is no failure ----
for where in off "$work/cache" /proc/none/here "$work/sampled"; do
    prints "$answer" run -q --pipeline-cache "$where" "$question"
    silent
done

# ---- scores agree, whatever the passes ----
printf 'Once upon a time there was a small fox. It had a red box.' >"$work/text"
run 0 score -q --file "$work/text" --json --cache f32 --logits "$work/last" --all-logits "$work/all"
sed -n 's/.*"mean_nll": \([0-9.]*\).*/\1/p' "$out" >"$work/mean"
tail -c 6144 "$work/all" | cmp -s - "$work/last" || complain "the last row is not the last"
for how in "--chunk 1" "--chunk 7 --no-fuse" "--math f32"; do
    run 0 score -q --file "$work/text" --json --cache f32 $how
    sed -n 's/.*"mean_nll": \([0-9.]*\).*/\1/p' "$out" | cat - "$work/mean" |
        awk '{ v[NR] = $1 } END { d = v[1] - v[2]; exit !(NR == 2 && d * d < 1e-4) }' ||
        complain "another mean"
done

# ---- plans ----
number() { sed -n "s/^ *\"$1\": \([0-9]*\),*\$/\1/p" "$out" | head -n 1; }
for how in "" "--ctx 300 --cache f32 --chunk 20" "--no-fuse --ctx 1000"; do
    run 0 plan -q --json $how
    bytes=$(number bytes) least=$(number least)
    run 0 run -n 8 --stats $how "$question"
    grep -qw "$bytes" "$err" || complain "plans $bytes bytes and takes others"
    run 0 plan -q --memory "$least" $how
    run 0 run -q -n 2 --memory "$least" $how "$question"
    run 1 plan -q --memory $((least - 1)) $how
    says "the least that works is --memory $least"
    awk 'length > 80 { exit 1 }' "$out" || complain "wider than 80 columns"
done
run 0 plan --like v2-lite -d none --memory 40G --bandwidth 300
grep -q '^  speed bound ' "$out" || complain "no bound"
run 0 plan --like v3 -d none --memory 24G --host-memory 64G --bandwidth 1000 --bus 25 --disk 3
awk 'length > 80 { exit 1 }' "$out" || complain "wider than 80 columns"
for question_of_plan in "Does it fit?" "What goes where?" "How fast?"; do
    grep -q "^$question_of_plan" "$out" || complain "does not ask $question_of_plan"
done
grep -q '^  with these .* tokens/s' "$out" || complain "no estimate"
run 0 plan --like v3 -d none --memory 24G --host-memory 64G --bandwidth 1000 --bus 25 --disk 3 \
    --json
# 8 experts of 58 layers, those of 14848 that are not on the device
host=$(number in_host_memory) disk=$(number on_disk) slot=$(number slot_bytes)
[ "$(number expert_host_bytes)" = $((464 * host * slot / 14848)) ] || complain "bytes from the host"
[ "$(number expert_disk_bytes)" = $((464 * disk * slot / 14848)) ] || complain "bytes from the disk"
run 1 plan --like v2-lite -d none --memory 2G

refuse 1 "v3: it has 61 layers, 99 were asked for" graph --like v3 --layers 99

# ---- failures ----
refuse 1 "MiB of device memory, 1 MiB may be used; the least that works is --memory " \
    run --memory 1M "$question"
least=$(sed -n 's/.*--memory \([0-9]*\)$/\1/p' "$err")
run 0 run -q -n 1 --memory "$least" "$question"
refuse 1 "more than the context of 5" run --ctx 5 "$question"
refuse 1 "No such file" run -m "$work/nothing" "$question"
cp -r "$models/demo" "$work/cut"
truncate -s 4000000 "$work/cut/model.safetensors"
refuse 1 "model.safetensors" run -m "$work/cut" "$question"
refuse 1 "model.safetensors" inspect -m "$work/cut"
rm "$work/cut/model.safetensors"
refuse 1 "ds-vk: " run -m "$work/cut" "$question"
run 0 graph -m "$work/cut" # needs config.json alone
refuse 1 "ds-vk: " run -d "no such device" "$question"
refuse 1 "ds-vk: " run --ctx 2000000 "$question"

# ---- damaged weights ----
damage() { # TENSOR: its first value of 16 bits becomes NaN
    local file=$work/damaged/model.safetensors header start
    rm -rf "$work/damaged"
    cp -r "$models/demo" "$work/damaged"
    header=$(od -An -tu8 -N8 "$file" | tr -d ' ')
    start=$(head -c $((8 + header)) "$file" | grep -ao "\"$1\":{[^}]*}" | sed 's/.*offsets":\[\([0-9]*\).*/\1/')
    printf '\377\177' | dd of="$file" bs=1 seek=$((8 + header + start)) conv=notrunc status=none
}
damage model.layers.2.input_layernorm.weight
for how in --greedy "--temp 1" "--greedy --math f16"; do
    run 1 run -q -m "$work/damaged" $how "$question"
    says "session: the logits at position 6 are not finite, from layer 2 on"
    [ "$(wc -c <"$out")" -le 1 ] || complain "prints an answer"
done
damage model.norm.weight
run 1 run -q -m "$work/damaged" "$question"
says "are not finite, because of the embedding, the last norm or the head"

# ---- interrupts ----
command=(run interrupted)
"$program" run -q --ignore-eos -n 2000 "$question" >"$out" 2>"$err" &
for _ in $(seq 100); do [ -s "$out" ] && break; sleep 0.1; done
kill -INT $!
wait $!
[ $? = 130 ] || complain "status not 130"
[ -s "$out" ] || complain "what was generated is not there"
silent

# ---- sessions in files: the same tokens, which are not computed ----
kept=$work/kept
prints "${answer_ids% * *}" run -q --tokens $ids --print ids -n 36 --save-session "$kept"
saved=$ids,$(tr ' ' , <<<"${answer_ids% * * *}")
prints "49 1" run --tokens "$saved,386" --print ids --load-session "$kept" --stats
says "note: 42 of the prompt's 43 tokens come from $kept"
prints "$answer" run -q "$question" --load-session "$kept" # the last token's results alone
refuse 1 "its model was loaded with weights in another format" \
    run -q --weights int4 --load-session "$kept" "$question"
refuse 1 "$kept" run -q --cache f32 --load-session "$kept" "$question"
printf x | dd of="$kept" bs=1 seek=300 conv=notrunc status=none
refuse 1 "session file: $kept: " run -q --load-session "$kept" "$question"
command=(run interrupted, with a file)
"$program" run --ignore-eos -n 2000 --save-session "$kept" "$question" >"$out" 2>"$err" &
for _ in $(seq 100); do [ -s "$out" ] && break; sleep 0.1; done
kill -INT $!
wait $!
[ $? = 130 ] || complain "status not 130"
says "saved in $kept"
prints "$answer" run -q --load-session "$kept" "$question"

# ---- JSON of a whole run ----
run 0 devices --json
run 0 bench -q --json --prompt 16 --gen 4 --reps 2 --depth 0,32
[ "$(grep -c '"test"' "$out")" = 6 ] || complain "not six results"
run 0 bench -q --json --prompt 16 --gen 4 --reps 1 --op attend
[ "$(grep -c '"op": "attend"' "$out")" = 2 ] || complain "not two results"
grep -q '"gb_per_s": 0\.[0-9]*[1-9]' "$out" || complain "no bytes"
run 0 graph --batch 100 --chunk 64
grep -q '^weights: [0-9]* bytes touched, at least [0-9]* ([0-9.]* times that), passes: 2$' "$out" ||
    complain "no bytes of weights"
if command -v script >/dev/null; then # a terminal: folded, and nothing else
    run 0 graph --like v3 --layers 4
    tr -d ' \n' <"$out" >"$work/graph"
    script -qec "'$program' graph --like v3 --layers 4" /dev/null </dev/null | tr -d '\r' >"$out"
    awk 'length > 80 { exit 1 }' "$out" || complain "wider than 80 columns on a terminal"
    tr -d ' \n' <"$out" | cmp -s - "$work/graph" || complain "folding changes the graph"
fi
refuse 1 "may be used" bench --like v2-lite --layers 1 --memory 10M
refuse 1 "nothing-like-it" bench --like nothing-like-it
finish
