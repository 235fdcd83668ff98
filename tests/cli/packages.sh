#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Debian packages: what they are called, need and hold, and that they work where they are unpacked.
#   packages.sh BUILD CC CPACK SOURCE
set -euo pipefail
build=$1 cc=$2 cpack=$3 source=$4
for tool in dpkg-deb dpkg-shlibdeps; do
    command -v $tool >/dev/null || { echo "no $tool: skipped"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wrong() { echo "FAILED: $1"; exit 1; }
(cd "$build" && "$cpack" -G DEB -B "$work/packages") >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
package() { # NAME: its file
    local files=("$work/packages/$1"_0.2.0_*.deb)
    [ ${#files[@]} = 1 ] && [ -e "${files[0]}" ] || wrong "no package $1"
    echo "${files[0]}"
}
needs() { # NAME PACKAGE...: each among its dependencies
    local name=$1 all
    all=", $(dpkg-deb -f "$(package "$name")" Depends),"
    for other in "${@:2}"; do
        grep -qE ", $other( \\([^)]*\\))?," <<<"$all" || wrong "$name does not depend on $other but on $all"
    done
}
needs ds-vk libvulkan1 libc6 libjansson4 libpcre2-8-0 'libmicrohttpd[0-9]+'
needs libdsvk0.2 libvulkan1 libc6 libjansson4 libpcre2-8-0
needs libdsvk-dev 'libdsvk0\.2'
for name in ds-vk libdsvk0.2 libdsvk-dev; do
    dpkg-deb -x "$(package $name)" "$work/tree"
    cmp "$source/LICENSE" "$work/tree/usr/share/doc/$name/copyright"
done
# Each file is in one package, and all that is installed is in one.
for name in ds-vk libdsvk0.2 libdsvk-dev; do
    dpkg-deb --fsys-tarfile "$(package $name)" | tar -t | grep -v '/$' | sed 's:^\./usr/::'
done | sort >"$work/packed"
[ -z "$(uniq -d "$work/packed")" ] || wrong "in two packages: $(uniq -d "$work/packed")"
cmake --install "$build" --prefix "$work/prefix" >/dev/null
(cd "$work/prefix" && find . ! -type d | sed 's:^\./::' | sort) >"$work/installed"
[ -z "$(comm -13 "$work/packed" "$work/installed")" ] ||
    wrong "in no package: $(comm -13 "$work/packed" "$work/installed" | tr '\n' ' ')"

[ "$("$work/tree/usr/bin/ds-vk" --version)" = 'ds-vk 0.2.0' ] || wrong "the program does not run"
"$work/tree/usr/bin/ds-vk" inspect | grep -qx 'architecture    deepseek_v3' || wrong "it does not find its model"
export PKG_CONFIG_PATH LD_LIBRARY_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$work/tree" -name dsvk.pc)")
LD_LIBRARY_PATH=$(pkg-config --variable=libdir dsvk)
# shellcheck disable=SC2046 # flags are words
$cc "$source/tests/api/stranger.c" $(pkg-config --cflags --libs dsvk) -o "$work/stranger"
"$work/stranger" "$work/tree/usr/share/ds-vk/demo" | grep -q '^0\.2\.0 deepseek_v3 ' || wrong "a program does not run"
