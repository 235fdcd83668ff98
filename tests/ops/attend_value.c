/* SPDX-License-Identifier: MIT */
/* attend_value: the fused op gives the bits of combine and matmul, which stand beside it in the
 * same bench. */
#include <math.h>

#include "graph/build.h"
#include "ops/harness.h"

static const struct shape {
    const char           *name;
    uint32_t              tokens, position, context, heads, kv, rows;
    enum dv_weight_format format;
    bool                  math_f16, batch;
} shapes[] = {
    { "one split", 1, 63, 64, 5, 72, 20, DV_FORMAT_F32, false, false },
    { "two of four", 1, 64, 256, 16, 512, 128, DV_FORMAT_E4M3, false, false },
    { "three tokens", 3, 62, 256, 5, 36, 9, DV_FORMAT_BF16, false, false },
    { "four tokens, float16", 4, 200, 256, 5, 64, 64, DV_FORMAT_F16, true, false },
    { "merged, odd tokens", 7, 20, 256, 3, 100, 33, DV_FORMAT_BF16, true, false },
    { "int4", 2, 63, 64, 5, 72, 20, DV_FORMAT_INT4, false, false },
    { "wide", 4, 20, 128, 2, 1024, 16, DV_FORMAT_BF16, false, false },
    { "many splits", 2, 4000, 4096, 2, 64, 128, DV_FORMAT_F32, false, false },
    { "factors in two parts", 3, 8126, 8192, 2, 64, 20, DV_FORMAT_BF16, false, false },
    { "a batch", 4, 200, 256, 5, 36, 9, DV_FORMAT_BF16, false, true },
    { "a batch, merged", 17, 200, 256, 3, 64, 33, DV_FORMAT_BF16, true, true },
};

static dv_weight value_matrix(struct op_bench *b, const struct shape *s)
{
    uint32_t              nope = s->format == DV_FORMAT_E4M3 ? 128 : 12;
    struct dv_weight_info info = { .kind        = DV_WEIGHT_MATRIX,
                                   .name        = "kv_b",
                                   .slices      = s->heads,
                                   .row0        = nope,
                                   .row_step    = nope + s->rows,
                                   .tensor_cols = s->kv,
                                   .rows        = s->rows,
                                   .cols        = s->kv,
                                   .n_parts     = 1,
                                   .parts       = { { "kv_b", s->heads * (nope + s->rows) } } };
    return dv_weight_add(b->graph, &info);
}

static dv_tensor fused(struct dv_graph *g, dv_tensor partials, dv_weight w, const struct shape *s,
                       uint32_t splits)
{
    struct dv_node *node = dv_graph_node(g, DV_OP_attend_value);

    node->in.attend_value.partials = partials;
    node->w.attend_value.w_uv      = w;
    node->attend_value.heads       = s->heads;
    node->attend_value.kv          = s->kv;
    node->attend_value.split       = g->size.split;
    node->attend_value.splits      = splits;
    dv_tensor y = dv_graph_value(g, "fused", s->tokens, (uint64_t)s->heads * s->rows);
    return dv_graph_out(g, node, &node->out.attend_value.y, y);
}

/* combine and matmul beside the fused op, on the same partials. */
static void same_bits_as_plain(const struct shape *s)
{
    struct op_bench b;
    op_begin(&b, &(struct op_params){ .name     = s->name,
                                      .tokens   = s->tokens,
                                      .position = s->position,
                                      .batch    = s->batch,
                                      .context  = s->context,
                                      .format   = s->format,
                                      .math_f16 = s->math_f16 });
    struct dv_attend_shape shape  = { .heads = s->heads, .kv = s->kv };
    uint32_t               splits = s->tokens > DV_FEW_TOKENS ? 1 : s->context / 64;
    dv_tensor              x      = op_input(&b, s->tokens, s->heads * splits * (s->kv + 4));
    for (uint32_t t = 0; t < s->tokens; t++)
        for (uint32_t k = s->kv; k < s->heads * splits * (s->kv + 4); k += s->kv + 4)
            op_row(&b, x, t)[k + 1] = 1.5f + op_random(&b); /* l */
    dv_weight w     = value_matrix(&b, s);
    dv_tensor plain = dv_matmul(b.graph, w, dv_combine(b.graph, x, &shape), s->kv);
    dv_tensor y     = fused(b.graph, x, w, s, splits);
    op_run(&b);
    op_expect_same(&b, plain, 0, &b, y, s->tokens);
    /* A sum of kv products; with float16 each context value is rounded to 11 bits. */
    double eps = s->math_f16 ? 4.8828125e-4 : OP_EPS;
    op_expect_close(&b, y, 8 * sqrt(s->math_f16 ? 1 : s->kv) * eps);
    op_end(&b);
}

void op_test_attend_value(void **state)
{
    (void)state;
    for (size_t i = op_part.first; i < sizeof shapes / sizeof shapes[0]; i += op_part.step)
        same_bits_as_plain(&shapes[i]);
}
