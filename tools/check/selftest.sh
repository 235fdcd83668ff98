#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Plants one violation after the other into a small tree and expects each checker to find it.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
fails=0

plant() { # FILE TEXT: into a fresh tree that has no fault
    rm -rf "${tree:?}"/*
    mkdir -p "$tree"/{docs,src/base,src/vk,tools/ds-vk,tests/api,include,shaders}
    printf '<!-- floors -->\n    shaders:\n    base:\n    vk: base\n<!-- /floors -->\n' >"$tree/docs/architecture.md"
    printf '/* SPDX-License-Identifier: MIT */\n' | tee "$tree"/src/{base,vk}/a.{c,h} >/dev/null
    printf '/* SPDX-License-Identifier: MIT */\n%b' "$2" >"$tree/$1"
}
find_it() { # CHECKER TEXT
    local out
    out=$("$here/$1.sh" "$tree" 2>&1) && { echo "$1 misses: $2"; fails=1; }
    grep -qF -e "$2" <<<"$out" || { echo "$1 does not say '$2' but: $out"; fails=1; }
}
pass() { "$here/$1.sh" "$tree" >/dev/null 2>&1 || { echo "$1 complains of nothing"; fails=1; }; }

plant src/vk/b.c '#include "base/a.h"\n#include "vk/a.h"\n#include <string.h>\n'
pass floors; pass style; pass metrics
plant docs/architecture.md '';                       find_it floors "no rules in docs"
plant src/base/b.c '#include "vk/a.h"\n';            find_it floors "base may not include vk/a.h"
plant src/vk/b.c '#include <unistd.h>\n';            find_it floors "one operating system"
plant src/vk/b.c '#include "args.h"\n';              find_it floors "vk may not include shaders/args.h"
plant src/api.c '#include "vk/a.h"\n';               find_it floors "no rule for module api"
plant tools/ds-vk/b.c '#include "vk/a.h"\n';         find_it floors "top floor"
plant src/vk/a.h '#include "vk/b.h"\n'
printf '#include "vk/a.h"\n' >"$tree/src/vk/b.h";    find_it floors "headers in a circle"
plant src/vk/b.c 'int  x;\n'; cp "$here/../../.clang-format" "$tree"
"$here/format.sh" "$tree" >/dev/null 2>&1; case $? in
    0) echo "format complains of nothing"; fails=1 ;;
    77) ;;
    *) "$here/format.sh" --fix "$tree" && pass format ;;
esac
plant src/vk/b.c '\tint x;\n';                       find_it style "tabs"
plant src/vk/b.c 'int x; \n';                        find_it style "blanks at line ends"
plant src/vk/b.c 'int x;';                           find_it style "no line end"
plant src/vk/b.c "int $(printf 'x%.0s' {1..100});\n"; find_it style "longer than 100"
prose() { # TEXT: a page with it
    plant src/vk/b.c ''
    printf '%b' "$1" >"$tree/docs/a.md"
}
prose "$(printf 'x%.0s' {1..121})\n";                 find_it style "wider than 120"
prose "$(printf 'x%.0s' {1..120})\n";                 pass style
prose "| $(printf 'x%.0s' {1..130}) |\n";             pass style
prose "$(printf 'x%.0s' {1..130})\n"; mv "$tree/docs/a.md" "$tree/CHANGELOG.md"; pass style
prose 'See [a](architecture.md), [b](none.md).\n';     find_it style "docs/a.md:1: none.md"
prose '[a](architecture.md#x) [b](https://none.md) [c](../src/vk/a.c) [d](#x)\n'; pass style
prose '![a](none.svg)\n';                              find_it style "dead links"
prose '| 6 lines | [a](architecture.md) | five |\n';      pass style
prose '| 7 lines | [a](architecture.md) | five |\n';      find_it style "architecture.md has 5 lines, not 7"
prose '| 4 lines | [a](architecture.md) | five |\n';      find_it style "lengths in a reading list"
plant src/vk/b.c '    p = malloc(3);\n';             find_it style "belong into base or os"
plant src/base/b.c '    p = malloc(3);\n';           pass style
plant src/vk/b.c '    f = fopen(name, mode);\n';     find_it style "belong into base or os"
plant src/vk/b.c '    rename(from, to);\n';          find_it style "belong into base or os"
plant src/vk/b.c '    dv_free(3); /* T''ODO */\n';   find_it style "open ends"
plant src/vk/b.c ''; echo 'int x;' >"$tree/src/vk/b.c"; find_it style "no SPDX line"
lines() { # N: that many empty ones
    printf '\\n%.0s' $(seq "$1")
}
plant src/vk/b.c "/* b */\n$(lines 349)";               find_it metrics "file src/vk/b.c has 351 lines"
plant src/vk/b.c "/* b */\n$(lines 348)";               pass metrics
plant shaders/b.comp "/* b */\n$(lines 249)";           find_it metrics "file shaders/b.comp has 251 lines"
plant src/vk/b.c "$(lines 60)";                          find_it metrics "head src/vk/b.c"
plant src/vk/b.c "$(lines 59)";                          pass metrics
plant src/vk/b.c "int f(int x)\n{\n$(lines 39)}\n";      find_it metrics "function src/vk/b.c:f has 41 lines"
plant src/vk/b.c "int f(int x)\n{\n$(lines 38)}\n";      pass metrics
plant src/vk/b.c 'int f(int a, int b, int c,\n      int d, int e, int f, int g)\n{\n}\n'
find_it metrics "parameters src/vk/b.c:f takes 7"
plant src/vk/b.c 'int f(int a, int b, int c, int d, int (*e)(int, int), int f)\n{\n}\n'; pass metrics
excepted() { # EXCEPTION TEXT: what metrics says of the tree with it
    local out
    out=$("$here/metrics.sh" "$tree" "$1" 2>&1)
    [[ -z $2 && $? == 0 || -n $2 && $out == *"$2"* ]] || { echo "metrics does not say '$2' of '$1' but: $out"; fails=1; }
}
excepted "file src/vk/b.c as a trial" '"file src/vk/b.c" is within its limit now: take its line out'
excepted "file src/vk/b.c" "exception without a reason"
plant src/vk/b.c "/* b */\n$(lines 349)"
excepted "file src/vk/b.c as a trial" ""

# Of a call that no include shows.
link_up() { # RULES CALLER CALLED
    mkdir -p "$tree"/objects/src/{base,vk} "$tree/docs"
    printf '<!-- floors -->\n%b<!-- /floors -->\n' "$1" >"$tree/docs/architecture.md"
    echo "int dv_called(void); int dv_called(void) { return 1; }" | cc -xc -c - -o "$tree/objects/src/$3/b.c.o"
    echo "int dv_called(void); int dv_caller(void); int dv_caller(void) { return dv_called(); }" |
        cc -xc -c - -o "$tree/objects/src/$2/a.c.o"
    out=$("$here/links.sh" "$tree" "$tree/objects" 2>&1)
    local code=$?
    rm -r "$tree/objects"
    return $code
}
link_up '    base:\n    vk: base\n' vk base || { echo "links complains of nothing: $out"; fails=1; }
link_up '    base:\n    vk: base\n' base vk && { echo "links misses a call upwards"; fails=1; }
[[ $out == *"src/base/a.c: base may not use dv_called of vk"* ]] || { echo "links says: $out"; fails=1; }
link_up '    base: vk\n    vk: base\n' vk base && { echo "links misses a circle of rules"; fails=1; }
[[ $out == *"base names vk too early"* ]] || { echo "links says: $out"; fails=1; }
exit $fails
