# SPDX-License-Identifier: MIT
# What the tests of the command line share; sourced. $program is what is tested.
fails=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$work/out err=$work/err
export XDG_CACHE_HOME=$work/cache # the user's own is left alone

complain() { # MESSAGE: with the command that it is about
    echo "FAILED: $1: ds-vk ${command[*]}"
    sed 's/^/  stdout: /' "$out" | head -n 5
    sed 's/^/  stderr: /' "$err" | head -n 5
    fails=$((fails + 1))
}

# run STATUS ARGS...: standard input is the file $input
input=/dev/null
run() {
    local want=$1 got=0
    shift
    command=("$@")
    "$program" "$@" <"$input" >"$out" 2>"$err" || got=$?
    [ "$got" = "$want" ] || complain "status $got, not $want"
}

# refuse STATUS TEXT ARGS...: nothing on standard output, one line on standard error with TEXT in it.
refuse() {
    local text=$2
    run "$1" "${@:3}"
    [ ! -s "$out" ] || complain "writes to standard output"
    [ "$(grep -c '^ds-vk: ' "$err")" = 1 ] || complain "not one line 'ds-vk: ...'"
    grep -v -e '^ds-vk: ' -e '^note: ' "$err" && complain "other lines on standard error"
    grep -qF -e "$text" "$err" || complain "does not say '$text'"
}

# prints TEXT ARGS...: exactly TEXT and a line end.
prints() {
    local text=$1
    run 0 "${@:2}"
    printf '%s\n' "$text" | cmp -s - "$out" || complain "does not print '$text'"
}

# says TEXT: in the standard error of the last run
says() { grep -qF -e "$1" "$err" || complain "does not say '$1'"; }
silent() { [ ! -s "$err" ] || complain "writes to standard error"; }

finish() {
    [ "$fails" = 0 ] || { echo "$fails failures"; exit 1; }
    echo "all as expected"
}
