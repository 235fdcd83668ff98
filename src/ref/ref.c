/* SPDX-License-Identifier: MIT */
/* The table of references: an op without one does not link. */
#include "ref/ref.h"

static const dv_ref_op refs[DV_N_OPS] = {
#define OP(name, ...) [DV_OP_##name] = dv_ref_##name,
#include "graph/ops.def"
#undef OP
};

dv_ref_op dv_ref_of(enum dv_op op)
{
    return refs[op];
}

uint32_t *dv_ref_words(const struct dv_ref_site *site, dv_tensor tensor, uint32_t r)
{
    const struct dv_value *value = &site->graph->values[tensor];
    uint64_t               start = (uint64_t)r * value->stride;
    if (value->kind == DV_VALUE_VIEW)
        return site->values[value->base] + value->offset + start;
    return site->values[tensor] + start;
}

float *dv_ref_record(const struct dv_ref_site *site, dv_tensor state, uint32_t r, uint32_t position)
{
    dv_state which = site->graph->values[state].state;
    size_t   first = (size_t)site->rows[r].timeline * site->graph->size.context;
    return site->states[which] + (first + position) * site->graph->states[which].values;
}

float *dv_ref_row(const struct dv_ref_site *site, dv_tensor tensor, uint32_t r)
{
    return (float *)(void *)dv_ref_words(site, tensor, r);
}
