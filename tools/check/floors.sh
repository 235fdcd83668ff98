#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Who may include whom, by the rules in docs/architecture.md between <!-- floors --> and <!-- /floors -->:
# lines of four blanks, a module and the modules that it may include.   floors.sh [ROOT]
set -u
cd "${1:-$(dirname "$0")/../..}" || exit 1
declare -A allowed=()
while read -r module others; do
    allowed[${module%:}]=" ${module%:} $others "
done < <(sed -n '/<!-- floors -->/,/<!-- \/floors -->/p' docs/architecture.md |
    grep -E '^    [a-z]+:( [a-z ]*)?$')
[ ${#allowed[@]} -gt 0 ] || { echo "floors: no rules in docs/architecture.md"; exit 1; }
fails=0
wrong() { echo "$1: $2"; fails=$((fails + 1)); }
modules=$(printf '%s\n' "${!allowed[@]}" | paste -sd'|')

while IFS=: read -r file line text; do
    path=${text#*[\"<]}; path=${path%%[\">]*}
    module=${file#src/}; module=${module%%/*}; module=${module%.c}
    case $text in
        *'<'*) [[ $file == *posix.c || $file == *win32.[ch] ]] && continue
            [[ $path =~ ^(sys/|unistd|pthread|fcntl|dlfcn|windows|signal) ]] &&
                wrong "$file:$line" "<$path> belongs into a file for one operating system" ;;
        *) [[ $path == */* ]] || path=shaders/$path # what C shares with GLSL
            [[ $path =~ ^($modules)/ ]] || continue
            [ -n "${allowed[$module]:-}" ] || { wrong "$file" "no rule for module $module"; continue; }
            [[ ${allowed[$module]} == *" ${path%%/*} "* ]] ||
                wrong "$file:$line" "$module may not include $path" ;;
    esac
done < <(grep -rnE '^ *# *include' src --include='*.c' --include='*.h' || true)

# The top floor sees the public headers only.
while IFS= read -r line; do
    wrong "$line" "only <dsvk/...> is for the top floor"
done < <(grep -rnE "^ *# *include *[\"<]($modules)/" tools/ds-vk tests/api 2>/dev/null || true)

# No header includes one that includes it: tsort names those of a loop.
loops=$(grep -roE '^ *# *include *"[^"]+"' src --include='*.h' |
    sed -E 's#^src/(.*): *\# *include *"([^"]*)"#\1 \2#' | tsort 2>&1 >/dev/null | sed 1d | tr '\n' ' ')
[ -z "$loops" ] || wrong "headers in a circle" "$loops"
exit $((fails > 0))
