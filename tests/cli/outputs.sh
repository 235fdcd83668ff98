#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Output files of every kind stay what they are: links, hard links, devices, pipes, permissions.
#   outputs.sh PROGRAM
set -uo pipefail
program=$1
. "$(dirname "$0")/expect.sh"
printf '5, 6\n7' >"$work/ids"
folder=$work/files
mkdir "$folder"
bytes=1036 # one row of the pretended vocabulary
score() { run 0 score -q -m x --tokens-file "$work/ids" --logits "$1"; }
holds() { [ "$(stat -L -c %s "$1")" = "$bytes" ] || complain "$1 does not hold a row"; }
clean() { [ -z "$(ls -A "$folder" | grep '\.[A-Za-z0-9]\{6\}$')" ] || complain "leaves files"; }

# ---- links stay, what they lead to is written ----
echo data >"$folder/target"
ln -s target "$folder/link"
ln -s link "$folder/chain"
score "$folder/chain"
[ -L "$folder/chain" ] && [ -L "$folder/link" ] && [ ! -L "$folder/target" ] || complain "no links"
holds "$folder/target"
mkdir "$folder/deep"
ln -s ../new "$folder/deep/dangling"
score "$folder/deep/dangling"
[ -L "$folder/deep/dangling" ] || complain "a dangling link is replaced"
holds "$folder/new"
ln -s loop "$folder/loop"
refuse 1 "Too many levels of symbolic links" score -q -m x --tokens-file "$work/ids" \
    --logits "$folder/loop"

# ---- hard links keep their other names, files their permissions ----
echo data >"$folder/one"
ln "$folder/one" "$folder/two"
score "$folder/one"
holds "$folder/two"
[ "$(stat -c %h "$folder/one")" = 2 ] || complain "a hard link is cut"
echo data >"$folder/kept"
chmod 640 "$folder/kept"
score "$folder/kept"
[ "$(stat -c %a "$folder/kept")" = 640 ] || complain "other permissions"
holds "$folder/kept"
(umask 027 && "$program" score -q -m x --tokens-file "$work/ids" --logits "$folder/fresh" >"$out")
[ "$(stat -c %a "$folder/fresh")" = 640 ] || complain "permissions of a new file"
echo data >"$folder/protected"
chmod 444 "$folder/protected"
refuse 1 "Permission denied" score -q -m x --tokens-file "$work/ids" --logits "$folder/protected"
[ "$(cat "$folder/protected")" = data ] || complain "a write-protected file is written"

# ---- what is no file ----
score /dev/null
[ -c /dev/null ] || complain "replaced /dev/null"
mkfifo "$folder/pipe"
timeout 60 cat "$folder/pipe" >"$work/through" &
score "$folder/pipe"
wait $!
[ -p "$folder/pipe" ] || complain "replaced a pipe"
holds "$work/through"
ln -s /dev/stdout "$folder/stdout"
for name in /dev/stdout "$folder/stdout" /dev/fd/1; do # the row, then the numbers
    score "$name"
    [ "$(head -c $bytes "$out" | wc -c)" = "$bytes" ] || complain "no row"
    tail -c +$((bytes + 1)) "$out" | grep -qx 'tokens      3' || complain "no numbers behind it"
done
[ -L /dev/stdout ] && [ -L "$folder/stdout" ] || complain "replaced /dev/stdout"
command=(score --logits /dev/stdout, to a pipe)
"$program" score -q -m x --tokens-file "$work/ids" --logits /dev/stdout | cat >"$out"
[ "$(head -n 1 "$out" | wc -c)" -ge "$bytes" ] || complain "no row in a pipe"
command=(score, beside /dev/fd/7)
"$program" score -q -m x --tokens-file "$work/ids" --logits /dev/fd/7 7>"$folder/seven" >"$out"
holds "$folder/seven"

# ---- a failure leaves what was there ----
echo data >"$folder/old"
refuse 1 "not finite" score -m broken-text --tokens-file "$work/ids" --all-logits "$folder/old"
[ "$(cat "$folder/old")" = data ] || complain "a failure changes the old file"
clean
finish
