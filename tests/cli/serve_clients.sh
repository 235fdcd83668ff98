#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The clients of OpenAI and Anthropic, and Codex, against the server over the library that only
# pretends. They are fetched from npm, so this is no part of the usual tests.
#   serve_clients.sh PROGRAM --full
set -uo pipefail
program=$1
. "$(dirname "$0")/expect.sh"
[ "${2-}" = --full ] || { echo "skipped: fetches packages; only with --full"; exit 77; }
for tool in node npm; do
    command -v $tool >/dev/null || { echo "skipped: there is no $tool"; exit 77; }
done
. "$(dirname "$0")/serving.sh"

cp "$(dirname "$0")"/clients{,_tools}.mjs "$work"
(cd "$work" && timeout 120 npm install --no-audit --no-fund openai @anthropic-ai/sdk @openai/codex) >"$out" 2>&1 ||
    { echo "skipped: npm does not reach its packages"; exit 77; }
start -m echo --ctx 1000
command=(clients)
node "$work/clients.mjs" "$url" >"$out" 2>"$err" || complain "the clients are not content"
stop

# tools there and back, over a model that answers what stands between [[ and ]]
start -m scripted-v31 --ctx 200000
command=(clients of tools)
node "$work/clients_tools.mjs" "$url" >"$out" 2>"$err" || complain "the clients are not content"
# Codex runs what it is told to, and what that prints is the next answer: the brackets are written
# so that they stand in the result alone.
mkdir "$work/codex" "$work/there"
cat >"$work/codex/config.toml" <<END
model = "tester"
model_provider = "here"
approval_policy = "never"
sandbox_mode = "danger-full-access"
[model_providers.here]
name = "here"
base_url = "$url/v1"
wire_api = "responses"
END
call='<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>exec_command<｜tool▁sep｜>{"cmd": "printf \"\\133\\133It works.\\135\\135\""}<｜tool▁call▁end｜>'
command=(codex)
(cd "$work/there" && CODEX_HOME=$work/codex timeout 120 "$work/node_modules/.bin/codex" exec --skip-git-repo-check \
    "[[Well:$call]]") </dev/null >"$out" 2>"$err" || complain "it fails"
[ "$(tail -n 1 "$out")" = "It works." ] || complain "the answer is another"
stop
finish
