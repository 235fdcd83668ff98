#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The server's page: its files and what a browser may do with them; and, where Chromium and Node
# are, the page in it.
#   serve_page.sh PROGRAM [FOLDER-FOR-PICTURES]
set -uo pipefail
program=$1
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/serving.sh"

start -m echo --ctx 1000 --alias tester
get 200 'ds-vk is running' /
get 200 '<title>ds-vk</title>' / -H 'Accept: text/html,application/xhtml+xml,*/*;q=0.8'
grep -qi "^content-security-policy: default-src 'none'; script-src 'self';" "$work/head" ||
    complain "no policy"
grep -qi '^content-type: text/html; charset=utf-8' "$work/head" || complain "no HTML"
! grep -qE '(https?:)?//[a-z]' "$out" || complain "names another place"
for file in page.css page.js stream.js text.js; do
    get 200 SPDX "/$file"
    ! grep -v '^ *//' "$out" | grep -qE 'https?://|innerHTML|eval\(' || complain "$file: not only its own"
    grep -qi '^x-content-type-options: nosniff' "$work/head" || complain "$file: no nosniff"
done
refused 405 'takes GET' /page.css '{}'
# The page of a server that is reached by its address is no stranger.
host=192.0.2.7:8080
get 200 tester /v1/models -H "Host: $host" -H "Origin: http://$host"
refused 403 allow-origin /v1/models '' -H "Host: $host" -H "Origin: http://192.0.2.8:8080"
refused 403 allow-host /v1/models '' -H "Host: evil.example" -H "Origin: http://evil.example"
echo_url=$url echo_server=$server

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -n "$chromium" ] && command -v node >/dev/null; then
    start -m slow --ctx 1000
    slow_url=$url slow_server=$server
    echo right >"$work/keys"
    start -m echo --ctx 1000 --alias tester --api-key-file "$work/keys"
    command=(page)
    key_url=$url key_server=$server
    for name in echo muses; do
        mkdir -p "$work/models/$name"
        echo '{}' >"$work/models/$name/config.json"
    done
    start --model-dir "$work/models"
    timeout 120 node "$(dirname "$0")/page.mjs" "$chromium" "$echo_url" "$slow_url" "$key_url" "$url" \
        "${2:-$work/pictures}" >"$out" 2>"$err" || complain "the page is not as it should be"
    stop
    server=$key_server
    stop
    server=$slow_server
    stop
else
    echo "without a browser: there is no chromium, or no node"
fi
server=$echo_server
stop
finish
