# SPDX-License-Identifier: MIT
# Reads disassemblies of AMD's compiler in Mesa (RADV_DEBUG=asm) and prints a line for each: how many waits a turn of
# its innermost loops that load has for loads of the same turn. What was loaded in the turn before is not counted: that
# was on its way meanwhile.
function finish(    i, k, n, first, last, m, worst, loads, word, queue, waits, inner, name) {
    if (!lines)
        return
    n = 0
    for (i = 1; i <= lines; i++)
        if (match(text[i], /s_c?branch[a-z0-9_]* BB[0-9]+/)) {
            name = substr(text[i], RSTART, RLENGTH)
            sub(/.* /, "", name)
            if ((name in at) && at[name] <= i) {
                for (k = 1; k <= n; k++)
                    if (first[k] == at[name])
                        break
                first[k] = at[name]
                last[k] = i
                n = k > n ? k : n
            }
        }
    worst = 0
    loads = 0
    for (k = 1; k <= n; k++) {
        inner = 0
        for (i = first[k]; i <= last[k]; i++)
            if (text[i] ~ LOAD)
                inner++
        loop_loads[k] = inner
    }
    for (k = 1; k <= n; k++) {
        inner = loop_loads[k] > 0
        for (m = 1; m <= n; m++)
            if (m != k && first[m] >= first[k] && last[m] <= last[k] && loop_loads[m] > 0)
                inner = 0
        if (!inner)
            continue
        queue = waits = 0
        for (i = first[k]; i <= last[k]; i++) {
            word = text[i]
            if (word ~ LOAD)
                queue++
            else if (word ~ /s_waitcnt|s_wait_/) {
                m = -1
                if (match(word, /vmcnt\([0-9]+\)/))
                    m = substr(word, RSTART + 6, RLENGTH - 7) + 0
                else if (match(word, /s_wait_loadcnt[a-z_]* 0x[0-9a-f]+/))
                    m = hex(substr(word, RSTART, RLENGTH))
                if (m >= 0 && queue > m) {
                    waits++
                    queue = m
                }
            }
        }
        if (waits > worst)
            worst = waits
        loads += loop_loads[k]
    }
    printf "%d %d\n", worst, loads
    lines = 0
    delete at
    delete text
}
function hex(word,    value, i) {
    sub(/.*0x/, "", word)
    for (i = 1; i <= length(word); i++)
        value = value * 16 + index("0123456789abcdef", substr(word, i, 1)) - 1
    return value % 256
}
BEGIN { LOAD = "(global|flat|buffer)_load_" }
/^disasm:/ { finish(); reading = 1; next }
!reading { next }
/^BB[0-9]+:/ { name = $1; sub(/:.*/, "", name); at[name] = lines + 1 }
/^\t|^BB/ { text[++lines] = $0; next }
/^$/ { next }
{ reading = 0 }
END { finish() }
