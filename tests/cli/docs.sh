#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The man page names every command and option, and no other.
#   docs.sh PROGRAM DOCS
set -uo pipefail
program=$1 docs=$2
fails=0
wrong() { echo "FAILED: $1"; fails=1; }

commands=$("$program" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p' | sort)
options() { "$program" "$1" --help | grep -oE '^  (-., |    )--[a-z-]+' | grep -oE '\-\-[a-z-]+' | sort; }
[ "$(wc -l <<<"$commands")" = 9 ] || wrong "the help lists not nine commands"
all=$(for c in $commands; do options "$c"; done | sort -u)

man=$(sed 's/\\-/-/g' "$docs/man/ds-vk.1")
in_man=$(grep -oE '^\.B[IR]? .*' <<<"$man" | grep -oE '\-\-[a-z-]+' | sort -u | grep -vxE -e "--(version|max-tokens|n-predict|temperature|ctx-size|system-prompt)")
[ "$all" = "$in_man" ] || wrong "help and man page differ: $(diff <(echo "$all") <(echo "$in_man"))"
in_man=$(sed -n 's/^\.SS ds-vk \([a-z]*\).*/\1/p' <<<"$man" | sort)
[ "$commands" = "$in_man" ] || wrong "commands in help and man page differ"
if command -v man >/dev/null && [ -n "$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l "$docs/man/ds-vk.1" 2>&1 >/dev/null)" ]; then
    wrong "man complains of the page"
fi
exit $fails
