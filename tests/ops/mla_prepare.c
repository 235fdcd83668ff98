/* SPDX-License-Identifier: MIT */
/* mla_prepare: the fused op gives the bits of the nodes that it replaces, in the cache too. */
#include <math.h>

#include "graph/build.h"
#include "ops/harness.h"

static const struct shape {
    const char           *name;
    uint32_t              tokens, position, heads, kv, nope, rope;
    enum dv_weight_format format;
    enum dv_cache_format  cache;
    bool                  math_f16, batch;
} shapes[] = {
    { "first token", 1, 0, 16, 512, 128, 64, DV_FORMAT_E4M3, DV_CACHE_BF16, false, false },
    { "last of a page", 1, 63, 5, 72, 20, 20, DV_FORMAT_F32, DV_CACHE_F32, false, false },
    { "across a page", 3, 62, 5, 64, 36, 16, DV_FORMAT_BF16, DV_CACHE_FP8, false, false },
    { "float16", 4, 64, 3, 200, 24, 36, DV_FORMAT_F16, DV_CACHE_FP8, true, false },
    { "many tokens", 64, 100, 5, 72, 20, 20, DV_FORMAT_BF16, DV_CACHE_BF16, true, false },
    { "odd tokens", 7, 60, 2, 512, 128, 64, DV_FORMAT_E4M3, DV_CACHE_FP8, false, false },
    { "many heads", 2, 5, 128, 32, 8, 64, DV_FORMAT_F32, DV_CACHE_F32, false, false },
    { "a batch", 3, 62, 5, 64, 36, 16, DV_FORMAT_BF16, DV_CACHE_FP8, false, true },
    { "a batch of many", 17, 5, 5, 72, 20, 20, DV_FORMAT_BF16, DV_CACHE_BF16, true, true },
};

struct results {
    dv_tensor q_latent, q_rope, context;
};

/* The keys' rows of kv_b, transposed. */
static dv_weight key_matrix(struct dv_graph *g, const struct shape *s)
{
    uint32_t              step = s->nope + 128;
    struct dv_weight_info info = { .kind        = DV_WEIGHT_MATRIX,
                                   .name        = "kv_b",
                                   .slices      = s->heads,
                                   .row_step    = step,
                                   .tensor_cols = s->kv,
                                   .transposed  = true,
                                   .rows        = s->kv,
                                   .cols        = s->nope,
                                   .n_parts     = 1,
                                   .parts       = { { "kv_b", s->heads * step } } };
    return dv_weight_add(g, &info);
}

/* With an attention over the cache behind it, so that two benches can compare the records. */
static struct results build(struct op_bench *b, const struct shape *s, bool fuse)
{
    op_begin(b, &(struct op_params){ .name         = s->name,
                                     .tokens       = s->tokens,
                                     .position     = s->position,
                                     .batch        = s->batch,
                                     .context      = 192,
                                     .kv           = s->kv,
                                     .rope         = s->rope,
                                     .layers       = 3,
                                     .format       = s->format,
                                     .cache_format = s->cache,
                                     .math_f16     = s->math_f16 });
    struct dv_graph *g = b->graph;
    g->layer           = 1;
    uint32_t  head     = s->nope + s->rope;
    dv_tensor q        = op_input(b, s->tokens, s->heads * head);
    dv_tensor kva      = op_input(b, s->tokens, s->kv + s->rope);
    dv_weight table = op_rope_table(b, s->rope), norm = op_vector(b, "norm", s->kv);
    dv_weight w = key_matrix(g, s);

    struct dv_attend_shape shape  = { s->heads, s->kv, s->rope, 0.125f };
    dv_tensor              latent = dv_rms_norm(g, dv_view_cols(g, kva, 0, s->kv), norm, 1e-6f);
    dv_tensor              key    = dv_view_cols(g, kva, s->kv, s->rope);
    key                           = dv_rope(g, key, table, 1, s->rope, s->rope, 0);
    struct results r;
    r.q_rope        = dv_rope(g, q, table, s->heads, s->rope, head, s->nope);
    r.q_latent      = dv_matmul(g, w, q, head);
    dv_tensor cache = dv_cache_write(g, op_state(b), latent, key);
    r.context       = dv_combine(g, dv_attend(g, r.q_latent, r.q_rope, cache, &shape), &shape);
    if (fuse)
        assert_int_equal(dv_graph_fuse(g), DSVK_OK);
    op_run(b);
    return r;
}

static void same_bits_as_plain(const struct shape *s)
{
    struct op_bench plain, fused;
    struct results  a = build(&plain, s, false), b = build(&fused, s, true);
    bool            found = false;
    for (uint32_t i = 0; i < fused.graph->n_nodes; i++)
        found |= fused.graph->nodes[i].op == DV_OP_mla_prepare && !fused.graph->nodes[i].dead;
    assert_true(found);
    op_expect_same(&plain, a.q_rope, 0, &fused, b.q_rope, s->tokens);
    /* Matrix units, which the plain product takes, sum in an order of their own. */
    if (strcmp(plain.kernels[a.q_latent], "matmul_coop") != 0) {
        op_expect_same(&plain, a.q_latent, 0, &fused, b.q_latent, s->tokens);
        op_expect_same(&plain, a.context, 0, &fused, b.context, s->tokens);
    }
    /* A sum of nope products; with float16 each value of q is rounded to 11 bits. */
    double eps = s->math_f16 ? 4.8828125e-4 : OP_EPS;
    op_expect_close(&fused, b.q_latent, 8 * sqrt(s->math_f16 ? 1 : s->nope) * eps);
    op_expect_close(&fused, b.q_rope, 4 * OP_EPS);
    /* A value next to the middle between two of the format may go to the other one. */
    op_expect_cache(&fused, s->cache == DV_CACHE_F32    ? 16 * OP_EPS
                            : s->cache == DV_CACHE_BF16 ? 0.008
                                                        : 0.15);
    op_end(&plain);
    op_end(&fused);
}

void op_test_mla_prepare(void **state)
{
    (void)state;
    for (size_t i = op_part.first; i < sizeof shapes / sizeof shapes[0]; i += op_part.step)
        same_bits_as_plain(&shapes[i]);
}
