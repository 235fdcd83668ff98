#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# An application whose language writes a decimal comma: the language is made here, as systems seldom have one.
#   locale.sh PROGRAM
set -u
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
localedef -i de_DE -f UTF-8 "$work/de_DE.UTF-8" >"$work/out" 2>&1 ||
    { echo "no locale can be made: $(head -n 1 "$work/out")"; exit 77; }
LOCPATH=$work "$1" de_DE.UTF-8
