# SPDX-License-Identifier: MIT
# What the tests of the server share; sourced behind expect.sh.
command -v curl >/dev/null || { echo "skipped: there is no curl"; exit 77; }
unset DSVK_API_KEY http_proxy https_proxy

# start ARGS...: on a port that is free; $url is where, and all but a model that drags is ready.
start() {
    command=(serve "$@")
    : >"$work/serve.out" # here: the server's own shell may come to it late, and find a former address
    "$program" serve --port 0 "$@" </dev/null >"$work/serve.out" 2>"$work/serve.err" &
    server=$!
    for _ in $(seq 1000); do
        [ ! -s "$work/serve.out" ] || break
        kill -0 "$server" 2>/dev/null || break
        sleep 0.02
    done
    url=$(head -n 1 "$work/serve.out")
    [ -n "$url" ] || { complain "does not start"; cat "$work/serve.err"; finish; }
    [[ $* == *drag-load* ]] || eventually '{"status":"ok"'
}

# stop [STATUS]: as a service manager does it
stop() {
    local got=0
    kill -TERM "$server"
    wait "$server" || got=$?
    command=(serve, stopped)
    [ "$got" = "${1-0}" ] || { complain "status $got, not ${1-0}"; cat "$work/serve.err"; }
}

# request STATUS TEXT CURL-ARGS... PATH: the reply, in $out, has the text; its head is in $work/head.
request() {
    local got want=$1 text=$2 path=${*: -1}
    command=(serve: "${@:3}")
    got=$(curl -sN --max-time "${patience-20}" --path-as-is -D "$work/head" -o "$out" -w '%{http_code}' \
        "${@:3:$#-3}" "$url$path" 2>"$err")
    [ "$got" = "$want" ] || complain "status $got, not $want"
    [ -z "$text" ] || grep -qF -e "$text" "$out" || complain "has no '$text'"
}
get() { request "$1" "$2" "${@:4}" "$3"; }                              # STATUS TEXT PATH CURL-ARGS...
post() { request "$1" "$2" "${@:5}" -X POST --data-binary "$4" "$3"; } # STATUS TEXT PATH BODY CURL-ARGS...
# refused STATUS TEXT PATH [BODY CURL-ARGS...]: with an error of OpenAI's form
refused() {
    if [ $# -gt 3 ]; then post "$@"; else get "$@"; fi
    [ "$(head -c 21 "$out")" = '{"error":{"message":"' ] || complain "has no error of the usual form"
}
has() { for text in "$@"; do grep -qF -e "$text" "$out" || complain "has no '$text'"; done; }
has_not() { ! grep -qF -e "$1" "$out" || complain "has '$1'"; }
events() { # WORD...: the types of the events in $out, in this order, equal neighbours once
    local got
    got=$(sed -n 's/^event: //p' "$out" | uniq | tr '\n' ' ')
    [ "$got" = "$* " ] || complain "the events are $got"
}
# eventually TEXT: /health says so within 20 seconds
eventually() {
    for _ in $(seq 400); do
        [[ $(curl -s --max-time 5 "$url/health") == *"$1"* ]] && return
        sleep 0.05
    done
    complain "/health does not come to say $1"
}
# raw BYTES: whatever is answered, in $out
raw() {
    local port=${url##*:}
    command=(serve: raw)
    exec 9<>"/dev/tcp/127.0.0.1/$port"
    (trap '' PIPE; printf '%b' "$1" >&9) 2>/dev/null # the server may have refused it before its end
    timeout 1 cat <&9 >"$out"
    exec 9>&-
}
