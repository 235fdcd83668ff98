/* SPDX-License-Identifier: MIT */
/* Inside fusion: what patterns share, and those that lie in files of their own. */
#ifndef DV_GRAPH_FUSE_H
#define DV_GRAPH_FUSE_H

#include "graph/build.h"

struct fuser {
    struct dv_graph *g;
    uint32_t        *uses;  /* by value: live nodes that read it, or a view of it */
    bool             stale; /* they are to be counted again */
};

/* The live node that makes x if it is of this op, else NULL. */
struct dv_node *dv_fuse_maker(const struct fuser *f, dv_tensor x, enum dv_op op);
/* The same, when nobody else reads x, so that the node may be taken away. */
struct dv_node *dv_fuse_only_maker(struct fuser *f, dv_tensor x, enum dv_op op);
bool            dv_fuse_is_plain_matrix(const struct dv_graph *g, dv_weight w);
/* Replaces `node` by `fused`, which makes the same outputs. */
void dv_fuse_become(struct fuser *f, struct dv_node *node, struct dv_node fused);
/* A matmul as the project that computes the same; a project as it is. */
struct dv_node dv_fuse_as_project(const struct dv_node *product);
/* Live nodes that read x, or a view of it; counted again after the nodes have changed. */
uint32_t dv_fuse_uses(struct fuser *f, dv_tensor x);

/* The pattern of fuse_mla.c: whether `node` was rewritten. */
bool dv_fuse_mla_prepare(struct fuser *f, struct dv_node *node);
/* Patterns for at most DV_FEW_TOKENS tokens. */
bool dv_fuse_norm(struct fuser *f, struct dv_node *node);
bool dv_fuse_expert_down(struct fuser *f, struct dv_node *node);
bool dv_fuse_attend_value(struct fuser *f, struct dv_node *node);
bool dv_fuse_project_two(struct fuser *f, struct dv_node *node);
bool dv_fuse_route_up(struct fuser *f, struct dv_node *node);

#endif
