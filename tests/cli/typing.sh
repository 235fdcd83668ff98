# SPDX-License-Identifier: MIT
# A person at a terminal; sourced behind expect.sh. $typist types.
export XDG_STATE_HOME=$work/state TERM=xterm HOME=$work
unset NO_COLOR

# typed COLUMNS ARGS... <SCRIPT: all that was written, is in $out; $status is the program's.
typed() {
    local columns=$1
    shift
    command=("$@")
    status=0
    "$typist" "$out" "$columns" "$program" "$@" 2>"$err" || status=$?
    [ "$status" != 99 ] || complain "not as typed: $(cat "$err")"
}
