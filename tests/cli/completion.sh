#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The completion of all shells has every option of every command; that of bash and fish is asked as a person does.
#   completion.sh PROGRAM
set -uo pipefail
program=$1
fails=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wrong() { echo "FAILED: $1"; fails=1; }

commands=$("$program" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p')
options() { "$program" "$1" --help | grep -oE '^  (-., |    )--[a-z-]+' | grep -oE '\-\-[a-z-]+'; }
for shell in bash zsh fish; do
    "$program" completion $shell >"$work/$shell" || wrong "no completion for $shell"
    ! command -v $shell >/dev/null || $shell -n "$work/$shell" || wrong "$shell cannot read its completion"
done
for command in $commands; do
    in_bash=$(sed -n "/^    $command)/,/^        esac ;;/p" "$work/bash")
    in_zsh=$(sed -n "/^    $command)/,/ ;;\$/p" "$work/zsh")
    in_fish=$(grep -F "from $command'" "$work/fish")
    for option in $(options "$command"); do
        grep -qE -- "['\" ]$option['\" ]" <<<"$in_bash" || wrong "bash: $command $option"
        grep -qE -- "$option[]=}\\[]" <<<"$in_zsh" || wrong "zsh: $command $option"
        grep -qF -- " -l ${option#--} " <<<"$in_fish" || wrong "fish: $command $option"
    done
done
"$program" completion csh >/dev/null 2>&1
[ $? = 2 ] || wrong "completes in any shell"
! "$program" --help | grep -q completion || wrong "the help names it"

# An interactive shell in a folder of its own, keys as they are typed; ds-vk shows the words that it gets.
mkdir -p "$work/files/some models/v3" "$work/files/other"
touch "$work/files/text one.txt"
press() { # KEYS: the last line that ds-vk was called with
    (cd "$work/files" && printf '%s\n' "ds-vk() { printf 'GOT'; printf '<%s>' \"\$@\"; echo; }" ". '$work/bash'" "$1" |
        HOME=$work INPUTRC=/dev/null bash --norc --noprofile -i 2>/dev/null | sed -n 's/^GOT//p' | tail -n 1)
}
pressed() { # KEYS WORDS
    local got
    got=$(press "$(printf "$1")")
    [ "$got" = "$2" ] || wrong "bash: '$1' gives $got, not $2"
}
pressed 'ds-vk insp\t-- x' '<inspect><--><x>'
pressed 'ds-vk run --weights=f\t8' '<run><--weights=fp8>'
pressed 'ds-vk run --head k\tx' '<run><--head><keep><x>'
pressed 'ds-vk run --no\tx' '<run><--no-fuse><x>'
pressed 'ds-vk run --weights i\tx' '<run><--weights><int4><x>'
pressed 'ds-vk plan --like v2\tx' '<plan><--like><v2-lite><x>'
pressed 'ds-vk bench --op m\tx' '<bench><--op><matmul><x>'
pressed 'ds-vk bench --format m\tx' '<bench><--format><markdown><x>'
pressed 'ds-vk graph --format m\tx' '<graph><--format><mx>'
pressed 'ds-vk run -m so\tv\t' '<run><-m><some models/v3/>'
pressed 'ds-vk run -m te\tx' '<run><-m><tex>'
pressed 'ds-vk score --file te\tx' '<score><--file><text one.txt><x>'
pressed 'ds-vk quantize ot\tx' '<quantize><other/x>'
pressed 'ds-vk chat te\tx' '<chat><text one.txt><x>'
pressed 'ds-vk run --temp --no\tx' '<run><--temp><--nox>'
pressed 'ds-vk run --device \tx' '<run><--device><x>'

if command -v fish >/dev/null; then
    asked() { # LINE WANTED
        local got
        got=$(cd "$work/files" && HOME=$work fish --no-config -c "source '$work/fish'; complete -C '$1'" 2>/dev/null |
            cut -f 1 | sort | tr '\n' ' ')
        [ "$got" = "$2 " ] || wrong "fish: '$1' gives $got, not $2"
    }
    asked 'ds-vk insp' inspect
    asked 'ds-vk run --weights f' 'fp4 fp8'
    asked 'ds-vk run -m so' 'some models/'
    asked 'ds-vk graph --format ' 'dot json text'
fi
exit $fails
