/* SPDX-License-Identifier: MIT */
/* Writes a timeline to a file. */
#include <string.h>

#include "base/size.h"
#include "base/stop.h"
#include "engine/keep.h"
#include "engine/turn.h"

/* What the device copies at a time, which takes far less than a slice. */
#define PIECE (UINT64_C(1) << 20)

struct dv_keep_key dv_session_keep_key(const struct dv_session     *s,
                                       const struct dv_keep_params *params)
{
    const struct dv_caps *caps   = &s->engine.dev->caps;
    uint64_t              device = dv_keep_sum(0, caps->name, strlen(caps->name));
    return (struct dv_keep_key){ .model  = params->model,
                                 .device = dv_keep_sum(device, caps->driver, strlen(caps->driver)),
                                 .page_bytes = s->cache->stock->page_bytes,
                                 .page       = DV_PAGE,
                                 .vocab      = s->setup.config->vocab,
                                 .cache      = (uint32_t)s->setup.cache,
                                 .math       = s->setup.math_f16 + 2u * s->setup.round_f16,
                                 .weights    = params->weights,
                                 .split      = s->runner->split };
}

struct saving {
    struct dv_session     *s;
    const dsvk_progress   *progress;
    struct dv_keep_writer *writer;
    unsigned char         *page;
    uint64_t               done;
};

/* Without the turn, as what follows up to the pages. */
static dsvk_status tell(const struct saving *a)
{
    const uint64_t total = a->writer->layout.bytes;
    if (dv_goes_on(a->progress, a->done, total) || a->done == total)
        return DSVK_OK;
    return dv_fail(a->s->setup.ctx, DSVK_CANCELLED, "cancelled after %llu of %llu bytes",
                   (unsigned long long)a->done, (unsigned long long)total);
}

static dsvk_status write_some(struct saving *a, const void *data, uint64_t bytes)
{
    a->done += bytes;
    if (!dv_keep_write(a->writer, data, bytes)) /* says why */
        return dv_output_close(&a->writer->output);
    return tell(a);
}

/* With the turn. What the page holds behind the timeline is somebody's, or was. */
static dsvk_status read_page(struct saving *a, uint32_t i)
{
    dsvk_status            status;
    const struct dv_cache *c     = a->s->cache;
    struct dv_span         place = dv_stock_place(c->stock, c->held[i].page);
    uint64_t               bytes = c->stock->page_bytes;
    uint32_t               used  = (uint32_t)dv_min(a->s->n_tokens - i * DV_PAGE, DV_PAGE);
    for (uint64_t at = 0; at < bytes; at += PIECE) {
        if (at > 0)
            dv_turn_pass_on(a->s->engine.turn);
        TRY(dv_stream_download(c->stream, a->page + at, place.buffer, place.offset + at,
                               dv_min(bytes - at, PIECE)));
    }
    for (uint32_t k = 1; k <= c->n_states; k++)
        memset(a->page + c->states[k].offset + (size_t)used * c->states[k].record, 0,
               (size_t)(DV_PAGE - used) * c->states[k].record);
    return DSVK_OK;
}

/* With the turn at the beginning, and at the end. */
static dsvk_status write_pages(struct saving *a)
{
    struct dv_session *s      = a->s;
    dsvk_status        status = DSVK_OK;
    for (uint32_t i = 0; i < a->writer->layout.n_pages && status == DSVK_OK; i++) {
        status = read_page(a, i);
        dv_turn_give(s->engine.turn);
        if (status == DSVK_OK)
            status = write_some(a, a->page, s->cache->stock->page_bytes);
        (void)dv_turn_take(s->engine.turn);
    }
    return status;
}

/* Without the turn. */
static dsvk_status write_head(struct saving *a)
{
    dsvk_status            status;
    const struct dv_cache *c = a->s->cache;
    TRY(tell(a));
    TRY(write_some(a, a->s->tokens, (uint64_t)a->s->n_tokens * 4)); /* little-endian */
    for (uint32_t i = 0; i < a->writer->layout.n_pages; i++) {
        uint32_t flags = dv_cache_in_f16(c, i) ? DV_KEEP_IN_F16 : 0;
        (void)dv_keep_write(a->writer, &flags, sizeof flags); /* what follows says why */
        a->done += sizeof flags;
    }
    return DSVK_OK;
}

static dsvk_status write_all(struct saving *a, const char *path, const struct dv_keep *keep)
{
    dsvk_status     status;
    struct dv_turn *turn = a->s->engine.turn;
    dv_turn_give(turn);
    status = dv_keep_create(a->writer, a->s->setup.ctx, path, keep);
    if (status == DSVK_OK)
        status = write_head(a);
    (void)dv_turn_take(turn);
    if (status == DSVK_OK)
        status = write_pages(a);
    dv_turn_give(turn);
    if (status == DSVK_OK)
        status = dv_keep_commit(a->writer, path);
    else
        dv_keep_drop(a->writer);
    (void)dv_turn_take(turn);
    return status;
}

dsvk_status dv_session_save(struct dv_session *s, const char *path,
                            const struct dv_keep_params *params)
{
    const struct dv_context *ctx    = s->setup.ctx;
    struct dv_keep_writer   *writer = dv_zalloc(ctx, sizeof *writer);
    struct saving            a      = { .s = s, .progress = params->progress, .writer = writer };
    struct dv_keep           keep   = { .key      = dv_session_keep_key(s, params),
                                        .n_tokens = s->n_tokens,
                                        .answered = s->answered,
                                        .knows    = s->answered && s->knows };
    dsvk_status              status;
    keep.greatest = keep.knows ? s->greatest : 0;
    a.page        = dv_alloc(ctx, (size_t)keep.key.page_bytes);
    if (a.page && writer)
        status = write_all(&a, path, &keep);
    else
        status = dv_fail(ctx, DSVK_NO_MEMORY, "session: no memory to save it");
    dv_free(ctx, a.page);
    dv_free(ctx, writer);
    return status;
}
