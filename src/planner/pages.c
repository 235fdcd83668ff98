/* SPDX-License-Identifier: MIT */
/* Lays out pages: the only code that knows in which order states lie in one. */
#include "planner/pages.h"

#include "base/size.h"

/* The place behind the states that take the first *bytes of a page. */
static struct dv_state_place next(uint64_t *bytes, const struct dv_state_info *state,
                                  enum dv_cache_format format)
{
    struct dv_state_place place = { .offset = (uint32_t)*bytes, .record = state->bytes[format] };
    *bytes += (uint64_t)place.record * DV_PAGE;
    return place;
}

uint64_t dv_pages_of_graph(struct dv_state_place *places, const struct dv_graph *g,
                           enum dv_cache_format format)
{
    uint64_t bytes = 0;
    for (dv_state s = 1; s <= g->n_states; s++)
        places[s] = next(&bytes, &g->states[s], format);
    return bytes;
}

uint64_t dv_pages_of_model(struct dv_state_place *places, const struct dv_config *config,
                           enum dv_cache_format format)
{
    struct dv_state_info state;
    uint64_t             bytes = 0;
    dv_state             s     = 0;
    for (uint32_t layer = 0; layer < config->layers; layer++)
        for (unsigned k = 0; k < DV_N_KEPT; k++) {
            if (!dv_model_keeps(&state, config, layer, (enum dv_kept)k))
                continue;
            struct dv_state_place place = next(&bytes, &state, format);
            if (places)
                places[++s] = place;
        }
    return bytes;
}

struct dv_pages dv_pages_of(const struct dv_setup *setup)
{
    uint64_t page_bytes = dv_pages_of_model(NULL, setup->config, setup->cache);
    uint32_t n          = (uint32_t)dv_ceil_div(setup->context, DV_PAGE);
    uint64_t table      = (uint64_t)n * 8;
    return (struct dv_pages){ .n           = n,
                              .token_bytes = page_bytes / DV_PAGE,
                              .page_bytes  = page_bytes,
                              .table_bytes = table,
                              .bytes       = page_bytes * n + table };
}
