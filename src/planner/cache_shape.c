/* SPDX-License-Identifier: MIT */
#include "planner/cache_shape.h"

uint32_t dv_cache_pages(const struct dv_cache_shape *shape)
{
    return (shape->context + DV_PAGE - 1) / DV_PAGE;
}

uint64_t dv_cache_page_bytes(const struct dv_cache_shape *shape)
{
    return (uint64_t)dv_cache_record_bytes(shape->format, shape->kv, shape->rope) * DV_PAGE *
           shape->layers;
}

uint64_t dv_cache_table_bytes(const struct dv_cache_shape *shape)
{
    return (uint64_t)dv_cache_pages(shape) * 8;
}

uint64_t dv_cache_bytes(const struct dv_cache_shape *shape)
{
    return dv_cache_page_bytes(shape) * dv_cache_pages(shape) + dv_cache_table_bytes(shape);
}
