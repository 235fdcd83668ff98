/* SPDX-License-Identifier: MIT */
/* The pages of a session's latent cache and the table of their addresses. All of them are
 * allocated with the session, so that a pass never waits for memory. */
#include "engine/cache.h"

/* Pages lie in few buffers, each of at most 1 GiB or what the device allows. */
static dsvk_status allocate_pages(struct dv_cache *c, uint32_t pages, uint64_t *addresses)
{
    dsvk_status status;
    uint64_t    fit        = dv_caps_buffer_bytes(&c->dev->caps) / c->page_bytes;
    uint32_t    per_buffer = fit == 0 ? 1 : fit < pages ? (uint32_t)fit : pages;
    c->buffers = dv_zalloc_array(c->dev->ctx, pages / per_buffer + 1, sizeof *c->buffers);
    if (!c->buffers)
        return dv_fail(c->dev->ctx, DSVK_NO_MEMORY, "cache: no memory for its pages' list");
    for (uint32_t page = 0; page < pages; page += per_buffer) {
        uint32_t n = pages - page < per_buffer ? pages - page : per_buffer;
        TRY(dv_buffer_new(&c->buffers[c->n_buffers], c->dev, n * c->page_bytes, DV_MEMORY_DEVICE,
                          "latent cache"));
        for (uint32_t i = 0; i < n; i++)
            addresses[page + i] = c->buffers[c->n_buffers]->address + i * c->page_bytes;
        c->n_buffers++;
    }
    return DSVK_OK;
}

dsvk_status dv_cache_new(struct dv_cache **out, struct dv_device *dev, struct dv_stream *stream,
                         const struct dv_cache_shape *shape)
{
    dsvk_status      status;
    uint32_t         pages     = dv_cache_pages(shape);
    uint64_t        *addresses = dv_zalloc_array(dev->ctx, pages, sizeof *addresses);
    struct dv_cache *c         = dv_zalloc(dev->ctx, sizeof *c);
    *out                       = NULL;
    if (!c || !addresses) {
        dv_free(dev->ctx, addresses);
        dv_free(dev->ctx, c);
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "cache: no memory for %u page addresses", pages);
    }
    c->dev        = dev;
    c->format     = shape->format;
    c->record     = dv_state_cached("", 0, shape->kv, shape->rope).bytes[shape->format];
    c->context    = shape->context;
    c->page_bytes = dv_cache_page_bytes(shape);
    c->bytes      = dv_cache_bytes(shape);
    TRY_OR(fail, allocate_pages(c, pages, addresses));
    TRY_OR(fail, dv_buffer_new(&c->table, dev, dv_cache_table_bytes(shape), DV_MEMORY_DEVICE,
                               "latent cache pages"));
    TRY_OR(fail, dv_stream_upload(stream, c->table, 0, addresses, dv_cache_table_bytes(shape)));
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
    dv_free(cache->dev->ctx, cache);
}
