# SPDX-License-Identifier: MIT
# From what Mesa's compiler for Intel prints (INTEL_DEBUG=cs) to what turns.awk reads. A message has a token, `$3`; an
# instruction with `$3.dst` waits until its result is there. A message with a token that is in use waits for it, too.
# Of the widths that the compiler tried it prints the one that it took; the last counts. Messages with shared memory
# (slm) are left out.
function flush_line(    out, notes, rest, token, bytes, n) {
    if (line == "")
        return
    out = line ~ /^(sync )?nop/ ? "n" : "i"
    notes = line
    sub(/.*\{ align/, "", notes)
    rest = notes
    while (match(rest, /\$[0-9]+\.dst/)) {
        out = out " w " substr(rest, RSTART, RLENGTH - 4) " 0"
        rest = substr(rest, RSTART + RLENGTH)
    }
    if (line ~ /MsgDesc:/ && match(notes, /\$[0-9]+( |$)/)) {
        token = substr(notes, RSTART, RLENGTH)
        sub(/ /, "", token)
        out = out " w " token " 0"
        if (is_load(line))
            out = out " l " token " " bytes_of(line)
    }
    if (match(line, /JIP: +LABEL[0-9]+/)) {
        rest = substr(line, RSTART, RLENGTH)
        sub(/.* /, "", rest)
        out = out " j " rest
    }
    text[++lines] = out
    line = ""
}
function is_load(line) {
    return line ~ /ugm MsgDesc: \( load/ || (line ~ /hdc[01] MsgDesc: \(.* read/ && line !~ /(Surface =|bti) 254/)
}
# Of one lane. Loads of the same address for all lanes ("transpose") count as if each lane had a part of it.
function bytes_of(line,    n) {
    n = 1
    if (match(line, /, V[0-9]+/))
        n = substr(line, RSTART + 3, RLENGTH - 3)
    else if (line ~ /Mask = 0x0|owords = /)
        n = 4
    return 4 * (n > 4 ? 4 : n)
}
function flush_program(    k) {
    flush_line()
    for (k = 1; k <= lines; k++)
        print text[k]
    lines = 0
    reading = 0
}
/^pipelines: row / { flush_program(); print "row " $3; next }
/^SIMD[0-9]+ shader: / { lines = 0; line = ""; reading = 1; next }
/^Native code/ { reading = 0; lines = 0; line = ""; next }
!reading { next }
/^LABEL[0-9]+:/ { flush_line(); sub(/:.*/, ""); text[++lines] = "at " $0; next }
/^   (START|END) B|^$/ { flush_line(); next }
/^ +.*MsgDesc:/ { line = line $0; flush_line(); next }
/^[(a-z].*\(/ || /^[a-z]/ { flush_line(); line = $0; next }
{ flush_program() }
END { flush_program() }
