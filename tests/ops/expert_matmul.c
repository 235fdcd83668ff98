/* SPDX-License-Identifier: MIT */
/* expert_matmul: pairs by themselves and planned by expert, in every weight format. */
#include <math.h>

#include "kernel/coop.h"
#include "ops/harness.h"

static const struct shape {
    const char           *name;
    enum dv_weight_format format;
    uint32_t              tokens, experts, top_k, rows, cols, tile;
    bool                  planned, per_pair; /* a row of x a pair */
    bool                  math_f16;
} shapes[] = {
    { "one expert", DV_FORMAT_F32, 1, 1, 1, 20, 36, 0, false, false, false },
    { "six of 64", DV_FORMAT_E4M3, 2, 64, 6, 40, 72, 0, false, false, false },
    { "a row a pair", DV_FORMAT_BF16, 3, 10, 3, 100, 96, 0, false, true, false },
    { "planned", DV_FORMAT_BF16, 33, 10, 3, 100, 72, 8, true, false, false },
    { "planned, a row a pair", DV_FORMAT_E4M3, 64, 16, 4, 72, 200, 16, true, true, false },
    { "one expert has all", DV_FORMAT_F16, 33, 1, 1, 36, 20, 8, true, false, false },
    { "tiles above the registers", DV_FORMAT_E4M3, 64, 2, 2, 40, 100, 64, true, false, false },
    { "int4", DV_FORMAT_INT4, 33, 10, 3, 100, 72, 8, true, false, false },
    { "fp4, a row a pair", DV_FORMAT_FP4, 3, 10, 3, 40, 96, 0, false, true, false },
    { "float16, int4", DV_FORMAT_INT4, 40, 10, 3, 100, 200, 16, true, false, true },
    { "tiles of one", DV_FORMAT_E4M3, 7, 16, 8, 28, 36, 1, true, true, false },
    /* Tiles for cooperative matrices, where there are some. */
    { "float16, tiles of 16", DV_FORMAT_E4M3, 40, 10, 3, 100, 200, 16, true, false, true },
    { "float16, tiles of 32", DV_FORMAT_BF16, 64, 8, 4, 72, 100, 32, true, true, true },
    { "float16, tiles of 64", DV_FORMAT_E4M3, 90, 3, 2, 136, 72, 64, true, false, true },
    { "float16, full tiles", DV_FORMAT_F16, 64, 1, 1, 64, 64, 64, true, false, true },
    { "float16, tiles above a workgroup's", DV_FORMAT_F32, 130, 2, 2, 40, 36, 128, true, false,
      true },
};

static const char *kernel_of(const struct shape *s, bool planned)
{
    struct dv_coop_tile tile;
    struct dv_coop_size size = { 64, s->tile, 1 };
    bool coop = planned && s->math_f16 && dv_coop_tile_of(&tile, &op_device.dev->caps, &size);
    return coop ? "expert_matmul_coop" : "expert_matmul";
}

static dv_tensor build(struct op_bench *b, const struct shape *s, bool planned)
{
    op_begin(b, &(struct op_params){ .name     = s->name,
                                     .tokens   = s->tokens,
                                     .format   = s->format,
                                     .tile     = s->tile,
                                     .math_f16 = s->math_f16 });
    struct dv_router_shape shape = {
        .experts = s->experts, .top_k = s->top_k, .groups = 1, .top_k_groups = 1
    };
    dv_weight w     = op_experts(b, "experts.%u", s->experts, s->rows, s->cols);
    dv_tensor x     = op_input(b, s->tokens * (s->per_pair ? s->top_k : 1), s->cols);
    dv_tensor route = op_input_route(b, s->experts, s->top_k);
    dv_tensor plan  = planned ? dv_expert_plan(b->graph, route, &shape) : 0;
    dv_tensor y     = dv_expert_matmul(b->graph, w, x, route, plan, s->top_k);
    op_run(b);
    op_expect_kernel(b, y, kernel_of(s, planned));
    /* As for matmul. */
    op_expect_close(b, y, 8 * (sqrt(s->cols) * OP_EPS + (s->math_f16 ? sqrt(2) / 4096 : 0)));
    return y;
}

static void check(const struct shape *s)
{
    struct op_bench b, unplanned;
    dv_tensor       y = build(&b, s, s->planned), y_unplanned = build(&unplanned, s, false);
    if (!s->math_f16)
        op_expect_same(&b, y, 0, &unplanned, y_unplanned, s->tokens * s->top_k);
    op_end(&unplanned);
    op_end(&b);
}

void op_test_expert_matmul(void **state)
{
    (void)state;
    for (size_t i = op_part.first; i < sizeof shapes / sizeof *shapes; i += op_part.step)
        check(&shapes[i]);
}
