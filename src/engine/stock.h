/* SPDX-License-Identifier: MIT */
/* The pages that the timelines of one model have together, one stock for each cache format: the
 * books (engine/pool.h), and buffers of many pages on the device. A stock begins with its first
 * user and ends with its last.
 *
 * Threads: those of the device. */
#ifndef DV_ENGINE_STOCK_H
#define DV_ENGINE_STOCK_H

#include "engine/pool.h"
#include "vk/stream.h"

/* Of one model; zero at first, and again when nobody uses it any more. */
struct dv_stocks {
    struct dv_stock *of[DV_N_CACHES];
};

struct dv_stock {
    struct dv_device *dev;
    struct dv_stock **listed; /* where it stands among the model's */
    uint64_t          page_bytes;
    uint32_t          users;
    struct dv_pool    pool;
};

/* One more user, of the stock for the format that the setup says. */
dsvk_status dv_stock_open(struct dv_stock **out, struct dv_stocks *stocks, struct dv_device *dev,
                          const struct dv_setup *setup);
/* The user has given back its pages and what it had reserved. Buffers that are no longer needed for
 * others are freed, and with the last user the stock. NULL is fine. */
void dv_stock_close(struct dv_stock *stock);

/* Frees buffers of kept pages that nothing has reserved, of all formats. */
void dv_stocks_trim(const struct dv_stocks *stocks);

/* Buffers of at most 1 GiB, or what the device allows, for n more pages. NO_VRAM. */
dsvk_status dv_stock_grow(struct dv_stock *stock, uint32_t n, const void *home);
/* Allocates what is missing for n more pages, and reserves them. Nothing is after a failure. */
dsvk_status dv_stock_reserve(struct dv_stock *stock, uint32_t n, const void *home);

/* Where a page lies. */
struct dv_span dv_stock_place(const struct dv_stock *stock, const struct dv_page *page);
uint64_t       dv_stock_address(const struct dv_stock *stock, const struct dv_page *page);

#endif
