#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a reader should not have to look at: tabs, blanks at line ends, long lines, missing licences, dead links,
# reading lists with wrong lengths, and calls that go around the context or the host.   style.sh [ROOT]
set -u
shopt -s lastpipe # wrong() counts in this shell, not in one of a pipe
cd "${1:-$(dirname "$0")/../..}" || exit 1
export LC_ALL=C.UTF-8
fails=0
wrong() { # MESSAGE: with the places on standard input
    local places
    places=$(head -n 20)
    [ -z "$places" ] || { echo "$1:"; echo "$places" | sed 's/^/    /'; fails=1; }
}
mapfile -t files < <({ git ls-files -co --exclude-standard 2>/dev/null || find . -type f | sed 's#^\./##'; } |
    grep -vE '^(models/|build|LICENSE|\.git/)|\.(json|jsonl|safetensors|spv|bin|txt|png)$|(^|/)corpus/')
mapfile -t text < <(grep -Ils . "${files[@]}")
mapfile -t code < <(printf '%s\n' "${text[@]}" | grep -E '\.(c|h|comp|glsl)$')
mapfile -t prose < <(printf '%s\n' "${text[@]}" | grep -E '\.md$' | grep -vE '(^|/)CHANGELOG\.md$')
mapfile -t licensed < <(printf '%s\n' "${text[@]}" |
    grep -E '\.(c|h|comp|glsl|sh|cmake|def)$|CMakeLists\.txt$|^tools/[^/.]*$|^\.ci/run$')

grep -nP '\t' "${text[@]}" /dev/null | wrong "tabs"
grep -nP '[ \r]$' "${text[@]}" /dev/null | wrong "blanks at line ends"
perl -0777 -ne 'print "$ARGV\n" unless /\n\z/' "${text[@]}" | wrong "no line end at the end"
awk 'FNR <= 3 && /SPDX-License-Identifier: MIT/ { has[FILENAME] }
    END { for (i = 1; i < ARGC; i++) if (!(ARGV[i] in has)) print ARGV[i] }' "${licensed[@]}" | wrong "no SPDX line"
grep -nE '^.{101,}' "${code[@]}" /dev/null | cut -c -90 | wrong "lines longer than 100 columns"
# The rows of a table cannot be broken; a changelog's lines are entries.
grep -nE '^[^|].{120,}' "${prose[@]}" /dev/null | cut -c -90 | wrong "text wider than 120 columns"
grep -noE '\]\([^)]+\)' "${prose[@]}" /dev/null | while IFS=: read -r file line link; do
    link=${link#*(} link=${link%)} link=${link%%#*}
    case $link in '' | *:*) continue ;; esac
    [ -e "$(dirname "$file")/$link" ] || echo "$file:$line: $link"
done | wrong "dead links"
# A reading list names lengths, within a fifth: | N lines | [text](file) | ... |
grep -nE '^\| [0-9]+ lines \| \[' "${prose[@]}" /dev/null | while IFS=: read -r file line row; do
    said=${row#| } said=${said%% *} link=${row#*](} link=${link%%)*}
    [ -f "$(dirname "$file")/$link" ] || continue # a dead link, told above
    is=$(wc -l <"$(dirname "$file")/$link")
    [ $((is * 5)) -ge $((said * 4)) ] && [ $((is * 5)) -le $((said * 6)) ] ||
        echo "$file:$line: $link has $is lines, not $said"
done | wrong "lengths in a reading list"
banned='malloc|calloc|realloc|free|printf|fprintf|puts|getenv|exit|abort|strcpy|strcat|sprintf|atoi|system'
banned+='|fopen|fread|fwrite|fputc|rename|remove|mkdir|unlink|rmdir'
grep -rnE "(^|[^A-Za-z0-9_.>])($banned)\(" src --include='*.c' --include='*.h' |
    grep -vE '^src/(base|os)/|^[^:]+:[0-9]+: *(/?\*|//)' | wrong "calls that belong into base or os"
grep -rnE '%[-+#0]*[0-9]*(\.[0-9*]+)?[fFgGeE]' src --include='*.c' --include='*.h' |
    grep -vE '%\.0f|^src/base/text\.c:|^[^:]+:[0-9]+: *(/?\*|//)' | wrong "numbers with the application's decimal sign (dv_text_fixed)"
grep -nE 'T[O]DO|F[I]XME' "${code[@]}" /dev/null | wrong "open ends"
exit $fails
