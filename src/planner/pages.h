/* SPDX-License-Identifier: MIT */
/* Where states lie: in pages of DV_PAGE tokens, in a page one state behind the other, of each the
 * records of the tokens in order. For the planner, before there are pages, and for the cache. */
#ifndef DV_PLANNER_PAGES_H
#define DV_PLANNER_PAGES_H

#include "planner/setup.h"

/* Gives each state that the graph declares its place, by dv_state; the bytes of a page. */
uint64_t dv_pages_of_graph(struct dv_state_place *places, const struct dv_graph *g,
                           enum dv_cache_format format);
/* The same for what all graphs of a model declare, without one. `places` has room for
 * 1 + layers * DV_N_KEPT, or is NULL. */
uint64_t dv_pages_of_model(struct dv_state_place *places, const struct dv_config *config,
                           enum dv_cache_format format);

/* What the pages of a whole context take. */
struct dv_pages {
    uint32_t n;
    uint64_t token_bytes; /* the records of one token, of all states */
    uint64_t page_bytes;
    uint64_t table_bytes; /* of the table of page addresses */
    uint64_t bytes;       /* of all pages and the table */
};
struct dv_pages dv_pages_of(const struct dv_setup *setup);

#endif
