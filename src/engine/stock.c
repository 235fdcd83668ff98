/* SPDX-License-Identifier: MIT */
/* Buffers of pages: brought when they are missing, freed when nobody needs them. */
#include "engine/stock.h"

#include "base/size.h"

dsvk_status dv_stock_open(struct dv_stock **out, struct dv_stocks *stocks, struct dv_device *dev,
                          const struct dv_setup *setup)
{
    struct dv_stock **listed = &stocks->of[setup->cache];
    *out                     = NULL;
    if (!*listed) {
        struct dv_stock *stock = dv_zalloc(dev->ctx, sizeof *stock);
        if (!stock)
            return dv_fail(dev->ctx, DSVK_NO_MEMORY, "cache: no memory for its books");
        stock->dev        = dev;
        stock->listed     = listed;
        stock->page_bytes = dv_pages_of(setup).page_bytes;
        dv_pool_init(&stock->pool, dev->ctx);
        *listed = stock;
    }
    (*listed)->users++;
    *out = *listed;
    return DSVK_OK;
}

static void free_spare(struct dv_stock *stock)
{
    struct dv_block *spare;
    while ((spare = dv_pool_spare(&stock->pool)) != NULL) {
        dv_buffer_free(spare->memory);
        dv_pool_remove(&stock->pool, spare);
    }
}

void dv_stocks_trim(const struct dv_stocks *stocks)
{
    for (size_t i = 0; i < sizeof stocks->of / sizeof *stocks->of; i++)
        if (stocks->of[i])
            free_spare(stocks->of[i]);
}

void dv_stock_close(struct dv_stock *stock)
{
    if (!stock)
        return;
    free_spare(stock);
    if (--stock->users > 0)
        return;
    dv_pool_done(&stock->pool);
    *stock->listed = NULL;
    dv_free(stock->dev->ctx, stock);
}

dsvk_status dv_stock_grow(struct dv_stock *stock, uint32_t n, const void *home)
{
    dsvk_status status;
    uint64_t    most = dv_max(dv_caps_buffer_bytes(&stock->dev->caps) / stock->page_bytes, 1);
    while (n > 0) {
        struct dv_buffer *buffer;
        uint32_t          pages = (uint32_t)dv_min(n, most);
        TRY(dv_buffer_new(&buffer, stock->dev, pages * stock->page_bytes, DV_MEMORY_DEVICE,
                          "latent cache"));
        status = dv_pool_add(&stock->pool, pages, buffer, home);
        if (status != DSVK_OK) {
            dv_buffer_free(buffer);
            return status;
        }
        n -= pages;
    }
    return DSVK_OK;
}

dsvk_status dv_stock_reserve(struct dv_stock *stock, uint32_t n, const void *home)
{
    dsvk_status status = dv_stock_grow(stock, dv_pool_lacks(&stock->pool, n, 0), home);
    if (status == DSVK_OK)
        dv_pool_reserve(&stock->pool, n);
    else
        free_spare(stock);
    return status;
}

struct dv_span dv_stock_place(const struct dv_stock *stock, const struct dv_page *page)
{
    return (struct dv_span){ page->block->memory,
                             (uint64_t)(page - page->block->pages) * stock->page_bytes };
}

uint64_t dv_stock_address(const struct dv_stock *stock, const struct dv_page *page)
{
    struct dv_span place = dv_stock_place(stock, page);
    return place.buffer->address + place.offset;
}
