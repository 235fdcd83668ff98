#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What is given as a model: the cache of Hugging Face, files, folders without weights, downloads that
# went wrong. No device is needed.
#   folders.sh PROGRAM MODELS
set -uo pipefail
program=$1
demo=$2/demo
. "$(dirname "$0")/expect.sh"

# A folder with the demonstration model's files, except those named.
model() {
    local folder=$1 name
    shift
    mkdir -p "$folder"
    for name in config.json generation_config.json tokenizer.json tokenizer_config.json \
        model.safetensors; do
        case " $* " in *" $name "*) ;; *) ln -s "$demo/$name" "$folder/$name" ;; esac
    done
}

run 0 tokenize -m "$demo" "Hello there"
cp "$out" "$work/ids"
same() {
    run 0 tokenize -m "$1" "Hello there"
    cmp -s "$out" "$work/ids" || complain "other ids"
}

# ---- ids need no weights ----
model "$work/words" model.safetensors config.json generation_config.json
same "$work/words"
refuse 1 "config.json: No such file" inspect -m "$work/words"
model "$work/weightless" model.safetensors
same "$work/weightless"
refuse 1 "no *.safetensors in this folder" inspect -m "$work/weightless"

# ---- the cache: refs/main, the only snapshot, several, none ----
cache=$work/models--a--b
model "$cache/snapshots/0123"
same "$cache"
run 0 inspect -m "$cache"
model "$cache/snapshots/4567" config.json
refuse 1 "2 snapshots: give one, such as $cache/snapshots/0123" inspect -m "$cache"
mkdir "$cache/refs"
printf 0123 > "$cache/refs/main"
run 0 inspect -m "$cache"
printf '../../x' > "$cache/refs/main"
refuse 1 "2 snapshots" inspect -m "$cache"
mkdir -p "$work/none/snapshots"
refuse 1 "without a snapshot" inspect -m "$work/none"

# ---- files and folders that hold no model of ours ----
printf 'GGUF\003\0\0\0' > "$work/model.gguf"
refuse 1 "a GGUF file" inspect -m "$work/model.gguf"
refuse 1 "a file" inspect -m "$demo/model.safetensors"
mkdir "$work/gguf" "$work/lora" "$work/pickle"
cp "$work/model.gguf" "$work/gguf/"
refuse 1 "model.gguf, a GGUF file" inspect -m "$work/gguf"
: > "$work/lora/adapter_config.json"
refuse 1 "an adapter (LoRA)" inspect -m "$work/lora"
: > "$work/pickle/pytorch_model.bin"
cp "$demo/config.json" "$work/pickle/"
refuse 1 "pytorch_model.bin, weights as a Python pickle" inspect -m "$work/pickle"

# ---- one file of a download is something else: it is named ----
for name in config.json tokenizer.json tokenizer_config.json model.safetensors; do
    model "$work/lfs-$name" "$name"
    printf 'version https://git-lfs.github.com/spec/v1\noid sha256:5f\nsize 12345\n' \
        > "$work/lfs-$name/$name"
    refuse 1 "lfs-$name/$name is a Git LFS pointer" inspect -m "$work/lfs-$name"
    model "$work/page-$name" "$name"
    printf '<!doctype html>\n<html></html>\n' > "$work/page-$name/$name"
    refuse 1 "page-$name/$name is a page" inspect -m "$work/page-$name"
    model "$work/empty-$name" "$name"
    : > "$work/empty-$name/$name"
    refuse 1 "empty-$name/$name is empty" inspect -m "$work/empty-$name"
done
model "$work/short" tokenizer.json
head -c 1000 "$demo/tokenizer.json" > "$work/short/tokenizer.json"
refuse 1 "short/tokenizer.json: malformed JSON: its 1000 bytes end in the middle" \
    inspect -m "$work/short"

# ---- a link of the cache that leads nowhere is no file that is not there ----
for name in config.json tokenizer.json tokenizer_config.json model.safetensors \
    model.safetensors.index.json; do
    model "$work/link-$name" "$name"
    ln -s ../gone "$work/link-$name/$name"
    refuse 1 "link-$name/$name: No such file" inspect -m "$work/link-$name"
done
model "$work/link" generation_config.json
ln -s ../gone "$work/link/generation_config.json"
run 0 inspect -m "$work/link"
says "warning: $work/link/generation_config.json: No such file"

# ---- a file that only suggests ----
for text in '' '<html>' '{"top_p": 7}' '{"eos_token_id": 99999999}' '[1,'; do
    model "$work/suggests" generation_config.json
    printf '%s' "$text" > "$work/suggests/generation_config.json"
    run 0 inspect -m "$work/suggests"
    says "suggests/generation_config.json"
    [ "$(grep -c warning: "$err")" = 1 ] || complain "not one warning"
    rm -r "$work/suggests"
done

finish
