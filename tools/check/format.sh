#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every C file as clang-format leaves it. Versions differ in their taste, so that only the one of Debian 12 is
# asked; without it the answer is 77 (skipped).   format.sh [--fix] [ROOT]
set -euo pipefail
how=(--dry-run)
[ "${1:-}" != --fix ] || { how=(-i); shift; }
cd "${1:-$(dirname "$0")/../..}"
for tool in clang-format-14 clang-format; do
    [[ $($tool --version 2>/dev/null) != *"version 14."* ]] || break
    tool=
done
[ -n "$tool" ] || { echo "format: clang-format 14 is not installed"; exit 77; }
wrong=$(find src include shaders tools tests docs \( -name '*.c' -o -name '*.h' \) -not -path '*/corpus/*' -print0 |
    xargs -0 -n 64 -P "$(nproc)" "$tool" "${how[@]}" 2>&1 | sed -n 's/:[0-9].*should be clang-formatted.*//p' | sort -u)
[ -z "$wrong" ] || { echo "not as clang-format leaves them (tools/check/format.sh --fix):"; echo "$wrong"; exit 1; }
