/* SPDX-License-Identifier: MIT */
/* What a node reads and computes, counted from its shapes: the two sides of the roofline. */
#ifndef DV_KERNEL_COST_H
#define DV_KERNEL_COST_H

#include "kernel/kernel.h"

struct dv_cost {
    uint64_t weight_bytes; /* packed weights, each once, however often a kernel comes back to it */
    uint64_t cache_bytes;  /* records of states, likewise */
    uint64_t flops;        /* two for each product that is summed; nothing for norms and the like */
};

/* Where a pass stands. */
struct dv_cost_site {
    const struct dv_weight_place *weights;  /* by dv_weight; addresses are not looked at */
    const struct dv_state_place  *states;   /* by dv_state; NULL: their bytes are not counted */
    uint32_t                      position; /* of the first token */
};

void dv_node_cost(struct dv_cost *cost, const struct dv_cost_site *site, const struct dv_graph *g,
                  const struct dv_node *node);

/* Experts that `pairs` choices touch at most. */
uint32_t dv_experts_touched(uint64_t pairs, uint32_t experts);
bool     dv_weight_is_matrix(const struct dv_weight_info *info);
/* The matrix of a node that its name in a profile comes from; 0: none. */
dv_weight dv_node_matrix(const struct dv_graph *g, const struct dv_node *node);

#endif
