#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The desktop example on a display without a screen: frames go on while it answers, a loss changes nothing of the
# answer, and validation is silent with both users of the queue.   desktop.sh PROGRAM FOLDER
set -euo pipefail
program=$1 folder=$2
font=/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf
command -v Xvfb >/dev/null || { echo "no Xvfb: skipped"; exit 77; }
[ -e $font ] || { echo "no $font: skipped"; exit 77; }
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
mkfifo "$work/display"
Xvfb -displayfd 3 -screen 0 1024x768x24 -nolisten tcp 3>"$work/display" 2>"$work/xvfb" &
server=$!
read -r display <"$work/display"
export DISPLAY=:$display

validate=()
for layers in ${VK_LAYER_PATH:-} /usr/share/vulkan/explicit_layer.d /etc/vulkan/explicit_layer.d; do
    [ ! -e "$layers/VkLayer_khronos_validation.json" ] || validate=(--validate)
done
status=0
"$program" --ask 'What is MLA?' --lose 1 "${validate[@]}" --picture "$work/picture" "$folder" >"$work/out" \
    2>"$work/err" || status=$?
[ $status != 77 ] || { cat "$work/err"; exit 77; }
[ $status = 0 ] || { cat "$work/out" "$work/err"; exit 1; }
head -n 2 "$work/out"
[ "$(head -n 1 "$work/out")" = '> What is MLA?' ]
[ "$(sed -n 2p "$work/out")" = 'MLA is multi-head latent attention. It stores one small latent vector per token instead of full keys and values, so the cache stays small.' ]
[ "$(grep -c ' was lost$' "$work/err")" = 1 ]
[ "$(wc -l <"$work/err")" = 1 ] # and nothing else
[ "$(head -c 15 "$work/picture" | head -n 2)" = $'P6\n800 600' ]
[ "$(tail -c +16 "$work/picture" | od -An -v -tx1 -w3 | sort -u | wc -l)" -gt 20 ] # glyphs of many greys

"$program" --work decode --frames 20 --json "$folder" >"$work/out"
grep -qE '^\{"device": ".+", "work": "decode, pace frame", "frames": 20, "late": [0-9]+, "ms": \{"median": [0-9.]+, "95": [0-9.]+, "worst": [0-9.]+\}\}$' "$work/out"
for wrong in '' "--work sleep $folder" "--frames 0 $folder" "--pace 2 $folder" "--nothing $folder"; do
    status=0
    # shellcheck disable=SC2086 # words
    "$program" $wrong >/dev/null 2>"$work/err" || status=$?
    [ $status = 2 ] && grep -q '^usage: ' "$work/err"
done
if "$program" --ask x /nowhere >"$work/out" 2>"$work/err"; then exit 1; fi
grep -qx '/nowhere/config.json: No such file or directory' "$work/err"
