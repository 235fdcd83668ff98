#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What README and docs show is what the tools print: rows of cards, and the plots.   tools.sh PROGRAM ROOT
set -uo pipefail
program=$1 root=$2
fails=0
wrong() { echo "FAILED: $1"; fails=1; }

# The smallest model alone: the plan of a large one takes seconds.
rows=$("$root/tools/cards" -p "$program" v2-lite:keep v2-lite:fp8 v2-lite:int4) || wrong "cards fails"
[ "$(wc -l <<<"$rows")" = 5 ] || wrong "cards prints not two lines of head and three rows: $rows"
kept=$(sed -n '/^<!-- tools\/cards -->/,/^<!-- \/tools\/cards -->/p' "$root/README.md")
while read -r row; do
    grep -qxF -e "$row" <<<"$kept" || wrong "README.md lacks: $row"
done <<<"$rows"
"$root/tools/cards" -p "$program" nosuch:keep >/dev/null 2>&1 && wrong "cards takes an unknown shape"

for points in "$root"/docs/pictures/*.txt; do
    "$root/tools/plot" "$points" | cmp - "${points%.txt}.svg" || wrong "${points%.txt}.svg is not what tools/plot draws"
done
point() { # [-t TEST] FILE: the points of what plot draws of it
    "$root/tools/plot" "$@" | grep -o 'points="[^"]*"'
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/bench.json" <<'JSON'
{
  "device": "A & B",
  "results": [
    {
      "test": "prefill",
      "tokens": 16,
      "depth": 0,
      "median": 900.0,
      "min": 900.0
    },
    {
      "test": "prefill",
      "tokens": 2048,
      "depth": 0,
      "median": 1000.0,
      "min": 900.0
    },
    {
      "test": "prefill",
      "tokens": 16,
      "depth": 100,
      "median": 500.0,
      "min": 400.0
    },
    {
      "test": "decode",
      "tokens": 8,
      "depth": 0,
      "median": 50.0,
      "min": 49.0
    },
    {
      "test": "decode",
      "tokens": 8,
      "depth": 100,
      "median": 25.5,
      "min": 25.0
    }
  ]
}
JSON
printf 'series A & B\n0 50\n100 25.5\n' >"$folder/lines.txt"
[ "$(point "$folder/bench.json")" = 'points="60.0,78.3 560.0,172.2"' ] ||
    wrong "plot of a benchmark: $(point "$folder/bench.json")"
cmp <("$root/tools/plot" "$folder/bench.json") <("$root/tools/plot" "$folder/lines.txt") || wrong "two forms, two plots"
printf 'title prefilled tokens/s\nseries A & B, 16 tokens\n0 900\n100 500\nseries A & B, 2,048 tokens\n0 1000\n' \
    >"$folder/prefill.txt"
cmp <("$root/tools/plot" -t prefill "$folder/bench.json") <("$root/tools/plot" "$folder/prefill.txt") ||
    wrong "two forms of a prefill, two plots"
"$root/tools/plot" -t decode-sampled "$folder/bench.json" >/dev/null 2>&1 && wrong "plot draws what was not measured"
"$root/tools/plot" -t score "$folder/bench.json" >/dev/null 2>&1 && wrong "plot takes an unknown test"
"$root/tools/plot" "$folder/bench.json" | grep -qF '>A &amp; B<' || wrong "plot writes a name as it is"
for bad in 'series x\n1 2 3\n' '1 2\n' 'series x\n' ''; do
    printf "$bad" >"$folder/bad.txt"
    "$root/tools/plot" "$folder/bad.txt" >/dev/null 2>&1 && wrong "plot takes '$bad'"
done
"$root/tools/plot" "$folder/none" >/dev/null 2>&1 && wrong "plot takes a file that is not there"
exit $fails
