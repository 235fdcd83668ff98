#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the programs of docs/examples answer.   examples.sh minimal|threads|python PROGRAM... FOLDER
set -euo pipefail
name=$1 program=("${@:2:$#-2}") folder=${!#}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
answer='MLA is multi-head latent attention. It stores one small latent vector per token instead of full keys and values, so the cache stays small.'
router='The router gives each expert a score with a sigmoid, adds a bias for balance, and picks the best experts for the token.'
thanks='You are welcome! Ask me more if you like.'
refuses() { # a folder that is not there: one sentence
    if "${program[@]}" /nowhere >"$work/out" 2>"$work/err"; then return 1; fi
    grep -q '/nowhere/config.json: No such file or directory$' "$work/err"
    if grep -q Traceback "$work/err"; then return 1; fi
}

"${program[@]}" "$folder" >"$work/out"
case $name in
minimal | python) [ "$(cat "$work/out")" = "$answer" ] ;;
threads)
    # Lines come in any order, those of a conversation in theirs.
    [ "$(sed -n 's/^A: //p' "$work/out" | tr '\n' ' ')" = "$answer $thanks " ]
    [ "$(sed -n 's/^B: //p' "$work/out" | tr '\n' ' ')" = "$router $thanks " ]
    ;;
esac
refuses
