/* SPDX-License-Identifier: MIT */
/* Writes kept timelines: beside the old file, in whose place the new one is put when all of it is
 * on the disk. */
#include "file/keep.h"

#include <string.h>

#include "base/size.h"

dsvk_status dv_keep_create(struct dv_keep_writer *w, const struct dv_context *ctx, const char *path,
                           const struct dv_keep *keep)
{
    dsvk_status   status;
    unsigned char header[DV_KEEP_HEADER];
    *w = (struct dv_keep_writer){ 0 };
    TRY(dv_output_create_beside(&w->output, ctx, "session file", path));
    (void)dv_keep_lay_out(&w->layout, keep); /* of pages that are in memory */
    w->block = dv_alloc(ctx, (size_t)DV_KEEP_BLOCK);
    w->sums  = dv_alloc(ctx, (size_t)w->layout.n_blocks * 8 + 8);
    if (!w->block || !w->sums) {
        dv_keep_drop(w);
        return dv_fail(ctx, DSVK_NO_MEMORY, "session file: %s: no memory to write it", path);
    }
    dv_keep_header(header, keep);
    w->whole = dv_keep_sum(0, header, sizeof header);
    dv_output_write(&w->output, header, sizeof header);
    return DSVK_OK;
}

static void end_block(struct dv_keep_writer *w)
{
    uint64_t sum = dv_keep_sum(w->at, w->block, w->n);
    memcpy(w->sums + w->at * 8, &sum, 8);
    dv_output_write(&w->output, w->block, w->n);
    w->at++;
    w->n = 0;
}

bool dv_keep_write(struct dv_keep_writer *w, const void *data, uint64_t bytes)
{
    const unsigned char *from = data;
    while (bytes > 0) {
        uint64_t n = dv_min(bytes, DV_KEEP_BLOCK - w->n);
        memcpy(w->block + w->n, from, (size_t)n);
        w->n += n;
        from += n;
        bytes -= n;
        if (w->n == DV_KEEP_BLOCK)
            end_block(w);
    }
    return w->output.error == 0;
}

dsvk_status dv_keep_commit(struct dv_keep_writer *w, const char *path)
{
    if (w->n > 0)
        end_block(w);
    uint64_t n = w->layout.n_blocks * 8, whole = dv_keep_sum(w->whole, w->sums, n);
    memcpy(w->sums + n, &whole, 8);
    dv_output_write(&w->output, w->sums, n + 8);
    dsvk_status status = dv_output_put(&w->output, path);
    w->output.path[0]  = 0; /* it has its place, or is gone */
    dv_keep_drop(w);
    return status;
}

void dv_keep_drop(struct dv_keep_writer *w)
{
    if (!w->output.ctx)
        return;
    dv_free(w->output.ctx, w->sums);
    dv_free(w->output.ctx, w->block);
    w->sums = w->block = NULL;
    dv_output_drop(&w->output);
    if (w->output.path[0])
        dv_file_remove(w->output.path);
    w->output.path[0] = 0;
}
