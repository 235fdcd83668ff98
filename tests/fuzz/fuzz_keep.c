/* SPDX-License-Identifier: MIT */
/* Any bytes as a kept timeline, once as they are and once with right sums: what is read lies
 * inside, and a file that is taken says what we would write for it. */
#include <stdlib.h>
#include <string.h>

#include "file/keep.h"
#include "fuzz/fuzz.h"

struct memory {
    const uint8_t *data;
    size_t         bytes;
};

static uint64_t read_memory(void *user, void *to, uint64_t bytes, uint64_t offset)
{
    const struct memory *m = user;
    if (offset > m->bytes || bytes > m->bytes - offset)
        abort();
    memcpy(to, m->data + offset, (size_t)bytes);
    return bytes;
}

static void read_all(struct dv_keep_reader *r)
{
    const struct dv_keep_layout *l   = &r->layout;
    uint32_t                    *ids = malloc((size_t)r->keep.n_tokens * sizeof *ids);
    unsigned char               *all = malloc((size_t)l->bytes);
    if (!ids || !all)
        abort();
    if (dv_keep_ids(r, ids) == DSVK_OK)
        for (uint32_t i = 0; i < r->keep.n_tokens; i++)
            if (ids[i] >= r->keep.key.vocab)
                abort();
    for (uint64_t i = 0; i < l->n_blocks; i++)
        (void)dv_keep_check_block(r, i);
    (void)dv_keep_read(r, all, 0, l->bytes);
    if (l->n_pages > 0)
        (void)dv_keep_read(r, all, l->pages_at + (l->n_pages - 1) * r->keep.key.page_bytes,
                           r->keep.key.page_bytes);
    free(ids);
    free(all);
}

static void try_file(const uint8_t *file, size_t bytes)
{
    struct dv_context     ctx;
    struct dv_keep        keep;
    struct dv_keep_reader reader;
    struct memory         memory = { file, bytes };
    struct dv_keep_source source = { .read = read_memory, .user = &memory, .bytes = bytes };
    unsigned char         header[DV_KEEP_HEADER] = { 0 }, again[DV_KEEP_HEADER];
    dv_context_init(&ctx, NULL, NULL);
    memcpy(header, file, bytes < sizeof header ? bytes : sizeof header);
    const char *why = dv_keep_parse(&keep, header, bytes);
    if (!why) {
        dv_keep_header(again, &keep);
        if (memcmp(again, header, sizeof header) != 0)
            abort();
    }
    dsvk_status status = dv_keep_open(&reader, &ctx, "file", &source, &keep.key);
    if (why && status == DSVK_OK)
        abort();
    if (status == DSVK_OK)
        read_all(&reader);
    dv_keep_close(&reader);
}

static void put(uint8_t *at, uint64_t sum)
{
    memcpy(at, &sum, sizeof sum);
}

/* As far as there is room for them. */
static void sign(uint8_t *file, size_t bytes)
{
    struct dv_keep        keep;
    struct dv_keep_layout l;
    if (bytes < DV_KEEP_HEADER)
        return;
    put(file + 16, bytes);
    put(file + 120, dv_keep_sum(0, file, 120));
    if (dv_keep_parse(&keep, file, bytes) || !dv_keep_lay_out(&l, &keep))
        return;
    uint8_t *body = file + DV_KEEP_HEADER, *sums = body + l.bytes;
    for (uint64_t i = 0; i < l.n_blocks; i++) {
        uint64_t at = i * DV_KEEP_BLOCK, left = l.bytes - at;
        put(sums + i * 8, dv_keep_sum(i, body + at, left < DV_KEEP_BLOCK ? left : DV_KEEP_BLOCK));
    }
    put(sums + l.n_blocks * 8,
        dv_keep_sum(dv_keep_sum(0, file, DV_KEEP_HEADER), sums, l.n_blocks * 8));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    uint8_t *copy = calloc(bytes + 1, 1);
    if (!copy)
        abort();
    if (bytes > 0)
        memcpy(copy, data, bytes);
    try_file(copy, bytes);
    sign(copy, bytes);
    try_file(copy, bytes);
    free(copy);
    return 0;
}
