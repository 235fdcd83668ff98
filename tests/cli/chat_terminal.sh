#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a conversation looks like on terminals of every kind, and how it is stopped.
#   chat_terminal.sh PROGRAM TYPIST
set -uo pipefail
program=$1 typist=$2
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/typing.sh"
finished() { [ "$status" = "$1" ] || complain "status $status, not $1"; }
# shown: what was written, without line ends of a terminal and escape codes
shown() { tr -d '\r' <"$out" | sed 's/\x1b\[[?0-9;]*[a-zA-Z]//g'; }
lines() { # TEXT: which stands there as it is
    [[ $(shown) == *"$1"* ]] || complain "not shown as '$1': $(shown)"
}

# ---- width ----
typed 40 chat -m words --ctx 2k <<'END'
expect >>>
type hi\r
expect end of it all
expect >>>
type /help\r
expect blank before it
expect >>>
type /stats\r
expect device memory
expect >>>
type /quit\r
wait
END
finished 0
lines 'One two-and-twenty three
  four five, supercalifragilistic six
```
for (;;) do_something_that_is_long();
```
end of it all

>>>'
typed 20 chat -q -m words --ctx 2k <<'END'
expect >>>
type hi\r
expect all
expect >>>
type /quit\r
wait
END
lines 'One two-and-twenty
three
  four five,
supercalifragilisti
c six
```
for (;;) do_something_that_is_long();
```
end of it all

>>>'
for columns in 8 12 16 22 40; do # in cells: wide signs take two, marks none
    typed $columns chat -q -m wide <<END
expect >>>
type hi\r
expect x
expect >>>
fits $columns
type /quit\r
wait
END
    finished 0
done
typed 8 chat -q -m wide <<'END'
expect >>>
type hi\r
expect x
expect >>>
type /quit\r
wait
END
lines $'\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\n\xe7\x95\x8c e\xcc\x81\xf0\x9f\x98\x80\na\xef\xbd\x81 x\n'
typed 80 chat -q -m words --ctx 2k <<'END'
expect >>>
type hi\r
expect all
expect >>>
resize 20
fits 80
type hi\r
expect supercalifragilisti
expect c six
expect all
expect >>>
type \xe4\xbd\xa0\xe5\xa5\xbd\x08\x08hi\r
expect all
type /quit\r
wait
END
finished 0

# ---- terminals ----
quit=$'expect >>>\ntype hi\\r\nexpect na\nexpect >>>\ntype /help\\r\nexpect blank before it\nexpect >>>\ntype /quit\\r\nwait'
for term in dumb ''; do
    TERM=$term typed 40 chat -m x <<<"$quit"
    finished 0
    grep -q $'\e' "$out" && complain "escape codes for TERM='$term'"
done
NO_COLOR=1 typed 40 chat -m x <<<"$quit"
finished 0
grep -q $'\e\[[0-9;]*m' "$out" && complain "colours in spite of NO_COLOR"
for term in vt100 linux xterm-256color nonsense; do
    TERM=$term typed 40 chat -m x <<<"$quit"
    finished 0
done
LC_ALL=C typed 40 chat -m echo --ctx 500 <<'END'
expect >>>
type caf\xc3\xa9\r
expect u:café|
expect >>>
type \x04
wait
END
finished 0
TERM=dumb typed 40 chat -m echo --ctx 500 <<'END'
expect >>>
type caf\xc3\xa9\r
expect u:café|
expect >>>
type a\\\r
expect ...
type b\r
expect b|
expect >>>
type \x04
wait
END
finished 0

# ---- orders in an answer ----
typed 80 chat -q -m orders <<'END'
expect >>>
type hi\r
expect é
expect >>>
type /quit\r
wait
END
lines $'a?[31mb??c      d\n\xc3\xa9\n'
grep -q $'\e\[31m\|\a\|\xc2\x9b' "$out" && complain "orders reach the terminal"

# bars are drawn only where they can be
for how in "dumb 80" "xterm 40"; do
    TERM=${how% *} typed ${how#* } chat -m drag-prompt <<'END'
expect >>>
type hi\r
expect hi
signal 15
wait
END
    finished 143
    grep -q '\[\.\.' "$out" && complain "a bar on $how"
done

# ---- stopping ----
for term in xterm dumb; do
    TERM=$term typed 60 chat -m slow --ctx 100000 <<'END'
expect >>>
type hi\r
expect x
type \x03
expect stopped
expect >>>
type again\r
expect x
type \x03
expect stopped
expect >>>
type half a line\x03
expect Ctrl-D or /quit leaves
expect >>>
type \x03
expect Ctrl-D or /quit leaves
expect >>>
type /undo\r
expect Taken back: again
expect >>>
type /undo\r
expect Taken back: hi
expect >>>
type \x04
wait
END
    finished 0
done
typed 60 chat -m drag-prompt <<'END'
expect >>>
type hi\r
expect [?2004l
type \x03
expect taken back
expect >>>
type /undo\r
expect nothing to take back
type /quit\r
wait
END
finished 0
typed 60 chat -m drag-load <<'END'
expect no GPU
type \x03
expect interrupted
wait
END
finished 130
for model in x slow; do
    typed 60 chat -m $model --ctx 100000 <<'END'
expect >>>
type hi\r
signal 15
wait
END
    finished 143
done
typed 60 chat -m x <<'END'
expect >>>
signal 20
signal 18
type hi\r
expect na
expect >>>
type /quit\r
wait
END
finished 0
finish
