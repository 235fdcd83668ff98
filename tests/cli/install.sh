#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# An installation serves a program that finds it by pkg-config or CMake, and works wherever it is moved.
# `cmake --install` also works after tools/demo alone.
#   install.sh BUILD CC CMAKE SOURCE
set -euo pipefail
build=$1 cc=$2 cmake=$3 source=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$cmake" --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/prefix"
prefix=$work/prefix

"$prefix/bin/ds-vk" --version | grep -x 'ds-vk 0.2.0' >/dev/null
"$prefix/bin/ds-vk" inspect | grep '^architecture    deepseek_v3$' >/dev/null # the demonstration model is found
[ -e "$prefix/share/man/man1/ds-vk.1" ]
for file in bash-completion/completions/ds-vk zsh/site-functions/_ds-vk fish/vendor_completions.d/ds-vk.fish; do
    grep -q ' made by `ds-vk completion ' "$prefix/share/$file"
done
for file in LICENSE README.md CHANGELOG.md docs/licences.md; do
    cmp "$source/$file" "$prefix/share/doc/ds-vk/${file##*/}"
done

printf '#include <dsvk/dsvk.h>\n#include <stdio.h>\nint main(void)\n{\n    puts(dsvk_version());\n}\n' >"$work/main.c"
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name dsvk.pc)")
flags=$({ grep '^DSVK_SANITIZE:' "$build/CMakeCache.txt" || true; } | sed 's/.*=//; s/^./-fsanitize=&/')
$cc $flags "$work/main.c" $(pkg-config --cflags --libs dsvk) -o "$work/with-pkg-config"
library=$(pkg-config --variable=libdir dsvk)
LD_LIBRARY_PATH=$library "$work/with-pkg-config" | grep -x 0.2.0 >/dev/null
$cc $flags "$work/main.c" $(pkg-config --cflags dsvk) "$library/libdsvk.a" \
    $(pkg-config --static --libs dsvk | sed 's/-ldsvk//') -o "$work/static"
"$work/static" | grep -x 0.2.0 >/dev/null
$cc $flags "$work/main.c" $(pkg-config --cflags --libs dsvk-static) -o "$work/static"
# The archive, though the shared library is there.
if readelf -d "$work/static" | grep -q 'NEEDED.*libdsvk'; then exit 1; fi
"$work/static" | grep -x 0.2.0 >/dev/null
# Structs may grow with a minor version, so that a program asks for the one that it was built with.
readelf -d "$work/with-pkg-config" | grep -q 'NEEDED.*\[libdsvk.so.0.2\]'

printf 'cmake_minimum_required(VERSION 3.20)\nproject(user C)\nfind_package(dsvk 0.2 REQUIRED)\n
add_executable(user main.c)\ntarget_link_libraries(user dsvk::dsvk)\n
add_executable(static main.c)\ntarget_link_libraries(static dsvk::dsvk_static)\n' >"$work/CMakeLists.txt"
"$cmake" -S "$work" -B "$work/b" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_C_FLAGS="$flags" >/dev/null
"$cmake" --build "$work/b" >/dev/null
"$work/b/user" | grep -x 0.2.0 >/dev/null
"$work/b/static" | grep -x 0.2.0 >/dev/null

# A tree as tools/demo configures and builds it makes all that is installed. It is not built again here: what the
# build would make is compared with what the installation names.
if command -v ninja >/dev/null; then
    options=$(sed -n 's/^ *cmake -S . -B build \(.*\) >&2$/\1/p' "$source/tools/demo")
    [ -n "$options" ]
    grep -qx 'cmake --build build >&2' "$source/tools/demo" # no target: all
    # shellcheck disable=SC2086 # words
    "$cmake" -S "$source" -B "$work/demo" $options -DCMAKE_C_COMPILER="$cc" >/dev/null
    ninja -C "$work/demo" -t commands all >"$work/makes"
    if grep -q cmocka "$work/makes"; then exit 1; fi
    named=$(cat "$work/demo"/{,*/}cmake_install.cmake | grep -v 'include(' |
        grep -oE "\"$work/demo/[^\"\$]*\"" | tr -d '"' | sort -u)
    [ "$(wc -l <<<"$named")" -ge 6 ]
    for file in $named; do
        [ -e "$file" ] || grep -qF -e "${file##*/}" "$work/makes" || { echo "not built: $file"; exit 1; }
    done
fi
