/* SPDX-License-Identifier: MIT */
/* Inside graph/: how constructors and fusion add values and nodes. */
#ifndef DV_GRAPH_BUILD_H
#define DV_GRAPH_BUILD_H

#include "graph/graph.h"

/* Remembers the first failure, with a sentence. */
void dv_graph_fail(struct dv_graph *g, const char *op, const char *why);
/* Fails with `why` unless `ok`; after any failure every constructor answers 0. */
bool dv_graph_need(struct dv_graph *g, enum dv_op op, bool ok, const char *why);
/* A node with one output of the given shape. */
dv_tensor dv_graph_simple(struct dv_graph *g, struct dv_node fields, uint32_t rows, uint64_t cols);
/* Makes room for one more item behind n of them and perhaps an unused one; false: no memory. */
bool dv_graph_grow(struct dv_graph *g, void **items, uint32_t n, uint32_t *capacity, size_t size);
dv_tensor dv_graph_value(struct dv_graph *g, const char *name, uint32_t rows, uint64_t cols);
/* A value that stands for the state. */
dv_tensor       dv_graph_state(struct dv_graph *g, dv_state state);
struct dv_node *dv_graph_node(struct dv_graph *g, enum dv_op op); /* NULL after a failure */
/* The node makes `value` as `out`, one of its outputs. */
dv_tensor dv_graph_out(struct dv_graph *g, const struct dv_node *node, dv_tensor *out,
                       dv_tensor value);

#endif
