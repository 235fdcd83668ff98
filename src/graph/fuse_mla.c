/* SPDX-License-Identifier: MIT */
/* All ops between the attention's input projections and its core become mla_prepare: the norm and
 * the rotation of what the cache keeps, and both ops on the queries. */
#include "graph/fuse.h"

struct preparation {
    struct dv_node *norm, *rope;     /* of the latent and of its key */
    struct dv_node *absorb, *q_rope; /* of the queries */
};

/* The two ops on queries, which no edge joins to the cache's: those of the same layer. */
static void find_query_ops(const struct dv_graph *g, const struct dv_node *node,
                           struct preparation *p)
{
    for (struct dv_node *n = g->nodes; n < node; n++) {
        if (n->dead || n->layer != node->layer)
            continue;
        if (n->op == DV_OP_rope && n != p->rope)
            p->q_rope = n;
        if (n->op == DV_OP_matmul && g->weights[n->w.matmul.matrix].slices > 1 &&
            g->weights[n->w.matmul.matrix].transposed)
            p->absorb = n;
    }
}

static bool find_preparation(struct fuser *f, const struct dv_node *node, struct preparation *p)
{
    const struct dv_graph *g = f->g;
    if (node->op != DV_OP_cache_write)
        return false;
    *p = (struct preparation){
        .norm = dv_fuse_only_maker(f, node->in.cache_write.latent, DV_OP_rms_norm),
        .rope = dv_fuse_only_maker(f, node->in.cache_write.rope_key, DV_OP_rope),
    };
    if (!p->norm || !p->rope)
        return false;
    find_query_ops(g, node, p);
    const struct dv_value *latent = &g->values[p->norm->in.rms_norm.x];
    const struct dv_value *key    = &g->values[p->rope->in.rope.x];
    return p->q_rope && p->absorb && p->q_rope->in.rope.x == p->absorb->in.matmul.x &&
           latent->base == key->base && key->offset == latent->offset + latent->cols;
}

bool dv_fuse_mla_prepare(struct fuser *f, struct dv_node *node)
{
    struct dv_graph   *g = f->g;
    struct preparation p;
    if (!find_preparation(f, node, &p))
        return false;
    /* Both views are neighbours: the op takes them as one. */
    dv_tensor both = p.norm->in.rms_norm.x;
    g->values[both].cols += g->values[p.rope->in.rope.x].cols;
    struct dv_node fused = {
        .op              = DV_OP_mla_prepare,
        .layer           = node->layer,
        .in.mla_prepare  = { .q = p.absorb->in.matmul.x, .kva = both },
        .w.mla_prepare   = { .w_uk  = p.absorb->w.matmul.matrix,
                             .table = p.rope->w.rope.table,
                             .norm  = p.norm->w.rms_norm.norm },
        .out.mla_prepare = { .q_latent = p.absorb->out.matmul.y,
                             .q_rope   = p.q_rope->out.rope.y,
                             .state    = node->out.cache_write.state },
        .mla_prepare     = { .heads = p.q_rope->rope.heads,
                             .kv    = node->cache_write.kv,
                             .nope  = p.q_rope->rope.x_offset,
                             .rope  = node->cache_write.rope,
                             .eps   = p.norm->rms_norm.eps },
    };
    p.norm->dead = p.rope->dead = p.q_rope->dead = p.absorb->dead = true;
    *node                                                         = fused;
    for (uint32_t i = 0; i < dv_n_outputs(fused.op); i++)
        g->values[fused.out.at[i]].producer = (uint32_t)(node - g->nodes) + 1;
    f->stale = true;
    return true;
}
