/* SPDX-License-Identifier: MIT */
/* The pages of a session's latent cache and the table of their addresses. All of them are
 * allocated with the session, so that a pass never waits for memory. */
#include "engine/cache.h"

/* Pages lie in few buffers, each of at most 1 GiB or what the device allows. */
static dsvk_status allocate_pages(struct dv_cache *c, const struct dv_pages *pages,
                                  uint64_t *addresses)
{
    dsvk_status status;
    uint64_t    fit        = dv_caps_buffer_bytes(&c->dev->caps) / pages->page_bytes;
    uint32_t    per_buffer = fit == 0 ? 1 : fit < pages->n ? (uint32_t)fit : pages->n;
    c->buffers = dv_zalloc_array(c->dev->ctx, pages->n / per_buffer + 1, sizeof *c->buffers);
    if (!c->buffers)
        return dv_fail(c->dev->ctx, DSVK_NO_MEMORY, "cache: no memory for its pages' list");
    for (uint32_t page = 0; page < pages->n; page += per_buffer) {
        uint32_t n = pages->n - page < per_buffer ? pages->n - page : per_buffer;
        TRY(dv_buffer_new(&c->buffers[c->n_buffers], c->dev, n * pages->page_bytes,
                          DV_MEMORY_DEVICE, "latent cache"));
        for (uint32_t i = 0; i < n; i++)
            addresses[page + i] = c->buffers[c->n_buffers]->address + i * pages->page_bytes;
        c->n_buffers++;
    }
    return DSVK_OK;
}

dsvk_status dv_cache_new(struct dv_cache **out, struct dv_device *dev, struct dv_stream *stream,
                         const struct dv_setup *setup)
{
    dsvk_status      status;
    struct dv_pages  pages     = dv_pages_of(setup);
    size_t           most      = 1 + (size_t)setup->config->layers * DV_N_KEPT;
    uint64_t        *addresses = dv_zalloc_array(dev->ctx, pages.n, sizeof *addresses);
    struct dv_cache *c         = dv_zalloc(dev->ctx, sizeof *c);
    *out                       = NULL;
    if (!c || !addresses) {
        dv_free(dev->ctx, addresses);
        dv_free(dev->ctx, c);
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "cache: no memory for %u page addresses", pages.n);
    }
    c->dev    = dev;
    c->bytes  = pages.bytes;
    c->states = dv_zalloc_array(dev->ctx, most, sizeof *c->states);
    if (!c->states) {
        status = dv_fail(dev->ctx, DSVK_NO_MEMORY, "cache: no memory for %zu states", most);
        goto fail;
    }
    dv_pages_of_model(c->states, setup->config, setup->cache);
    TRY_OR(fail, allocate_pages(c, &pages, addresses));
    TRY_OR(fail, dv_buffer_new(&c->table, dev, pages.table_bytes, DV_MEMORY_DEVICE,
                               "latent cache pages"));
    TRY_OR(fail, dv_stream_upload(stream, c->table, 0, addresses, pages.table_bytes));
    *out = c;
    c    = NULL;
fail:
    dv_free(dev->ctx, addresses);
    dv_cache_free(c);
    return status;
}

void dv_cache_free(struct dv_cache *cache)
{
    if (!cache)
        return;
    for (uint32_t i = 0; i < cache->n_buffers; i++)
        dv_buffer_free(cache->buffers[i]);
    dv_buffer_free(cache->table);
    dv_free(cache->dev->ctx, cache->buffers);
    dv_free(cache->dev->ctx, cache->states);
    dv_free(cache->dev->ctx, cache);
}
