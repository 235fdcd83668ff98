#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A conversation in turns, in a pipe and typed: what is asked, each command, files, a full context.
#   chat.sh PROGRAM TYPIST
set -uo pipefail
program=$1 typist=$2
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/typing.sh"
answer=$'na\xc3\xafve \xf0\x9f\x98\x80!'

# ---- in a pipe ----
echo hi >"$work/hi"
printf 'hi\n\nyou\n' >"$work/asked"; input=$work/asked
prints "$answer"$'\n'"$answer" chat -q -m x
silent
printf 'one\r\n/quit\n"""\nend' >"$work/asked" # neither commands nor longer questions
run 0 chat -q -m echo --ctx 4k --system S
[ "$(cut -d: -f1-3 "$out" | head -n 1)" = "s:S|u:one|" ] || complain "another first prompt"
tail -n 1 "$out" | grep -q 'u:/quit|a:.*|u:"""|a:.*|u:end|$' || complain "another last prompt"
grep -q $'\e' "$out" "$err" && complain "escape codes in a pipe"
run 0 chat -m orders # in a file what was answered stands as it is
head -n 2 "$out" | cmp -s - <(printf 'a\033[31mb\a\xc2\x9bc\td\r\n\xc3\xa9\n') || complain "another answer"
says "context"
printf 'a\0b\nhi\n' >"$work/asked"
run 1 chat -q -m x
printf '%s\n' "$answer" | cmp -s - "$out" || complain "the next question is not answered"
says "ds-vk: the question has a zero byte at 1"
printf 'a\xff\nhi\n' >"$work/asked"
run 1 chat -q -m x
says "not UTF-8"
printf '%0100d\nhi\n' 0 >"$work/asked"
run 1 chat -q -m x
says "the question has 104 tokens with all that belongs to it, and the context of 64 has no room"
printf 'hi\n' >"$work/asked"
run 1 chat -q -m lost
says "lost at submission 3"
run 1 chat -q -m lost-once # and works again
printf 'hi\nhi\n' >"$work/asked"
run 1 chat -m lost-once
says "the device was lost; making it usable again"
printf '%s\n' "$answer" | cmp -s - "$out" || complain "is not usable again"
run 0 chat -q -m x --stats
says "[6 tokens asked, 0 of them known; 13 answered"
says "of them known; 13 answered, the first after"
run 0 chat -m x -n 2
printf 'na\nna\n' | cmp -s - "$out" || complain "-n does nothing"
says "stopped at 2 tokens, as -n says"
run 0 chat -m x -n 0
: >"$work/asked"
run 0 chat -q -m x
[ ! -s "$out" ] || complain "answers nothing"
input=/dev/null
refuse 1 "base models have none: --chat-format NAME gives it one" chat -m no-chat
refuse 1 "none that is known here" chat -m odd-chat
run 0 chat -q -m no-chat --chat-format v3
refuse 1 "nothing: No such file" chat -q -m x "$work/nothing"
refuse 2 "unknown option --echo" chat --echo x
refuse 2 "unexpected argument" chat a b

input=$work/hi
prints yes chat -q -m muses # without its reasoning
prints ye chat -q -m muses --stop s --stop hmm
prints yes chat -q -m muses --stop hm --stop "s!" # reasoning has no end by it; a beginning is told at the end
printf 'hi\nyou\n' >"$work/asked"; input=$work/asked
prints $'na\xc3\xaf\nna\xc3\xaf' chat -q -m x --stop "ve "
input=$work/hi
# an interrupt ends a pipe
"$program" chat -q -m slow --ctx 100000 <"$work/hi" >"$out" 2>"$err" &
sleep 0.7
kill -INT $!
got=0
wait $! || got=$?
command=(chat -m slow, interrupted)
[ "$got" = 130 ] || complain "status $got, not 130"

# ---- a context that is full ----
printf '%s\n' aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd >"$work/asked"; input=$work/asked
run 0 chat -m x --ctx 80 --system S -n 9
says "longer than the context of 80 tokens: the model does not see its 1 oldest turn any more"
[ "$(wc -l <"$out")" = 4 ] || complain "not four answers"
run 0 chat -q -m echo --ctx 80 --system S -n 70
[ "$(sed -n 3p "$out")" = "s:S|u:cccccccccc|" ] || complain "does not keep the system message and the question"

# ---- files ----
conversation='{"messages":[{"role":"system","content":"S"},{"role":"user","content":"hi"},
    {"role":"assistant","content":"yes","reasoning_content":"hm"}],"tools":[{"type":"function"}],
    "options":{"thinking":false}}'
echo "$conversation" >"$work/talk.json"
echo more >"$work/asked"
run 0 chat -q -m echo --ctx 200 "$work/talk.json"
grep -qx 's:S|u:hi|a:yes|u:more|' "$out" || complain "does not go on with a file"
input=/dev/null
for bad in '' '{' '[' '{}' '[1]' '{"messages":1}' '{"messages":[{"role":"user"}]}' '"x"' '[{"role":1}]' \
    $'[{"role":"user","content":"\xff"}]' "$(printf '[%.0s' {1..5000})"; do
    printf '%s' "$bad" >"$work/bad.json"
    refuse 1 "" chat -q -m x "$work/bad.json"
done
truncate -s 65M "$work/big.json"
refuse 1 "65.json: " chat -q -m x "$work/65.json"
refuse 1 "68157440 bytes, more than the 67108864 of a conversation" chat -q -m x "$work/big.json"

# ---- commands ----
say() { # SCRIPT: to the model $model
    typed 100 chat -m "$model" "$@"
    [ "$status" = 0 ] || complain "status $status"
}
model=x
say <<END
expect /help lists commands
expect >>>
type hi\r
expect na
expect >>>
type /help\r
expect /retry
expect blank before it
expect >>>
type /system\r
expect There is no system message
type /system be brief\r
expect System message set
type /system\r
expect be brief
type /think\r
expect cannot be asked to think
type /nothink\r
expect come without thoughts
type /undo\r
expect Taken back: hi
type /undo\r
expect nothing to take back
type /retry\r
expect no question to ask
type two\r
expect na
expect >>>
type /retry\r
expect greedily
expect na
expect >>>
type /stats\r
expect 13 answered
expect device memory
type /hlep\r
expect There is no command /hlep, did you mean /help
type /etc/passwd\r
expect There is no command /etc/passwd
type /save\r
expect where to
type /load\r
expect which one
type /save $work/saved.json\r
expect Saved: 3 messages
type /clear\r
expect begins anew, with its system message
type /undo\r
expect nothing to take back
type /load $work/nothing.json\r
expect nothing.json: No such file
type /load $work/bad.json\r
expect malformed JSON
type /load $work/saved.json\r
expect Loaded: 3 messages
type /system -\r
expect No system message any more
type /system\r
expect There is no system message
type /save $work/again.json\r
expect Saved: 2 messages
type /save $work/no/folder.json\r
expect No such file
type /quit\r
wait
END
saved='{"messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "two"}, {"role": "assistant", "content": "na\u00efve \ud83d\ude00!"}], "options": {"thinking": false}}'
same() { # FILE JSON
    command -v python3 >/dev/null || return 0
    python3 -c 'import json, sys; sys.exit(json.load(open(sys.argv[1])) != json.loads(sys.argv[2]))' "$@" ||
        complain "another file: $(cat "$1")"
}
same "$work/saved.json" "$saved"
grep -q 'be brief' "$work/again.json" && complain "keeps the system message"
run 0 prompt fake "$work/saved.json" # which reads them, too

model=thinker-echo
say --ctx 2k "$work/talk.json" <<END
expect >>>
type more\r
expect u:more|
expect >>>
type /think\r
expect begin with thoughts
type /undo\r
expect Taken back: more
type  /x\r
expect a:yes|u: /x|+
expect >>>
type /save $work/saved.json\r
expect Saved: 5 messages
type /quit\r
wait
END
grep -q '"thinking": true' "$work/saved.json" || complain "does not save how to think"
grep -q '"reasoning_content": "hm"' "$work/saved.json" && grep -q '"type": "function"' "$work/saved.json" ||
    complain "loses what the file had"

model=muses
say <<END
expect >>>
type hi\r
expect yes
expect >>>
type /save $work/saved.json\r
expect Saved: 2 messages
type /clear\r
expect anew
type /quit\r
wait
END
printf '\e[2mhm\r\n\r\nhm\e[0m\r\n\r\nyes\r\n' >"$work/dimmed"
grep -qF "$(tr -d '\r\n' <"$work/dimmed")" <(tr -d '\r\n' <"$out") || complain "reasoning is not dimmed: $(od -c "$out")"
grep -qF '"reasoning_content": "hm\n\nhm"' "$work/saved.json" || complain "loses reasoning: $(cat "$work/saved.json")"

# ---- several lines ----
model=echo
say --ctx 2k <<END
expect >>>
type one\\\\\r
expect ...
type two\r
expect u:one
expect two|
expect >>>
type """three\r
expect ...
type \r
expect ...
type four"""\r
expect u:three
expect four|
expect >>>
type """five\r
expect ...
type \x03
expect leaves
expect >>>
type """six\r
expect ...
type \x04
expect leaves
expect >>>
type \e[200~seven\neight\tnine\n\e[201~
expect nine
type \r
expect u:seven
expect eight   nine|
expect >>>
type /save $work/saved.json\r
expect Saved: 6 messages
expect >>>
type \x04
wait
END
grep -qF '"one\ntwo"' "$work/saved.json" && grep -qF '"three\n\nfour"' "$work/saved.json" ||
    complain "other line ends: $(cat "$work/saved.json")"
grep -qF '"seven\neight\tnine' "$work/saved.json" || complain "does not take what is pasted: $(cat "$work/saved.json")"

# ---- what was typed before ----
history=$XDG_STATE_HOME/ds-vk/chat_history
[ "$(stat -c %a "$history") $(stat -c %a "${history%/*}")" = "600 700" ] || complain "others can read the history"
grep -qxF 'three\n\nfour' "$history" || complain "has no history: $(cat "$history")"
model=x
chmod 644 "$history"
say <<END
expect >>>
type \e[A\e[A\e[A
expect four
type \x15/quit\r
wait
END
[ "$(stat -c %a "$history")" = 600 ] || complain "others can read the history"
cp "$history" "$work/before"
say --no-history <<END
expect >>>
type /clear\r
expect anew
type /quit\r
wait
END
cmp -s "$history" "$work/before" || complain "keeps a history nobody wants"
seq 2500 >"$history"
say <<END
expect >>>
type /quit\r
wait
END
[ "$(wc -l <"$history") $(tail -n 2 "$history" | head -n 1)" = "1001 2500" ] || complain "does not cut a long history"
rm "$history"
mkdir "$history"
say <<END
expect >>>
type hi\r
expect the history is not kept
expect na
expect >>>
type /quit\r
wait
END
finish
