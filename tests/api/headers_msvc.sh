#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every public header compiles alone in Microsoft's mode of clang, as C11, C++17 and C++20, without a warning: with
# clang's own headers of the language and those of Vulkan, and without any of a system's C library.
#   headers_msvc.sh INCLUDE [CLANG]
set -euo pipefail
include=$1 clang=${2:-}
[ -x "$clang" ] || { echo "skipped: clang is not there"; exit 77; }
[ -e /usr/include/vulkan/vulkan_core.h ] || { echo "skipped: no headers of Vulkan in /usr/include"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s /usr/include/vulkan /usr/include/vk_video "$work"
compile() { # OPTIONS...
    "$clang" --target=x86_64-pc-windows-msvc -fms-compatibility -fms-extensions -ffreestanding -nostdlibinc \
        -fsyntax-only -Wall -Wextra -Wpedantic -Werror -I "$include" -isystem "$work" "$@"
}
for header in "$include"/dsvk/*.h; do
    compile -x c -std=c11 "$header"
    compile -x c++ -std=c++17 "$header"
    compile -x c++ -std=c++20 "$header"
done
# It is that mode, and what it does not take is found.
printf '#include <dsvk/dsvk.h>\n#ifndef _MSC_VER\n#error no\n#endif\n' | compile -x c -
! printf '#include <unistd.h>\n' | compile -x c - 2>/dev/null || { echo "this system's headers are seen"; exit 1; }
