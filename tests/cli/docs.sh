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
listed=$(sed -n 's/^COMMAND([A-Z]*, \([a-z]*\),.*/\1/p' "$docs/../tools/ds-vk/commands.def" | sort)
[ -n "$listed" ] && [ "$commands" = "$listed" ] || wrong "the help lists not the commands of commands.def"
all=$(for c in $commands; do options "$c"; done | sort -u)

man=$(sed 's/\\-/-/g' "$docs/man/ds-vk.1")
in_man=$(grep -oE '^\.B[IR]? .*' <<<"$man" | grep -oE '\-\-[a-z-]+' | sort -u | grep -vxE -e "--(version|max-tokens|n-predict|temperature|ctx-size|system-prompt)")
[ "$all" = "$in_man" ] || wrong "help and man page differ: $(diff <(echo "$all") <(echo "$in_man"))"
in_man=$(sed -n 's/^\.SS ds-vk \([a-z]*\).*/\1/p' <<<"$man" | sort)
[ "$commands" = "$in_man" ] || wrong "commands in help and man page differ"
for c in $commands; do
    synopsis=$(sed -n "/^\.B ds-vk $c\$/,/^\.\(HP\|hy\)/p" <<<"$man")
    for option in $(options "$c" | grep -vxE -e '--(quiet|verbose|help)'); do
        grep -qF -- "$option\\fR" <<<"$synopsis" || wrong "the synopsis of $c lacks $option"
    done
done
for section in FILES ENVIRONMENT "EXIT STATUS" EXAMPLES BUGS "SEE ALSO"; do
    grep -qx "\.SH $section" <<<"$man" || wrong "no section $section"
done
if command -v man >/dev/null; then
    long=$(LC_ALL=C.UTF-8 MANWIDTH=80 man -l "$docs/man/ds-vk.1" 2>/dev/null | LC_ALL=C.UTF-8 awk 'length > 80')
    [ -z "$long" ] || wrong "wider than 80 columns: $long"
fi
if command -v man >/dev/null && [ -n "$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l "$docs/man/ds-vk.1" 2>&1 >/dev/null)" ]; then
    wrong "man complains of the page"
fi
exit $fails
