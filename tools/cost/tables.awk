# SPDX-License-Identifier: MIT
# Tables in Markdown of what join.awk prints, for docs/vendors.md; several devices behind each other.
function title(    name) {
    name = $2 ($3 == "-" ? "" : ": " $3)
    if ($4 != "v2-lite")
        name = name ", " $4
    return name ($5 == 1 ? "" : ", " $5 " tokens")
}
BEGIN { FS = "\t" }
$1 == "device" { next }
{
    name = title()
    if (!($1 in seen)) {
        seen[$1] = 1
        devices[++n_devices] = $1
    }
    if (!(name in known)) {
        known[name] = 1
        names[++n_names] = name
    }
    shape[name, $1] = $6 " / " $8
    registers[name, $1] = $9 ($10 + $11 ? " **+ " ($10 ? $10 : $11 " bytes") "**" : "")
    size[name, $1] = $12
    turns = $19 " / " $18 " / " $16
    if ($14 == "main")
        turn[name, $1] = turns
    if ($20 != "") {
        streams[name] = 1
        cost[name, $1] = $20
    }
    if ($14 == "norm" && (of_norm == "" || of_norm == name)) {
        of_norm = name
        norm[$1] = turns
    }
    if ($2 == "attend_value" && $14 != "main" && $16 > 8) # both of its loops of partials are alike
        merge[$1] = turns
}
function row(name, cells,    k, out) {
    out = "| " name " |"
    for (k = 1; k <= n_devices; k++)
        out = out " " ((name, devices[k]) in cells ? cells[name, devices[k]] : "-") " |"
    print out
}
function line(name, cells,    k, out) {
    out = "| " name " |"
    for (k = 1; k <= n_devices; k++)
        out = out " " (devices[k] in cells ? cells[devices[k]] : "-") " |"
    print out
}
function head(text,    k, out) {
    print "\n" text "\n"
    out = "| |"
    for (k = 1; k <= n_devices; k++)
        out = out " " devices[k] " |"
    print out
    out = "|---|"
    for (k = 1; k <= n_devices; k++)
        out = out "---|"
    print out
}
END {
    head("Invocations of a workgroup / of a subgroup:")
    for (i = 1; i <= n_names; i++)
        row(names[i], shape)
    head("Registers of a lane; in bold what is spilled besides:")
    for (i = 1; i <= n_names; i++)
        row(names[i], registers)
    head("Instructions of the whole kernel:")
    for (i = 1; i <= n_names; i++)
        row(names[i], size)
    head("Instructions of a turn of the weights' loop for each weight byte of a lane:")
    for (i = 1; i <= n_names; i++)
        if (names[i] in streams)
            row(names[i], cost)
    head("Trips / waits / loads of a turn of the main loop:")
    for (i = 1; i <= n_names; i++)
        row(names[i], turn)
    line(of_norm ": the norm's loop", norm)
    line("attend_value: the merge's loop", merge)
}
