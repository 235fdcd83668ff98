#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every public header compiles alone, as C11 and as C++17, without a warning.
#   headers.sh INCLUDE CC [CXX]
set -euo pipefail
include=$1
warnings=(-Wall -Wextra -Wpedantic -Werror -fsyntax-only -I "$include")
for header in "$include"/dsvk/*.h; do
    "$2" -std=c11 -Wstrict-prototypes "${warnings[@]}" -x c "$header"
    [ $# -lt 3 ] || "$3" -std=c++17 "${warnings[@]}" -x c++ "$header"
done
# A macro of the program's own keeps its meaning.
for header in "$include"/dsvk/*.h; do
    printf '#define X own\n#include "%s"\nint X(void);\nint own(void);\nint (*f)(void) = own;\n' "$header" |
        "$2" -std=c11 "${warnings[@]}" -x c -
done
