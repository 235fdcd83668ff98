/* SPDX-License-Identifier: MIT */
/* Reads kept timelines. Nothing of a block is handed out before its sum was found right. */
#include "file/keep.h"

#include <string.h>

#include "base/size.h"

static dsvk_status refuse(const struct dv_keep_reader *r, const char *why)
{
    return dv_fail(r->ctx, DSVK_BAD_FILE, "session file: %s: %s", r->name, why);
}

static dsvk_status read_all(const struct dv_keep_reader *r, void *to, uint64_t bytes,
                            uint64_t offset)
{
    uint64_t got = r->source.read(r->source.user, to, bytes, offset);
    if (got == bytes)
        return DSVK_OK;
    return dv_fail(r->ctx, DSVK_BAD_FILE,
                   "session file: %s: reading ended after %llu of %llu bytes", r->name,
                   (unsigned long long)(offset + got), (unsigned long long)r->source.bytes);
}

static uint64_t sum_at(const struct dv_keep_reader *r, uint64_t i)
{
    uint64_t sum;
    memcpy(&sum, r->sums + i * 8, 8);
    return sum;
}

static dsvk_status read_sums(struct dv_keep_reader *r, const unsigned char *header)
{
    dsvk_status status;
    uint64_t    n = r->layout.n_blocks, bytes = n * 8 + 8;
    r->at    = n;
    r->block = dv_alloc(r->ctx, (size_t)DV_KEEP_BLOCK);
    r->sums  = bytes <= SIZE_MAX ? dv_alloc(r->ctx, (size_t)bytes) : NULL;
    if (!r->block || !r->sums)
        return dv_fail(r->ctx, DSVK_NO_MEMORY, "session file: %s: no memory to read it", r->name);
    TRY(read_all(r, r->sums, bytes, DV_KEEP_HEADER + r->layout.bytes));
    uint64_t whole = dv_keep_sum(dv_keep_sum(0, header, DV_KEEP_HEADER), r->sums, n * 8);
    return whole == sum_at(r, n) ? DSVK_OK : refuse(r, "its checksums were altered");
}

dsvk_status dv_keep_open(struct dv_keep_reader *r, const struct dv_context *ctx, const char *name,
                         const struct dv_keep_source *source, const struct dv_keep_key *mine)
{
    dsvk_status   status;
    unsigned char header[DV_KEEP_HEADER] = { 0 };
    *r         = (struct dv_keep_reader){ .ctx = ctx, .name = name, .source = *source };
    uint64_t n = dv_min(source->bytes, sizeof header);
    TRY(read_all(r, header, n, 0));
    const char *why = dv_keep_parse(&r->keep, header, source->bytes);
    if (!why)
        why = dv_keep_differs(&r->keep.key, mine);
    if (why)
        return refuse(r, why);
    (void)dv_keep_lay_out(&r->layout, &r->keep);
    status = read_sums(r, header);
    if (status != DSVK_OK)
        dv_keep_close(r);
    return status;
}

void dv_keep_close(struct dv_keep_reader *r)
{
    dv_free(r->ctx, r->sums);
    dv_free(r->ctx, r->block);
    r->sums = r->block = NULL;
}

dsvk_status dv_keep_check_block(struct dv_keep_reader *r, uint64_t block)
{
    dsvk_status status;
    uint64_t    from = block * DV_KEEP_BLOCK, n = dv_min(r->layout.bytes - from, DV_KEEP_BLOCK);
    if (block == r->at)
        return DSVK_OK;
    r->at = r->layout.n_blocks;
    TRY(read_all(r, r->block, n, DV_KEEP_HEADER + from));
    if (dv_keep_sum(block, r->block, n) != sum_at(r, block))
        return dv_fail(r->ctx, DSVK_BAD_FILE,
                       "session file: %s: its bytes from %llu on were altered", r->name,
                       (unsigned long long)(DV_KEEP_HEADER + from));
    r->at = block;
    return DSVK_OK;
}

dsvk_status dv_keep_read(struct dv_keep_reader *r, void *to, uint64_t offset, uint64_t bytes)
{
    dsvk_status    status;
    unsigned char *out = to;
    while (bytes > 0) {
        uint64_t in = offset % DV_KEEP_BLOCK, n = dv_min(bytes, DV_KEEP_BLOCK - in);
        TRY(dv_keep_check_block(r, offset / DV_KEEP_BLOCK));
        memcpy(out, r->block + in, (size_t)n);
        out += n;
        offset += n;
        bytes -= n;
    }
    return DSVK_OK;
}

dsvk_status dv_keep_ids(struct dv_keep_reader *r, uint32_t *ids)
{
    dsvk_status status;
    TRY(dv_keep_read(r, ids, 0, r->layout.flags_at));
    for (uint32_t i = 0; i < r->keep.n_tokens; i++)
        if (ids[i] >= r->keep.key.vocab)
            return dv_fail(r->ctx, DSVK_BAD_FILE,
                           "session file: %s: token %u at position %u is outside the vocabulary "
                           "of %u",
                           r->name, ids[i], i, r->keep.key.vocab);
    return DSVK_OK;
}
