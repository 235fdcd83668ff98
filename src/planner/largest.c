/* SPDX-License-Identifier: MIT */
/* The longest context that there is memory for. */
#include "planner/sizes.h"

#include "planner/pages.h"

static uint32_t context_of(const struct dv_setup *setup, uint32_t pages)
{
    uint32_t most = setup->config->max_context;
    return pages > most / DV_PAGE ? most : pages * DV_PAGE;
}

/* Device bytes and the arena among them with a context of so many pages. */
static dsvk_status bytes_with(uint64_t *bytes, uint64_t *arena, const struct dv_setup *setup,
                              uint32_t pages)
{
    dsvk_status             status;
    struct dv_session_bytes all;
    struct dv_setup         with = *setup;
    with.context                 = context_of(setup, pages);
    if (with.chunk > with.context)
        with.chunk = with.context;
    TRY(dv_size_bytes(&all, &with));
    *bytes = dv_size_device(&all);
    *arena = dv_size_arenas(&all);
    return DSVK_OK;
}

/* By halving between page counts, of which *low fits. */
static dsvk_status search(uint32_t *low, uint32_t high, const struct dv_setup *setup, uint64_t left)
{
    dsvk_status status;
    uint64_t    bytes, arena;
    while (*low < high) {
        uint32_t middle = high - (high - *low) / 2;
        TRY(bytes_with(&bytes, &arena, setup, middle));
        if (bytes <= left)
            *low = middle;
        else
            high = middle - 1;
    }
    return DSVK_OK;
}

/* The arena grows with the context in few steps, if at all, and planning it is what takes time: so
 * we take that of the longest context that could fit, and look closer only where it differs. */
dsvk_status dv_size_largest(uint32_t *context, const struct dv_setup *setup, uint64_t left)
{
    dsvk_status     status;
    struct dv_setup one = *setup;
    one.context         = DV_PAGE;
    uint64_t page  = dv_pages_of(&one).bytes + (uint64_t)DV_PAGE * (setup->config->rope / 2) * 8;
    uint32_t high  = (setup->config->max_context - 1) / DV_PAGE + 1, low;
    uint64_t bytes = 0, arena, least;
    if (left / page < high)
        high = (uint32_t)(left / page);
    if (high > 0)
        TRY(bytes_with(&bytes, &arena, setup, high));
    if (bytes > left) {
        uint64_t over = (bytes - left - 1) / page + 1;
        low           = over < high ? high - (uint32_t)over : 0;
        if (low > 0) {
            TRY(bytes_with(&bytes, &least, setup, low));
            if (least == arena)
                high = low;
        }
        TRY(search(&low, high, setup, left));
        high = low;
    }
    *context = context_of(setup, high);
    return DSVK_OK;
}
