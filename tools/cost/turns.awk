# SPDX-License-Identifier: MIT
# Finds the loops of programs and prints a line for each innermost one that loads, in the order of the code:
#     row N, its number, instructions, loads, bytes that a lane loads, waits, trips
# of a turn. Then "row N all" and the program's instructions. A wait counts when it is for a load of the same turn; what
# the turn before asked for was on its way meanwhile. A trip is a wait for a load that left behind the last trip: so
# four loads that leave together and are waited for one by one are four waits and one trip. A turn is all blocks of the
# loop, once and in the order of the code.
#
# Reads lines that amd.awk, nvidia.awk and intel.awk make of disassemblies:
#     row N             a program begins
#     at NAME           a block begins
#     i [w COUNTER LEFT]... [l COUNTER BYTES] [s COUNTER] [j NAME] [J NAME]
#                       an instruction: waits until COUNTER has LEFT, the oldest leave first; then loads; a store
#                       counts without being waited for; jumps perhaps, or always
#     n ...             the same, but no instruction that the compiler counts
#     to NAME           the block may be followed by that
#     end               it is not followed by the next one
function edge(from, to) {
    after[from, ++n_after[from]] = to
}
function find_blocks(    i, k, words, part, fresh) {
    blocks = fresh = 1
    for (i = 1; i <= lines; i++) {
        words = split(text[i], part, " ")
        if (part[1] == "at" && !(fresh && i == 1)) {
            if (falls[blocks])
                edge(blocks, blocks + 1)
            blocks++
        } else if (fresh == 2) {
            if (falls[blocks])
                edge(blocks, blocks + 1)
            blocks++
        }
        if (i == 1 || block_of[i - 1] != blocks)
            falls[blocks] = 1
        fresh = 0
        block_of[i] = blocks
        if (part[1] == "at")
            block_at[part[2]] = blocks
        else if (part[1] == "end" || text[i] ~ / J /)
            falls[blocks] = 0
        if (text[i] ~ / [jJ] /)
            fresh = 2
    }
    for (i = 1; i <= lines; i++) {
        words = split(text[i], part, " ")
        for (k = 1; k < words; k++)
            if ((part[k] == "j" || part[k] == "J" || part[k] == "to") && part[k + 1] in block_at)
                edge(block_of[i], block_at[part[k + 1]])
    }
}
# The loop's blocks: those that lead to `block` without the header. Lists in place of recursion, for old awks.
function gather(k, block,    i, n_list, list) {
    list[n_list = 1] = block
    while (n_list) {
        block = list[n_list--]
        if ((k, block) in member)
            continue
        member[k, block] = 1
        for (i = 1; i <= n_before[block]; i++)
            list[++n_list] = before[block, i]
    }
}
# From the first block on: an edge to a block whose visit lasts closes a loop.
function visit(    depth, path, block, next_block) {
    path[depth = 1] = 1
    while (depth) {
        block = path[depth]
        state[block] = 1
        if (visited[block] + 0 == n_after[block] + 0) {
            state[block] = 2
            depth--
            continue
        }
        next_block = after[block, ++visited[block]]
        before[next_block, ++n_before[next_block]] = block
        if (state[next_block] == 1)
            closes[++n_closes] = block " " next_block
        else if (!state[next_block])
            path[++depth] = next_block
    }
}
function find_loops(    i, k, part) {
    n = n_closes = 0
    visit()
    for (i = 1; i <= n_closes; i++) {
        split(closes[i], part, " ")
        for (k = 1; k <= n; k++)
            if (header[k] == part[2])
                break
        n = k > n ? k : n
        header[k] = part[2]
        member[k, part[2]] = 1
        gather(k, part[1])
    }
}
function wait(counter, left,    batch) {
    while (tail[counter] - head[counter] > left) {
        batch = queue[counter, ++head[counter]]
        waited = waited || batch >= 0
        missed = missed || batch == trips
    }
}
function measure(k,    i, j, words, part) {
    delete queue
    delete head
    delete tail
    instructions = loads = bytes = waits = trips = start[k] = 0
    for (i = 1; i <= lines; i++) {
        if (!((k, block_of[i]) in member))
            continue
        start[k] = start[k] ? start[k] : i
        words = split(text[i], part, " ")
        instructions += part[1] == "i"
        waited = missed = 0
        for (j = 2; j < words; j++)
            if (part[j] == "w")
                wait(part[j + 1], part[j + 2])
        waits += waited
        trips += missed
        for (j = 2; j < words; j++) {
            if (part[j] != "l" && part[j] != "s")
                continue
            queue[part[j + 1], ++tail[part[j + 1]]] = part[j] == "l" ? trips : -1
            loads += part[j] == "l"
            bytes += part[j] == "l" ? part[j + 2] : 0
        }
    }
    found[k] = loads ? instructions " " loads " " bytes " " waits " " trips : ""
}
function is_inner(k,    m) {
    for (m = 1; m <= n; m++)
        if (m != k && (k, header[m]) in member && found[m] != "")
            return 0
    return found[k] != ""
}
function finish(    i, k, number, all) {
    if (row == "")
        return
    if (lines) {
        find_blocks()
        find_loops()
    }
    for (k = 1; k <= n; k++)
        measure(k)
    all = number = 0
    for (i = 1; i <= lines; i++) {
        all += text[i] ~ /^i/
        for (k = 1; k <= n; k++)
            if (start[k] == i && is_inner(k))
                print "row", row, ++number, found[k]
    }
    print "row", row, "all", all
    lines = n = 0
    delete text
    delete after
    delete n_after
    delete before
    delete n_before
    delete falls
    delete block_of
    delete block_at
    delete state
    delete visited
    delete member
}
$1 == "row" { finish(); row = $2; next }
{ text[++lines] = $0 }
END { finish() }
