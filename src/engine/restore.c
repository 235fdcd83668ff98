/* SPDX-License-Identifier: MIT */
/* Reads a timeline from a file: all of it is checked, then pages are taken. */
#include <string.h>

#include "base/size.h"
#include "base/stop.h"
#include "engine/finite.h"
#include "engine/keep.h"
#include "engine/turn.h"

#define PIECE (UINT64_C(1) << 20)

struct loading {
    struct dv_session    *s;
    const dsvk_progress  *progress;
    struct dv_keep_reader reader;
    uint32_t             *ids, *flags; /* of all tokens and pages */
    unsigned char        *piece;
    uint32_t              n; /* tokens that are taken */
    uint64_t              done, total;
};

static uint64_t read_file(void *user, void *to, uint64_t bytes, uint64_t offset)
{
    return dv_file_read_at(user, to, bytes, offset);
}

/* Without the turn, as all up to the pages. */
static dsvk_status tell(struct loading *l, uint64_t bytes)
{
    l->done += bytes;
    if (dv_goes_on(l->progress, l->done, l->total) || l->done == l->total)
        return DSVK_OK;
    return dv_fail(l->s->setup.ctx, DSVK_CANCELLED, "cancelled after %llu of %llu bytes",
                   (unsigned long long)l->done, (unsigned long long)l->total);
}

/* ---- checking ---- */

static dsvk_status read_head(struct loading *l)
{
    dsvk_status              status;
    struct dv_keep_reader   *r   = &l->reader;
    const struct dv_context *ctx = l->s->setup.ctx;
    l->ids                       = dv_zalloc_array(ctx, r->keep.n_tokens, sizeof *l->ids);
    l->flags = dv_zalloc_array(ctx, (size_t)r->layout.n_pages, sizeof *l->flags);
    l->piece = dv_alloc(ctx, (size_t)PIECE);
    if (!l->ids || !l->flags || !l->piece)
        return dv_fail(ctx, DSVK_NO_MEMORY, "session: no memory to load %u tokens",
                       r->keep.n_tokens);
    TRY(dv_keep_ids(r, l->ids));
    return dv_keep_read(r, l->flags, r->layout.flags_at, r->layout.n_pages * 4);
}

static dsvk_status check_results(const struct loading *l)
{
    const struct dv_keep *keep = &l->reader.keep;
    if (!keep->knows || keep->greatest < l->s->setup.choices || keep->greatest == DV_NOT_FINITE)
        return DSVK_OK;
    return dv_fail(l->s->setup.ctx, DSVK_BAD_FILE,
                   "session file: %s: its next token %u is outside of %u", l->reader.name,
                   keep->greatest, l->s->setup.choices);
}

static void count_common(struct loading *l, const uint32_t *tokens, uint32_t n)
{
    l->n = l->reader.keep.n_tokens;
    if (!tokens)
        return;
    uint32_t most = (uint32_t)dv_min(l->n, n);
    for (l->n = 0; l->n < most && l->ids[l->n] == tokens[l->n];)
        l->n++;
}

static dsvk_status check(struct loading *l, const uint32_t *tokens, uint32_t n)
{
    dsvk_status            status;
    struct dv_keep_reader *r = &l->reader;
    TRY(read_head(l));
    TRY(check_results(l));
    count_common(l, tokens, n);
    if (l->n > l->s->setup.context)
        return dv_fail(l->s->setup.ctx, DSVK_BAD_ARGUMENT,
                       "session file: %s: %u tokens do not fit into a context of %u", r->name, l->n,
                       l->s->setup.context);
    l->total = r->layout.bytes + dv_ceil_div(l->n, DV_PAGE) * r->keep.key.page_bytes;
    TRY(tell(l, 0));
    for (uint64_t i = 0; i < r->layout.n_blocks; i++) {
        TRY(dv_keep_check_block(r, i));
        TRY(tell(l, dv_min(r->layout.bytes - i * DV_KEEP_BLOCK, DV_KEEP_BLOCK)));
    }
    return DSVK_OK;
}

/* ---- taking pages ---- */

/* With the turn, and without it while the file is read: into a page that is nobody else's. */
static dsvk_status fill(struct loading *l, uint32_t i, const struct dv_span *place)
{
    dsvk_status                  status;
    const struct dv_keep_layout *layout = &l->reader.layout;
    struct dv_session           *s      = l->s;
    uint64_t                     bytes  = s->cache->stock->page_bytes, n;
    for (uint64_t at = 0; at < bytes; at += n) {
        n = dv_min(bytes - at, PIECE);
        dv_turn_give(s->engine.turn);
        status = dv_keep_read(&l->reader, l->piece, layout->pages_at + i * bytes + at, n);
        if (status == DSVK_OK)
            status = tell(l, n);
        (void)dv_turn_take(s->engine.turn);
        if (status == DSVK_OK)
            status =
                dv_stream_upload(s->cache->stream, place->buffer, place->offset + at, l->piece, n);
        if (status != DSVK_OK)
            return status;
    }
    return DSVK_OK;
}

static dsvk_status take_page(struct loading *l, uint32_t i)
{
    dsvk_status      status;
    struct dv_span   place;
    struct dv_cache *c    = l->s->cache;
    bool             f16  = l->flags[i] & DV_KEEP_IN_F16;
    bool             last = i == (l->n - 1) / DV_PAGE; /* stays open */
    if (!last && !f16 && dv_cache_adopt(c, l->ids, i)) {
        l->done += c->stock->page_bytes;
        return DSVK_OK;
    }
    TRY(dv_cache_new_page(&place, c, i, f16));
    TRY(fill(l, i, &place));
    if (!last)
        dv_cache_settle(c, l->ids, (i + 1) * DV_PAGE + 1);
    return DSVK_OK;
}

/* What of the old timeline is not found again is computed when it is asked for. */
static void go_back(struct dv_session *s)
{
    s->n_cached = s->n_tokens == 0
                      ? 0
                      : dv_cache_find(s->cache, s->tokens, 0, s->n_tokens, dv_session_in_f16(s));
    if (s->n_tokens == 0)
        dv_cache_settle(s->cache, s->tokens, 0);
}

static dsvk_status take_pages(struct loading *l)
{
    struct dv_session    *s      = l->s;
    const struct dv_keep *keep   = &l->reader.keep;
    dsvk_status           status = DSVK_OK;
    bool                  whole  = l->n == keep->n_tokens;
    dv_cache_settle(s->cache, s->tokens, 0);
    for (uint32_t i = 0; i < dv_ceil_div(l->n, DV_PAGE) && status == DSVK_OK; i++)
        status = take_page(l, i);
    if (status == DSVK_OK)
        status = dv_cache_ready(s->cache);
    if (status != DSVK_OK) {
        go_back(s);
        return status;
    }
    memcpy(s->tokens, l->ids, l->n * sizeof *s->tokens);
    s->n_tokens = s->n_cached = l->n;
    s->answered               = whole && keep->answered;
    s->knows                  = whole && keep->knows;
    s->greatest               = keep->greatest;
    dv_session_forget_results(s);
    return DSVK_OK;
}

/* Whether the timeline begins with these tokens, and all of them are cached. */
static bool has_them(const struct loading *l, bool all)
{
    const struct dv_session *s = l->s;
    return !all && s->n_cached >= l->n && memcmp(s->tokens, l->ids, l->n * sizeof *l->ids) == 0;
}

/* Of pages that were there already; the work is done whatever is answered. */
static void tell_rest(struct loading *l)
{
    dv_turn_give(l->s->engine.turn);
    (void)tell(l, l->total - l->done);
    (void)dv_turn_take(l->s->engine.turn);
}

/* ---- a file ---- */

static dsvk_status open_and_check(struct loading *l, struct dv_file *file, const char *path,
                                  const struct dv_keep_key *mine)
{
    dsvk_status           status;
    struct dv_keep_source source = { .read = read_file, .user = file };
    TRY(dv_file_open(file, l->s->setup.ctx, path));
    source.bytes = dv_file_bytes(file);
    return dv_keep_open(&l->reader, l->s->setup.ctx, path, &source, mine);
}

dsvk_status dv_session_load(struct dv_session *s, const char *path, const uint32_t *tokens,
                            uint32_t n, const struct dv_keep_params *params)
{
    const struct dv_context *ctx  = s->setup.ctx;
    struct dv_file           file = { 0 };
    struct dv_keep_key       mine = dv_session_keep_key(s, params);
    struct loading           l    = { .s = s, .progress = params->progress, .reader.ctx = ctx };
    dv_turn_give(s->engine.turn);
    dsvk_status status = open_and_check(&l, &file, path, &mine);
    if (status == DSVK_OK)
        status = check(&l, tokens, n);
    (void)dv_turn_take(s->engine.turn);
    bool there = status == DSVK_OK && has_them(&l, tokens == NULL);
    if (status == DSVK_OK && !there)
        status = take_pages(&l);
    if (status == DSVK_OK && l.done < l.total)
        tell_rest(&l);
    dv_keep_close(&l.reader);
    if (file.open)
        dv_file_close(&file);
    dv_free(ctx, l.ids);
    dv_free(ctx, l.flags);
    dv_free(ctx, l.piece);
    return status;
}
