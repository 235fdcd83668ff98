#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What tools/cost reads from pieces of the drivers' disassemblies (cost/*.txt, by device), and whether it says so when
# it understands nothing: loops without waits must not come from a format that has changed.
set -uo pipefail
cd "$(dirname "$0")/../cost"
fails=0
turns() { # READER [OPTIONS]: of standard input
    awk "${@:2}" -f "$1.awk" | awk -f turns.awk
}
expect() { # WHAT EXPECTED FOUND
    [ "$2" = "$3" ] || { printf '%s: expected\n%s\nbut found\n%s\n' "$1" "$2" "$3"; fails=1; }
}
is_read() { # DEVICE READER EXPECTED
    expect "$1" "$3" "$(turns "$2" <"../check/cost/$1.txt")"
}
# Fields: program, loop, then instructions, loads, bytes, waits, trips. The norm's loop of four loads, that of the rest
# with one. Of navi31 and gfx1201 also attend's, without its arithmetic: loads that the next turn waits for.
is_read polaris10 amd 'row 0 1 37 4 64 4 1
row 0 2 17 1 16 1 1
row 0 all 70'
is_read navi31 amd 'row 0 1 45 4 64 4 1
row 0 2 14 1 16 1 1
row 0 all 77
row 1 1 45 3 24 0 0
row 1 all 70'
is_read gfx1201 amd 'row 0 1 45 4 64 4 1
row 0 2 14 1 16 1 1
row 0 all 76
row 1 1 46 3 24 0 0
row 1 all 71'
is_read 194 nvidia 'row 0 1 50 4 64 4 4
row 0 2 23 1 16 1 1
row 0 all 81'
is_read dg2 intel 'row 0 1 46 4 64 4 2
row 0 2 15 1 16 1 1
row 0 all 61'
is_read tgl intel 'row 0 1 49 4 64 4 2
row 0 2 15 1 16 1 1
row 0 all 64'

# Marks of each kind, in loops of a few lines.
piece() { # WHAT READER EXPECTED LINES [OPTIONS]
    expect "$1" "row 0 1 $3" "$(printf '%b' "$4" | turns "$2" "${@:5}" | head -n 1)"
}
loop='pipelines: row 0\ndisasm:\nBB1:\n%s\ts_cbranch_scc1 BB1\n'
amd() { # LINES
    printf "${loop//\\/\\\\}" "$1"
}
load='\tglobal_load_b128 v[0:3], v4, s[0:1]\n' store='\tglobal_store_b32 v4, v5, s[0:1]\n'
piece "loads that wait for each other" amd '5 2 32 2 2' "$(amd "$load\ts_waitcnt vmcnt(0)\n$load\ts_waitcnt vmcnt(0)\n")"
piece "one on its way" amd '4 2 32 1 1' "$(amd "$load$load\ts_waitcnt vmcnt(1)\n")"
piece "loads of the turn before" amd '3 1 16 0 0' "$(amd "\ts_waitcnt vmcnt(0)\n$load")"
piece "a store behind the load" amd '4 1 16 1 1' "$(amd "$load$store\ts_waitcnt vmcnt(0)\n")"
piece "stores that count" amd '4 1 16 1 1' "$(amd "$load$store\ts_waitcnt vmcnt(1)\n")" -v stores=1
piece "stores that do not" amd '4 1 16 0 0' "$(amd "$load$store\ts_waitcnt vmcnt(1)\n")"
piece "two counters in one number" amd '4 2 32 1 1' "$(amd "$load$load\ts_wait_loadcnt_dscnt 0x100\n")"
piece "the other counter" amd '3 1 16 0 0' "$(amd "$load\ts_wait_loadcnt_dscnt 0x3f00\n")"
nvidia='pipelines: row 0\nNAK IR after calc_instr_deps:\nblock 0 L0 [0] -> {\n'
nvidia+='      r0..4 = ld.global.a64.constant.b128 [r4..6], pT // delay=2 wr:3\n'
piece "a barrier" nvidia '2 1 16 1 1' "$nvidia      r8 = mov r0 // delay=1 wt=001000\n} -> [0]\n"
piece "another barrier" nvidia '2 1 16 0 0' "$nvidia      r8 = mov r0 // delay=1 wt=000100\n} -> [0]\n"
intel='pipelines: row 0\nSIMD16 shader: 3 instructions.\nLABEL0:\n'
send='send(16) g1UD g22UD nullUD 0x08803580 0x0\n   ugm MsgDesc: ( load, a64, d32, V4, x )  base_offset 0  { align1 1H $3 };\n'
end='while(16)  JIP:  LABEL0   { align1 1H };\n'
piece "a token" intel '3 1 16 1 1' "$intel${send}mov(16) g1<1>F g2<1,1,0>F { align1 1H \$3.dst };\n$end"
piece "its source alone" intel '3 1 16 0 0' "$intel${send}mov(16) g1<1>F g2<1,1,0>F { align1 1H \$3.src };\n$end"
piece "a token in use" intel '3 2 32 1 1' "$intel$send$send$end"

# What the driver counts, then what was read of it.
join() { # INSTRUCTIONS WEIGHT_BYTES TURNS
    awk -v device=x -f join.awk <(printf '0\tmatmul\thead\tm\t1\t256\t256:\t32\t40\t0\t0\t%s\t%s\n' "$1" "$2") \
        <(printf '%b' "$3") 2>&1
}
whole='row 0 1 100 4 64 1 1\nrow 0 all 500\n'
join 500 64 "$whole" >/dev/null || { echo "join complains of nothing"; fails=1; }
refused() { # TEXT ARGUMENTS...
    local out
    out=$(join "${@:2}") && { echo "join misses: $1"; fails=1; }
    grep -qF -e "$1" <<<"$out" || { echo "join does not say '$1' but: $out"; fails=1; }
}
refused "read 500 of 900 instructions" 900 64 "$whole"
refused "read 0 of 500 instructions" 500 64 ""
refused "no loop with loads was found" 500 64 'row 0 all 500\n'
refused "less than its weights" 500 128 "$whole"
exit $fails
