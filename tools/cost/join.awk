# SPDX-License-Identifier: MIT
# Joins what `pipelines --cost` prints (first file) with what turns.awk prints (second): fields parted by tabs, a line
# for each innermost loop that loads, or one with "-" for a program without. -v device=NAME goes in front; -v head=1
# prints the names of the fields first.
#
# The main loop is the one of the weights; of attend the longest; else the first. FP8 weights have scales besides,
# which are narrower than the other loads. A program whose disassembly was not read to its end is an error, and so is one without the loop that
# it must have: else a changed format would read as no waits at all.
BEGIN { FS = "\t"; OFS = "\t" }
FNR == 1 { file++ }
file == 1 {
    if ($1 ~ /^[0-9]+$/) {
        rows[++n] = $1
        line[$1] = $0
    }
    next
}
{
    split($0, part, " ")
    row = part[2]
    if (part[3] == "all")
        read[row] = part[4]
    else {
        loops[row] = part[3]
        loop[row, part[3]] = $0
    }
}
function fail(row, text) {
    split(line[row], part, "\t")
    print device ": " part[2] ", " part[3] ": " text >"/dev/stderr"
    bad = 1
}
function worth(weight, turn,    part, value) {
    split(turn, part, " ")
    value = part[4]
    if (weight && part[6] >= weight)
        value += 1e6 + (part[6] != 16 * part[5] ? 1e6 : 0)
    return value
}
function main_of(row, kernel, weight,    k, best, most, value) {
    best = 0
    for (k = 1; k <= (weight || kernel == "attend" ? loops[row] : 1) && k <= loops[row]; k++) {
        value = worth(weight, loop[row, k])
        if (best == 0 || value > most) {
            best = k
            most = value
        }
    }
    return best
}
# The first loop of four wide loads: lib/norm.glsl.
function norm_of(row, role,    k, part) {
    for (k = 1; role ~ /norm/ && k <= loops[row]; k++) {
        split(loop[row, k], part, " ")
        if (part[5] == 4 && part[6] == 64)
            return k
    }
    return 0
}
END {
    if (head)
        print "device", "kernel", "role", "model", "tokens", "workgroup", "constants", "subgroup", "registers",
            "spills", "scratch", "instructions", "weight bytes", "loop", "loop instructions", "loads", "load bytes", "waits", "trips",
            "instructions a weight byte"
    for (i = 1; i <= n; i++) {
        row = rows[i]
        split(line[row], f, "\t")
        front = device
        for (k = 2; k <= 13; k++)
            front = front OFS f[k]
        off = read[row] - f[12]
        if (off < 0)
            off = -off
        if (off > 5 + f[12] / 25)
            fail(row, "read " read[row] + 0 " of " f[12] " instructions")
        main = main_of(row, f[2], f[13])
        norm = norm_of(row, f[3])
        if (f[3] ~ /norm/ && !norm)
            fail(row, "the loop of the norm was not found")
        if (!main) {
            if (f[13] > 0 || f[2] == "attend")
                fail(row, "no loop with loads was found")
            print front, "-", "", "", "", "", "", ""
        }
        for (k = 1; k <= loops[row]; k++) {
            split(loop[row, k], t, " ")
            if (k == main && t[6] < f[13])
                fail(row, "the main loop loads " t[6] " bytes, less than its weights")
            print front, (k == main ? "main" : k == norm ? "norm" : k), t[4], t[5], t[6], t[7], t[8],
                (k == main && f[13] > 0 ? sprintf("%.1f", t[4] / f[13]) : "")
        }
    }
    exit bad
}
