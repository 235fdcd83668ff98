# SPDX-License-Identifier: MIT
# From what Mesa's compiler for AMD prints (RADV_DEBUG=asm) to what turns.awk reads. Loads are those of vector
# memory; what comes through the scalar cache, addresses and arguments, is left out. A counter goes down in the order
# of the loads, so a wait names how many may still be on their way. With -v stores=1 (before RDNA) it counts stores too.
function hex(word,    value, i) {
    sub(/.*0x/, "", word)
    for (i = 1; i <= length(word); i++)
        value = value * 16 + index("0123456789abcdef", substr(word, i, 1)) - 1
    return value
}
function wait_of(text) {
    if (match(text, /vmcnt\([0-9]+\)/))
        return " w v " (substr(text, RSTART + 6, RLENGTH - 7) + 0)
    if (match(text, /s_wait_loadcnt 0x[0-9a-f]+/))
        return " w v " hex(substr(text, RSTART, RLENGTH))
    if (match(text, /s_wait_loadcnt_dscnt 0x[0-9a-f]+/)) # two counters in one number
        return " w v " int(hex(substr(text, RSTART, RLENGTH)) / 256)
    return ""
}
function bytes_of(word) {
    if (word ~ /(dwordx4|b128)$/) return 16
    if (word ~ /(dwordx3|b96)$/) return 12
    if (word ~ /(dwordx2|b64)$/) return 8
    return 4
}
/^pipelines: row / { print "row " $3; reading = 0; next }
/^disasm:/ { reading = 1; next }
!reading || /^$/ { next }
/^BB[0-9]+:/ { sub(/:.*/, ""); print "at " $0; next }
/^\t\(/ { next } # "(then repeated 3 times)": padding
/^\t/ {
    out = "i" wait_of($0)
    if ($1 ~ /^(global|flat|buffer|scratch)_load_/)
        out = out " l v " bytes_of($1)
    else if (stores && $1 ~ /^(global|flat|buffer|scratch)_(store|atomic)_/)
        out = out " s v"
    if ($1 ~ /^s_c?branch/ && match($2, /^BB[0-9]+/))
        out = out ($1 == "s_branch" ? " J " : " j ") substr($2, RSTART, RLENGTH)
    print out
    next
}
{ reading = 0 }
