#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The clients of OpenAI and Anthropic against the server over the library that only pretends. They
# are fetched from npm, so this is no part of the usual tests.
#   serve_clients.sh PROGRAM --full
set -uo pipefail
program=$1
. "$(dirname "$0")/expect.sh"
[ "${2-}" = --full ] || { echo "skipped: fetches packages; only with --full"; exit 77; }
for tool in node npm curl; do
    command -v $tool >/dev/null || { echo "skipped: there is no $tool"; exit 77; }
done
unset DSVK_API_KEY
. "$(dirname "$0")/serving.sh"

cp "$(dirname "$0")/clients.mjs" "$work"
(cd "$work" && timeout 120 npm install --no-audit --no-fund openai @anthropic-ai/sdk) >"$out" 2>&1 ||
    { echo "skipped: npm does not reach its packages"; exit 77; }
start -m echo --ctx 1000
command=(clients)
node "$work/clients.mjs" "$url" >"$out" 2>"$err" || complain "the clients are not content"
stop
finish
