/* SPDX-License-Identifier: MIT */
/* Pages of a timeline. The table on the device is written when a pass needs it, and then only the
 * entries that have changed. */
#include "engine/cache.h"

#include <string.h>

#include "base/size.h"
#include "planner/sizes.h"

/* Bits of dv_held.form. */
#define IN_F16 UINT64_C(1)

/* Pages that are allocated at once for a timeline without a reservation. */
#define GROWTH 16u
/* Pages that are taken at once for tokens to come, so that passes are seldom waited for. */
#define AT_ONCE 4u

/* ---- which pages it has ---- */

/* From the last one on, so that of a kept beginning its end is forgotten first. */
static void give_behind(struct dv_cache *c, uint32_t n_pages)
{
    while (c->n_held > n_pages)
        dv_pool_give(&c->stock->pool, c->held[--c->n_held].page, &c->user);
    c->n_sealed = (uint32_t)dv_min(c->n_sealed, n_pages);
}

/* Page i is this one from now on; the last one that it has, or one more. */
static void hold(struct dv_cache *c, uint32_t i, struct dv_page *page)
{
    if (i < c->n_held)
        dv_pool_give(&c->stock->pool, c->held[i].page, &c->user);
    else
        c->n_held++;
    c->held[i]      = (struct dv_held){ .page = page };
    c->addresses[i] = dv_stock_address(c->stock, page);
    if (c->changed_from == c->changed_to)
        c->changed_from = c->changed_to = i;
    c->changed_from = (uint32_t)dv_min(c->changed_from, i);
    c->changed_to   = (uint32_t)dv_max(c->changed_to, i + 1);
}

/* Without a reservation memory may be missing: a few pages more, as far as the device allows. */
static dsvk_status take(struct dv_page **page, struct dv_cache *c)
{
    dsvk_status             status;
    const struct dv_device *dev = c->dev;
    *page                       = dv_pool_take(&c->stock->pool, &c->user);
    if (*page)
        return DSVK_OK;
    uint64_t n = dv_min(GROWTH, dv_max(c->n - c->n_held, 1));
    if (dev->bytes_limit) {
        uint64_t left = dev->bytes_limit > dev->bytes_used ? dev->bytes_limit - dev->bytes_used : 0;
        n             = dv_min(n, dv_max(left / c->stock->page_bytes, 1));
    }
    TRY(dv_stock_grow(c->stock, (uint32_t)n, c));
    *page = dv_pool_take(&c->stock->pool, &c->user);
    return DSVK_OK;
}

/* ---- beginnings that are there ---- */

static struct dv_page_key key_of(const struct dv_cache *c, const uint32_t *tokens, uint32_t i,
                                 uint64_t form)
{
    return (struct dv_page_key){ .parent = i > 0 ? c->held[i - 1].serial : 0,
                                 .form   = form,
                                 .ids    = tokens + (size_t)i * DV_PAGE };
}

/* Another page with the same tokens behind the same ones takes the place of this one, unless its
 * bits may differ. */
static void seal(struct dv_cache *c, const uint32_t *tokens, uint32_t i)
{
    struct dv_pool    *pool = &c->stock->pool;
    struct dv_page_key key  = key_of(c, tokens, i, c->held[i].form);
    struct dv_page    *page = dv_pool_seal(pool, c->held[i].page, &key);
    if (page != c->held[i].page && !(key.form & IN_F16) && dv_pool_share(pool, page, &c->user))
        hold(c, i, page);
    c->held[i].serial = page->serial;
    c->held[i].form   = key.form;
    c->n_sealed       = i + 1;
}

static void hold_sealed(struct dv_cache *c, uint32_t i, struct dv_page *page, uint64_t form)
{
    hold(c, i, page);
    c->held[i].serial = page->serial;
    c->held[i].form   = form;
    c->n_sealed       = i + 1;
}

uint32_t dv_cache_find(struct dv_cache *c, const uint32_t *tokens, uint32_t kept, uint32_t n,
                       bool f16)
{
    struct dv_pool *pool = &c->stock->pool;
    give_behind(c, (uint32_t)dv_ceil_div(kept, DV_PAGE));
    while (c->n_sealed < kept / DV_PAGE) /* tokens follow: they are not computed again */
        seal(c, tokens, c->n_sealed);
    if (f16 && c->params.exact)
        return kept;
    for (uint32_t i = kept / DV_PAGE; i < (n - 1) / DV_PAGE; i++) {
        struct dv_page_key key  = key_of(c, tokens, i, c->form | (f16 ? IN_F16 : 0));
        struct dv_page    *page = dv_pool_find(pool, &key);
        if (!page || !dv_pool_share(pool, page, &c->user))
            break;
        hold_sealed(c, i, page, key.form);
        kept = (i + 1) * DV_PAGE;
    }
    return kept;
}

void dv_cache_settle(struct dv_cache *c, const uint32_t *tokens, uint32_t n)
{
    give_behind(c, (uint32_t)dv_ceil_div(n, DV_PAGE));
    while (n > 0 && c->n_sealed < (n - 1) / DV_PAGE)
        seal(c, tokens, c->n_sealed);
}

/* ---- pages that may be written ---- */

/* A page of this timeline's own with the bytes of `old`. */
static dsvk_status copy_page(struct dv_page **page, struct dv_cache *c, const struct dv_page *old)
{
    dsvk_status status;
    TRY(take(page, c));
    struct dv_span from = dv_stock_place(c->stock, old);
    struct dv_span to   = dv_stock_place(c->stock, *page);
    status              = dv_stream_copy(c->stream, &from, &to, c->stock->page_bytes);
    if (status != DSVK_OK)
        dv_pool_give(&c->stock->pool, *page, &c->user);
    return status;
}

/* Of a page that others have or find the timeline gets a copy, or what nobody finds any more. */
static dsvk_status make_own(struct dv_cache *c, uint32_t i)
{
    dsvk_status    status;
    struct dv_held old = c->held[i];
    if (old.page->users > 1) {
        struct dv_page *page;
        TRY(copy_page(&page, c, old.page));
        hold(c, i, page);
    } else if (old.page->serial) {
        dv_pool_open(&c->stock->pool, old.page);
    }
    c->held[i].serial = 0;
    c->held[i].form   = old.form;
    c->n_sealed       = i;
    return DSVK_OK;
}

static dsvk_status add_pages(struct dv_cache *c, uint32_t first, uint32_t end)
{
    dsvk_status     status;
    struct dv_page *page;
    if (first / DV_PAGE < c->n_sealed)
        TRY(make_own(c, first / DV_PAGE));
    while (c->n_held < dv_ceil_div(end, DV_PAGE)) {
        TRY(take(&page, c));
        hold(c, c->n_held, page);
    }
    return DSVK_OK;
}

static dsvk_status write_table(struct dv_cache *c)
{
    dsvk_status status;
    uint32_t    from = c->changed_from, n = c->changed_to - from;
    if (n == 0)
        return DSVK_OK;
    TRY(dv_stream_upload(c->stream, c->table, from * sizeof *c->addresses, c->addresses + from,
                         n * sizeof *c->addresses));
    c->changed_from = c->changed_to = 0;
    return DSVK_OK;
}

dsvk_status dv_cache_reach(struct dv_cache *c, uint32_t first, uint32_t n, bool f16)
{
    dsvk_status status;
    uint32_t    before = c->n_held;
    status             = add_pages(c, first, first + n);
    if (status == DSVK_OK)
        status = write_table(c);
    if (status != DSVK_OK) {
        give_behind(c, before);
        return status;
    }
    for (uint32_t i = first / DV_PAGE; i < c->n_held; i++)
        c->held[i].form |= c->form | (f16 ? IN_F16 : 0);
    return DSVK_OK;
}

dsvk_status dv_cache_reach_some(struct dv_cache *c, uint32_t first, uint32_t *n, bool f16)
{
    uint32_t pages = c->params.overcommit ? 1 : AT_ONCE; /* with a reservation it gets them */
    *n             = (uint32_t)dv_min(*n, pages * DV_PAGE - first % DV_PAGE);
    return dv_cache_reach(c, first, *n, f16);
}

/* ---- from elsewhere ---- */

bool dv_cache_adopt(struct dv_cache *c, const uint32_t *tokens, uint32_t i)
{
    struct dv_page_key key  = key_of(c, tokens, i, c->form);
    struct dv_page    *page = dv_pool_find(&c->stock->pool, &key);
    if (!page || !dv_pool_share(&c->stock->pool, page, &c->user))
        return false;
    hold_sealed(c, i, page, key.form);
    return true;
}

dsvk_status dv_cache_new_page(struct dv_span *place, struct dv_cache *c, uint32_t i, bool f16)
{
    dsvk_status     status;
    struct dv_page *page;
    TRY(take(&page, c));
    hold(c, i, page);
    c->held[i].form = c->form | (f16 ? IN_F16 : 0);
    *place          = dv_stock_place(c->stock, page);
    return DSVK_OK;
}

dsvk_status dv_cache_ready(struct dv_cache *c)
{
    return write_table(c);
}

bool dv_cache_in_f16(const struct dv_cache *c, uint32_t i)
{
    return c->held[i].form & IN_F16;
}

/* ---- forks ---- */

dsvk_status dv_cache_fork(struct dv_cache *c, const struct dv_cache *from)
{
    dsvk_status status;
    for (uint32_t i = 0; i < from->n_held; i++) {
        struct dv_page *page = from->held[i].page;
        if (i >= from->n_sealed || !dv_pool_share(&c->stock->pool, page, &c->user))
            TRY(copy_page(&page, c, from->held[i].page));
        hold(c, i, page);
        c->held[i].serial = from->held[i].serial;
        c->held[i].form   = from->held[i].form;
    }
    c->n_sealed = from->n_sealed;
    return write_table(c);
}

/* ---- making ---- */

static dsvk_status allocate(struct dv_cache *c, const struct dv_setup *setup)
{
    dsvk_status              status;
    struct dv_pages          pages = dv_pages_of(setup);
    const struct dv_context *ctx   = c->dev->ctx;
    size_t                   most  = 1 + (size_t)setup->config->layers * DV_N_KEPT;
    c->n                           = pages.n;
    c->n_states                    = (uint32_t)most - 1;
    c->bytes                       = pages.table_bytes;
    c->held                        = dv_zalloc_array(ctx, pages.n, sizeof *c->held);
    c->addresses                   = dv_zalloc_array(ctx, pages.n, sizeof *c->addresses);
    c->states                      = dv_zalloc_array(ctx, most, sizeof *c->states);
    if (!c->held || !c->addresses || !c->states)
        return dv_fail(ctx, DSVK_NO_MEMORY, "cache: no memory for %u page addresses", pages.n);
    dv_pages_of_model(c->states, setup->config, setup->cache);
    if (!c->params.overcommit) {
        TRY(dv_stock_reserve(c->stock, pages.n, c));
        c->n_reserved = pages.n;
        c->bytes += pages.n * pages.page_bytes;
    }
    TRY(dv_buffer_new(&c->table, c->dev, pages.table_bytes, DV_MEMORY_DEVICE,
                      "latent cache pages"));
    return dv_stream_upload(c->stream, c->table, 0, c->addresses, pages.table_bytes);
}

dsvk_status dv_cache_new(struct dv_cache **out, struct dv_stocks *stocks, struct dv_stream *stream,
                         const struct dv_setup *setup, const struct dv_cache_params *params)
{
    dsvk_status       status;
    struct dv_device *dev = stream->dev;
    struct dv_cache  *c   = dv_zalloc(dev->ctx, sizeof *c);
    struct dv_tuning  tuning;
    *out = NULL;
    if (!c)
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "cache: no memory for it");
    dv_tuning_of(&tuning, &dev->caps);
    c->dev    = dev;
    c->stream = stream;
    c->params = *params;
    c->user   = (struct dv_page_user){ .home = c, .borrows = params->overcommit };
    c->form   = (uint64_t)dv_engine_split(setup->context, &tuning) << 1;
    status    = dv_stock_open(&c->stock, stocks, dev, setup);
    if (status == DSVK_OK)
        status = allocate(c, setup);
    if (status == DSVK_OK)
        *out = c;
    else
        dv_cache_free(c);
    return status;
}

void dv_cache_free(struct dv_cache *cache)
{
    if (!cache)
        return;
    const struct dv_context *ctx = cache->dev->ctx;
    give_behind(cache, 0);
    if (cache->stock)
        dv_pool_unreserve(&cache->stock->pool, cache->n_reserved);
    dv_stock_close(cache->stock);
    dv_buffer_free(cache->table);
    dv_free(ctx, cache->held);
    dv_free(ctx, cache->addresses);
    dv_free(ctx, cache->states);
    dv_free(ctx, cache);
}

/* ---- what is said of it ---- */

void dv_cache_stats(const struct dv_cache *c, dsvk_session_stats *stats)
{
    const struct dv_pool *pool  = &c->stock->pool;
    stats->cache_bytes          = c->bytes;
    stats->page_bytes           = c->stock->page_bytes;
    stats->pages                = pool->n_pages;
    stats->pages_used           = pool->n_used;
    stats->pages_kept           = pool->n_kept;
    stats->session_pages        = c->n_held;
    stats->session_pages_shared = 0;
    for (uint32_t i = 0; i < c->n_held; i++)
        stats->session_pages_shared += c->held[i].page->users > 1;
}
