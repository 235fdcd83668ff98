/* SPDX-License-Identifier: MIT */
/* Plans and reads the stored bytes that units of a batch are packed from. It reads runs of bytes
 * that belong together at once and knows nothing of the packed layout. */
#include "weights/reader.h"

#include "os/os.h"
#include "pack/narrow.h"

#define ALIGN 64u /* of a run in the buffer */

/* Rows of one tensor. */
struct span {
    uint32_t part, row, n;
};

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The rows that one packed group is made from; the counterpart of find_group() in pack/pack.c. */
static struct span span_of(const struct dv_load_item *item, const struct dv_weight_info *info,
                           uint32_t group)
{
    uint32_t groups = item->layout.groups, p = 0;
    if (info->kind == DV_WEIGHT_PAIR) {
        uint32_t row = group / 2 * 8;
        return (struct span){ group % 2, row, least(8, info->rows - row) };
    }
    uint32_t start = info->row0 + group / groups * info->row_step;
    if (info->transposed)
        return (struct span){ 0, start, info->cols };
    uint32_t row = group % groups * 8, rows = info->rows;
    for (; info->n_parts > 1 && row >= item->parts[p].rows; p++)
        row -= item->parts[p].rows;
    if (info->n_parts > 1)
        rows = item->parts[p].rows;
    return (struct span){ p, start + row, least(8, rows - row) };
}

/* ---- planning ---- */

static void add(struct dv_read *read, const unsigned char *data, uint64_t from, uint64_t to,
                uint64_t *at)
{
    *read = (struct dv_read){ data + from, to - from, from, *at };
    *at += (to - from + ALIGN - 1) / ALIGN * ALIGN;
}

static void add_rows(struct dv_reads *reads, uint32_t p, const struct dv_layout_source *part,
                     uint32_t from, uint32_t to, uint64_t *at)
{
    if (from >= to || !part->data)
        return;
    if (part->converted && part->target == DV_F8_E4M3) { /* the blocks of these rows */
        from = from / DV_FP8_BLOCK * DV_FP8_BLOCK;
        to   = least((to + DV_FP8_BLOCK - 1) / DV_FP8_BLOCK * DV_FP8_BLOCK, part->rows);
    }
    add(&reads->values[p], part->data, dv_layout_value_bytes(part, from),
        dv_layout_value_bytes(part, to), at);
    if (!part->scale)
        return;
    add(&reads->scales[p], part->scale,
        dv_layout_scale_bytes(part, from / part->block_rows * part->block_rows),
        dv_layout_scale_bytes(part, to), at);
}

void dv_reads_plan(struct dv_reads *reads, const struct dv_load_item *item,
                   const struct dv_weight_info *info, struct dv_groups groups, uint64_t *at)
{
    uint32_t from[DV_MAX_PARTS], to[DV_MAX_PARTS];
    *reads = (struct dv_reads){ 0 };
    if (groups.end == 0) {
        add_rows(reads, 0, &item->parts[0], 0, 1, at);
        return;
    }
    for (uint32_t p = 0; p < info->n_parts; p++) {
        from[p] = UINT32_MAX;
        to[p]   = 0;
    }
    for (uint32_t group = groups.first; group < groups.end; group++) {
        struct span span = span_of(item, info, group);
        from[span.part]  = least(from[span.part], span.row);
        if (to[span.part] < span.row + span.n)
            to[span.part] = span.row + span.n;
    }
    for (uint32_t p = 0; p < info->n_parts; p++)
        add_rows(reads, p, &item->parts[p], from[p], to[p], at);
}

void dv_reads_plan_rows(struct dv_reads *reads, const struct dv_layout_source *part, uint32_t first,
                        uint32_t end, uint64_t *at)
{
    *reads = (struct dv_reads){ 0 };
    add_rows(reads, 0, part, first, end, at);
}

void dv_reads_announce(const struct dv_reads *reads)
{
    for (uint32_t p = 0; p < DV_MAX_PARTS; p++) {
        dv_memory_will_need(reads->values[p].data, reads->values[p].bytes);
        dv_memory_will_need(reads->scales[p].data, reads->scales[p].bytes);
    }
}

/* ---- reading ---- */

/* The address at which a tensor would begin whose later part lies in the buffer; what is in front
 * of that part is never touched. What was given, without a checkpoint, stays where it is. */
static const unsigned char *fetch(struct dv_reads *reads, const struct dv_checkpoint *checkpoint,
                                  const struct dv_read *read, const char *where,
                                  unsigned char *buffer)
{
    if (read->bytes == 0)
        return NULL;
    if (!checkpoint)
        return read->data - read->skipped;
    unsigned char *to  = buffer + read->at;
    uint64_t       got = dv_checkpoint_read(checkpoint, to, read->data, read->bytes);
    if (got < read->bytes && !reads->missing) {
        reads->missing = read->bytes - got;
        reads->where   = where;
    }
    return (const unsigned char *)((uintptr_t)to - (uintptr_t)read->skipped);
}

bool dv_reads_fetch_part(struct dv_layout_source *part, struct dv_reads *reads,
                         const struct dv_checkpoint *checkpoint, uint32_t p, const char *where,
                         unsigned char *buffer)
{
    part->data = fetch(reads, checkpoint, &reads->values[p], where, buffer);
    if (part->scale)
        part->scale = fetch(reads, checkpoint, &reads->scales[p], where, buffer);
    return reads->missing == 0;
}

bool dv_reads_fetch(struct dv_layout_source parts[DV_MAX_PARTS], struct dv_reads *reads,
                    const struct dv_checkpoint *checkpoint, const struct dv_load_item *item,
                    const struct dv_weight_info *info, unsigned char *buffer)
{
    for (uint32_t p = 0; p < info->n_parts; p++) {
        parts[p] = item->parts[p];
        dv_reads_fetch_part(&parts[p], reads, checkpoint, p, info->parts[p].name, buffer);
    }
    return reads->missing == 0;
}

void dv_reads_release(const struct dv_reads *reads, const struct dv_checkpoint *checkpoint)
{
    for (uint32_t p = 0; p < DV_MAX_PARTS; p++)
        if (reads->values[p].bytes)
            dv_checkpoint_release(checkpoint, reads->values[p].data, reads->values[p].bytes);
}

uint64_t dv_reads_count_nan(const struct dv_load_item *item, const struct dv_weight_info *info,
                            const struct dv_layout_source *parts, struct dv_groups groups)
{
    uint64_t n = 0;
    for (uint32_t group = groups.first; group < groups.end; group++) {
        struct span             span = span_of(item, info, group);
        struct dv_layout_source rows = parts[span.part];
        if (rows.dtype != DV_F8_E4M3)
            continue;
        if (info->transposed && group % item->layout.groups != 0)
            continue; /* other columns of the same rows */
        rows.data += dv_layout_value_bytes(&rows, span.row);
        rows.rows = span.n;
        n += dv_layout_count_nan(&rows);
    }
    return n;
}

uint64_t dv_reads_count_bad_scales(const struct dv_load_item     *item,
                                   const struct dv_weight_info   *info,
                                   const struct dv_layout_source *parts, struct dv_groups groups)
{
    uint64_t n = 0;
    for (uint32_t group = groups.first; group < groups.end; group++) {
        struct span span = span_of(item, info, group);
        if (info->transposed && group % item->layout.groups != 0)
            continue;
        n += dv_layout_count_bad_scales(&parts[span.part], span.row, span.row + span.n);
    }
    return n;
}
