/* SPDX-License-Identifier: MIT */
/* Where a node's operands lie, as the argument structs of the kernels want it. */
#include "kernel/kernel.h"

#include "base/size.h"

struct dv_address dv_address_of(uint64_t address)
{
    return (struct dv_address){ .lo = (uint32_t)address, .hi = (uint32_t)(address >> 32) };
}

struct dv_operand dv_site_operand(const struct dv_kernel_site *site, dv_tensor tensor)
{
    if (tensor == 0)
        return (struct dv_operand){ .address = { 0, 0 } };
    const struct dv_value *value  = &site->graph->values[tensor];
    uint64_t               offset = value->arena_offset;
    if (value->kind == DV_VALUE_VIEW)
        offset = site->graph->values[value->base].arena_offset + (uint64_t)value->offset * 4;
    return (struct dv_operand){
        .address = dv_address_of(site->arena + offset),
        .stride  = value->stride,
        .rows    = value->rows,
        .cols    = value->cols,
    };
}

struct dv_matrix dv_site_matrix(const struct dv_kernel_site *site, dv_weight weight)
{
    const struct dv_weight_place *place = &site->weights[weight];
    return (struct dv_matrix){
        .tiles       = dv_address_of(place->address),
        .scales      = place->scales,
        .cols        = site->graph->weights[weight].cols,
        .chunks      = place->chunks,
        .groups      = place->groups,
        .block_shift = place->block_shift,
        .blocks      = place->blocks,
    };
}

struct dv_address dv_site_vector(const struct dv_kernel_site *site, dv_weight weight)
{
    return dv_address_of(weight ? site->weights[weight].address : 0);
}

struct dv_cache_place dv_site_state(const struct dv_kernel_site *site, dv_tensor state)
{
    const struct dv_state_place *place = &site->states[site->graph->values[state].state];
    return (struct dv_cache_place){
        .offset = place->offset,
        .record = place->record,
    };
}

bool dv_site_units(const struct dv_kernel_site *site)
{
    return site->math_f16 && !site->graph->size.batch;
}

uint32_t dv_groups(const struct dv_kernel_site *site, unsigned axis, uint32_t n)
{
    return n < site->caps->max_groups[axis] ? n : site->caps->max_groups[axis];
}

uint32_t dv_quad_groups(uint32_t cols, uint32_t workgroup)
{
    return dv_ceil_div(cols / 4, workgroup);
}

uint32_t dv_wide_workgroup(const struct dv_kernel_site *site, uint32_t most)
{
    struct dv_tuning tuning;
    dv_tuning_of(&tuning, site->caps);
    uint32_t wide = tuning.row_workgroup;
    while (!site->caps->is_software && wide < most && wide * 2 <= site->caps->max_workgroup)
        wide *= 2;
    return wide;
}
