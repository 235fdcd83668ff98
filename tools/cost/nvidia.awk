# SPDX-License-Identifier: MIT
# From what Mesa's compiler for NVIDIA prints (NAK_DEBUG=print) to what turns.awk reads; of its many prints a program
# the one with the dependencies. `wr:2`: the result clears barrier 2. `wt=000100`: waits for barrier 2, from the right,
# that is, for everything that clears it.
function waits_of(text,    bits, k, out) {
    out = ""
    if (match(text, /wt=[01]+/)) {
        bits = substr(text, RSTART + 3, RLENGTH - 3)
        for (k = 1; k <= length(bits); k++)
            if (substr(bits, k, 1) == "1")
                out = out " w b" (length(bits) - k) " 0"
    }
    return out
}
/^pipelines: row / { print "row " $3; reading = 0; next }
/^NAK IR after calc_instr_deps/ { reading = 1; next }
/^(NAK IR|Stage:)/ { reading = 0; next }
!reading { next }
/^block/ { print "at " $2; next } # block.u 3 L9 [2, 4] -> {
/^\} -> / { # the blocks that may follow
    gsub(/[^0-9 ]/, "")
    for (k = 1; k <= NF; k++)
        print "to " $k
    print "end"
    next
}
/\/\/ delay=/ {
    notes = $0
    sub(/.*\/\/ /, "", notes)
    out = "i" waits_of(notes)
    if ($0 ~ /ld\.(global|local)\./ && match(notes, /wr:[0-9]+/)) {
        bytes = $0 ~ /\.b128 / ? 16 : $0 ~ /\.b96 / ? 12 : $0 ~ /\.b64 / ? 8 : 4
        out = out " l b" substr(notes, RSTART + 3, RLENGTH - 3) " " bytes
    }
    print out
}
