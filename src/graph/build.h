/* SPDX-License-Identifier: MIT */
/* Inside graph/: how constructors and fusion add values and nodes. */
#ifndef DV_GRAPH_BUILD_H
#define DV_GRAPH_BUILD_H

#include "graph/graph.h"

/* Remembers the first failure, with a sentence. */
void            dv_graph_fail(struct dv_graph *g, const char *op, const char *why);
dv_tensor       dv_graph_value(struct dv_graph *g, const char *name, uint32_t rows, uint64_t cols);
dv_tensor       dv_graph_state(struct dv_graph *g);
struct dv_node *dv_graph_node(struct dv_graph *g, enum dv_op op); /* NULL after a failure */
/* The node makes `value` as `out`, one of its outputs. */
dv_tensor dv_graph_out(struct dv_graph *g, const struct dv_node *node, dv_tensor *out,
                       dv_tensor value);

#endif
