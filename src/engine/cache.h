/* SPDX-License-Identifier: MIT */
/* The latent cache of one timeline: which pages of the model's stock hold it, and the table of
 * their addresses that kernels read. Pages that are full and settled are sealed: they are shared
 * with whoever begins with the same tokens, and never written again; the last page is this
 * timeline's alone.
 *
 * Threads: those of the device. Nothing that reads or writes this timeline is queued when a
 * function here is called. */
#ifndef DV_ENGINE_CACHE_H
#define DV_ENGINE_CACHE_H

#include "dsvk/session.h"
#include "engine/stock.h"

/* A page that the timeline has. */
struct dv_held {
    struct dv_page *page;
    uint64_t        serial; /* of the page that others find; 0: not sealed */
    uint64_t        form;   /* what its bits depend on beside its tokens and the pages before */
};

struct dv_cache_params {
    bool overcommit; /* reserves nothing: takes what others leave, and allocates what is missing */
    bool exact;      /* shares no page whose bits depend on the pass that made it */
};

struct dv_cache {
    struct dv_device      *dev;
    struct dv_stream      *stream;
    struct dv_stock       *stock;
    struct dv_state_place *states; /* by dv_state of the model's graphs */
    uint32_t               n_states;
    struct dv_buffer      *table;
    uint64_t               bytes; /* of the pages that it has reserved, and its table */
    struct dv_cache_params params;
    struct dv_page_user    user;
    uint64_t               form; /* of pages that passes with products in f32 write */
    uint32_t               n;    /* pages of the context */
    uint32_t               n_reserved, n_held, n_sealed;
    struct dv_held        *held;      /* [n] */
    uint64_t              *addresses; /* [n], as the table shall be */
    uint32_t               changed_from, changed_to;
};

/* `stocks` are the model's. NO_VRAM when what it reserves does not fit. */
dsvk_status dv_cache_new(struct dv_cache **out, struct dv_stocks *stocks, struct dv_stream *stream,
                         const struct dv_setup *setup, const struct dv_cache_params *params);
void        dv_cache_free(struct dv_cache *cache);

/* A beginning of the timeline that is to become tokens[0 .. n-1], of which `kept` are cached: gives
 * the rest back, and takes sealed pages that hold what comes next. Returns how many tokens are
 * cached then, at most n-1. `f16`: whether products are rounded now. */
uint32_t dv_cache_find(struct dv_cache *cache, const uint32_t *tokens, uint32_t kept, uint32_t n,
                       bool f16);
/* Before a pass over positions first .. first+n-1, all before are cached: there are pages for them
 * that are the timeline's alone, and the table names them. NO_VRAM when there are none, and all is
 * as it was. */
dsvk_status dv_cache_reach(struct dv_cache *cache, uint32_t first, uint32_t n, bool f16);
/* The same for as many of the n as there are pages for, at least one. */
dsvk_status dv_cache_reach_some(struct dv_cache *cache, uint32_t first, uint32_t *n, bool f16);
/* The timeline is these tokens: seals what is full of them, but for the page of the last one, which
 * may be computed again; gives back what is behind. */
void dv_cache_settle(struct dv_cache *cache, const uint32_t *tokens, uint32_t n);

/* An empty one gets another's pages, of the same stock and settings: shares what is sealed, copies
 * what is not. After a failure it is to be freed. */
dsvk_status dv_cache_fork(struct dv_cache *cache, const struct dv_cache *from);

/* For a timeline that comes from elsewhere, page by page. Page i, behind sealed ones, is one that
 * holds these tokens behind the same ones, with products in f32; false: there is none. */
bool dv_cache_adopt(struct dv_cache *cache, const uint32_t *tokens, uint32_t i);
/* Page i is a new one, which the caller fills and then settles. NO_VRAM. */
dsvk_status dv_cache_new_page(struct dv_span *place, struct dv_cache *cache, uint32_t i, bool f16);
/* The table names all pages. */
dsvk_status dv_cache_ready(struct dv_cache *cache);
/* Whether products in f16 have made something in page i. */
bool dv_cache_in_f16(const struct dv_cache *cache, uint32_t i);

/* Fills in what is said of pages. */
void dv_cache_stats(const struct dv_cache *cache, dsvk_session_stats *stats);

#endif
