#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The scripts that people start tell what they do, and tools/install-deps asks for what is missing and no more. Apt is
# played by scripts: nothing is installed.
#   scripts.sh TOOLS
set -uo pipefail
tools=$1
fails=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wrong() { echo "FAILED: $1"; fails=1; }

for tool in demo install-deps package prebuilt vendors test windows; do
    text=$("$tools/$tool" --help 2>/dev/null) || wrong "$tool --help fails"
    grep -q "tools/$tool" <<<"$text" || wrong "$tool --help does not say how it is called"
    ! grep -q 'set -' <<<"$text" || wrong "$tool --help shows code"
done
"$tools/install-deps" --nothing >/dev/null 2>&1
[ $? = 2 ] || wrong "install-deps takes any option"

# dpkg knows the packages of $work/there; apt-get notes what it is asked for.
mkdir "$work/bin"
play() { # NAME: its script comes from standard input
    { echo '#!/bin/bash'; cat; } >"$work/bin/$1"
    chmod +x "$work/bin/$1"
}
play dpkg <<<"grep -qx -- \"\$2\" '$work/there' && echo 'Status: install ok installed'"
play apt-get <<<"echo \"\$*\" >>'$work/asked'; [ ! -e '$work/broken' ] || [[ \"\$*\" != *' -t '* ]]"
play apt-cache <<<"cat '$work/versions'"
play sudo <<<'exec "$@"'
install_deps() { # THERE ARGUMENTS...: what apt-get was asked to install
    tr ' ' '\n' <<<"$1" >"$work/there"
    : >"$work/asked"
    PATH=$work/bin:$PATH "$tools/install-deps" "${@:2}" 2>/dev/null || wrong "install-deps fails"
    sed -n 's/.*--no-install-recommends //p' "$work/asked"
}
build='build-essential cmake ninja-build pkg-config glslang-tools spirv-tools libvulkan-dev libvulkan-volk-dev'
build+=' libvulkan1 libjansson-dev libedit-dev libmicrohttpd-dev libpcre2-dev'
: >"$work/versions"
[ -z "$(install_deps "$build mesa-vulkan-drivers" --demo)" ] || wrong "the demonstration wants packages of tests"
[ "$(install_deps "$build mesa-vulkan-drivers")" = "vulkan-validationlayers libcmocka-dev clang-format curl" ] ||
    wrong "tests want other packages"
[ "$(install_deps "$build" --demo)" = mesa-vulkan-drivers ] || wrong "no Mesa"

# Backports count where apt has them, for a Mesa that is missing only.
cat >"$work/versions" <<'END'
mesa-vulkan-drivers | 25.0.7-2~bpo12+1 | http://mirror/debian bookworm-backports/main amd64 Packages
mesa-vulkan-drivers | 22.3.6-1+deb12u1 | http://mirror/debian bookworm/main amd64 Packages
END
young='-t bookworm-backports mesa-vulkan-drivers'
[ "$(install_deps "$build" --demo | head -n 1)" = "$young" ] || wrong "Mesa is not that of backports"
[ "$(install_deps "${build% *} mesa-vulkan-drivers" --demo)" = libpcre2-dev ] || wrong "a Mesa is replaced"
touch "$work/broken"
[ "$(install_deps "$build" --demo)" = "$young"$'\nmesa-vulkan-drivers' ] ||
    wrong "no other Mesa when that of backports cannot be installed"
exit $fails
