/* SPDX-License-Identifier: MIT */
/* Which weights a model has on a device. */
#ifndef DV_PLANNER_RECIPES_H
#define DV_PLANNER_RECIPES_H

#include "planner/setup.h"

/* The graphs that name the recipes: which matrices there are does not depend on the tokens of a
 * pass, but on the forms of attention that sessions may choose. The caller frees both graphs, also
 * after a failure. */
dsvk_status dv_recipe_graphs(struct dv_graph *graphs[2], uint32_t *n, const struct dv_setup *setup);

#endif
