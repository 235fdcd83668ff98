/* SPDX-License-Identifier: MIT */
#include "planner/cache_shape.h"

struct dv_cache_shape dv_cache_shape_of(const struct dv_setup *setup)
{
    return (struct dv_cache_shape){ .format  = setup->cache,
                                    .layers  = setup->config->layers,
                                    .kv      = setup->config->kv_lora,
                                    .rope    = setup->config->rope,
                                    .context = setup->context };
}

uint64_t dv_cache_token_bytes(const struct dv_cache_shape *shape)
{
    return (uint64_t)dv_state_cached("", 0, shape->kv, shape->rope).bytes[shape->format] *
           shape->layers;
}

uint32_t dv_cache_pages(const struct dv_cache_shape *shape)
{
    return (shape->context + DV_PAGE - 1) / DV_PAGE;
}

uint64_t dv_cache_page_bytes(const struct dv_cache_shape *shape)
{
    return dv_cache_token_bytes(shape) * DV_PAGE;
}

uint64_t dv_cache_table_bytes(const struct dv_cache_shape *shape)
{
    return (uint64_t)dv_cache_pages(shape) * 8;
}

uint64_t dv_cache_bytes(const struct dv_cache_shape *shape)
{
    return dv_cache_page_bytes(shape) * dv_cache_pages(shape) + dv_cache_table_bytes(shape);
}
