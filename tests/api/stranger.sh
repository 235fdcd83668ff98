#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A project outside of the tree that knows only what `cmake --install` leaves: by pkg-config and CMake, shared and
# static, in C11, C++17, C++20 and Python; what its programs take from others; and, where the repository is, programs
# of the headers before 0.2 with the library of now.
#   stranger.sh BUILD CC CXX CMAKE SOURCE          all of it
#   stranger.sh --abi BUILD CC SOURCE              the last alone
# shellcheck disable=SC2046 # flags are words
set -euo pipefail
first=0e1a685 # the headers that 0.2 began with
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wrong() { echo "FAILED: $1"; exit 1; }
here=$(cd "$(dirname "$0")" && pwd)

# ---- old headers, new library ----

# Types of the headers that have a size: structs and enums.
types() { cat "$1"/dsvk/*.h | sed -n 's/^} \(dsvk_[a-z_]*\);$/\1/p; s/^typedef enum {.*} \(dsvk_[a-z_]*\);$/\1/p' | sort -u; }
sizes() { # HEADERS TYPE...: what a compiler says
    { printf '#include <dsvk/dsvk.h>\n#include <stdio.h>\n'
      cat <<<'#define SIZE(type) printf("%s %zu\n", #type, sizeof(type));'
      echo 'int main(void) {'
      printf 'SIZE(%s)\n' "${@:2}"
      echo '}'; } >"$work/sizes.c"
    $cc -I"$1" "$work/sizes.c" -o "$work/sizes" && "$work/sizes"
}
abi() { # LIBRARY SOURCE
    local library=$1 source=$2 listed
    git -C "$source" cat-file -e $first:include/dsvk/dsvk.h 2>/dev/null ||
        { echo "no repository with $first: its headers are not tried"; return; }
    git -C "$source" archive $first include | tar -x -C "$work"
    mv "$work/include" "$work/old"
    # Structs of vulkan.h need its header, and are no others than those of then either.
    rm "$work/old/dsvk/vulkan.h"
    mapfile -t listed < <(types "$work/old")
    [ ${#listed[@]} -ge 30 ] || wrong "only ${#listed[@]} types are found in the headers of $first"
    sizes "$work/old" "${listed[@]}" >"$work/then"
    sizes "$source/include" "${listed[@]}" >"$work/now"
    cmp "$work/then" "$work/now" || wrong "sizes differ from those of $first: $(diff "$work/then" "$work/now")"
    $cc -std=c11 -I"$work/old" "$here/stranger.c" "$library" -Wl,-rpath,"$(dirname "$library")" -o "$work/program"
    "$work/program" "$source/models/demo" | grep -q ' deepseek_v3 4 layers ' || wrong "a program of $first does not run"
    cat "$work"/old/dsvk/*.h | tr '\n' ' ' | grep -oE 'DSVK_API [^;{]*\(' | grep -oE 'dsvk_[a-z_]+ ?\(' |
        tr -d ' (' | sort -u >"$work/wanted"
    nm -D --defined-only "$library" | sed -n 's/.* T \(dsvk_[a-z_]*\).*/\1/p' | sort -u >"$work/there"
    [ "$(wc -l <"$work/wanted")" -ge 60 ] || wrong "the headers of $first are not understood"
    listed=("$(comm -23 "$work/wanted" "$work/there" | tr '\n' ' ')")
    [ -z "${listed[0]}" ] || wrong "functions of $first are gone: ${listed[0]}"
    echo "$(wc -l <"$work/now") types and $(wc -l <"$work/wanted") functions of $first are as they were"
}
if [ "${1:-}" = --abi ]; then
    cc=$3
    abi "$2/libdsvk.so" "$4"
    exit
fi

# ---- what is installed ----

build=$1 cc=$2 cxx=$3 cmake=$4 source=$5
"$cmake" --install "$build" --prefix "$work/prefix" >/dev/null
demo=$work/prefix/share/ds-vk/demo
cp "$here/stranger.c" "$work/stranger.c"
cp "$here/stranger.c" "$work/stranger.cpp"
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$work/prefix" -name dsvk.pc)")
library=$(pkg-config --variable=libdir dsvk)
export LD_LIBRARY_PATH=$library
flags=(-Wall -Wextra -Wpedantic -Werror)
answers() { # PROGRAM
    [ "$("$1" "$demo")" = '0.2.0 deepseek_v3 4 layers 7 tokens fits' ] || wrong "$1 says: $("$1" "$demo")"
}
takes() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v '^ld-linux' | sort | tr '\n' ' '; }

$cc -std=c11 "${flags[@]}" "$work/stranger.c" $(pkg-config --cflags --libs dsvk) -o "$work/c11"
$cc -std=c11 "${flags[@]}" "$work/stranger.c" $(pkg-config --cflags --libs dsvk-static) -o "$work/c11-static"
answers "$work/c11"
answers "$work/c11-static"
[ "$(takes "$work/c11")" = 'libc.so.6 libdsvk.so.0.2 ' ] || wrong "c11 takes $(takes "$work/c11")"
[ "$(takes "$work/c11-static")" = 'libc.so.6 libjansson.so.4 libm.so.6 libpcre2-8.so.0 ' ] ||
    wrong "c11-static takes $(takes "$work/c11-static")"
for standard in 17 20; do
    "$cxx" -std=c++$standard "${flags[@]}" "$work/stranger.cpp" $(pkg-config --cflags --libs dsvk) -o "$work/cxx"
    answers "$work/cxx"
    "$cxx" -std=c++$standard "${flags[@]}" -pthread $(pkg-config --cflags dsvk) -c -o "$work/threads.o" \
        "$work/prefix/share/doc/ds-vk/examples/threads.cpp"
done
# All that a program takes of the library has the version of its symbols, and it takes nothing but functions of the
# headers; the library takes nothing that prints or ends the process.
nm -D "$work/c11" | grep -q 'U dsvk_model_open@DSVK_0.2$' || wrong "symbols have no version: $(nm -D "$work/c11")"
if nm -D --undefined-only "$library/libdsvk.so" | grep -wE '(printf|puts|putchar|abort|exit|_exit|getenv)(@.*)?$'; then
    wrong "the library prints, exits or reads the environment"
fi
size=$(stat -L -c %s "$library/libdsvk.so")
[ "$size" -lt $((4 << 20)) ] || wrong "the library has $size bytes, more than 4 MiB"

mkdir "$work/project"
cp "$work"/stranger.c* "$work/project"
cat >"$work/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.20)
project(stranger C CXX)
find_package(dsvk 0.2 REQUIRED)
foreach(kind c cpp)
    add_executable(shared-${kind} stranger.${kind})
    target_link_libraries(shared-${kind} dsvk::dsvk)
    add_executable(static-${kind} stranger.${kind})
    target_link_libraries(static-${kind} dsvk::dsvk_static)
endforeach()
END
"$cmake" -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_CXX_COMPILER="$cxx" >/dev/null
"$cmake" --build "$work/project/build" >/dev/null
for program in "$work"/project/build/{shared,static}-{c,cpp}; do
    answers "$program"
done
sed -i 's/find_package(dsvk 0.2/find_package(dsvk 0.1/' "$work/project/CMakeLists.txt"
if "$cmake" -S "$work/project" -B "$work/project/other" -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null 2>&1; then
    wrong "a project that asks for 0.1 gets 0.2"
fi

if command -v python3 >/dev/null; then
    said=$(PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$work/prefix/share/doc/ds-vk/examples python3 -c '
import sys, dsvk
model = dsvk.Model(sys.argv[1])
print(dsvk.lib.dsvk_version().decode(), len(model.chat([{"role": "user", "content": "What is MLA?"}])),
      model.plan(memory_limit=1 << 30).fits)' "$demo")
    [ "$said" = '0.2.0 7 True' ] || wrong "Python says: $said"
fi
abi "$library/libdsvk.so" "$source"
