/* SPDX-License-Identifier: MIT */
/* matmul: shapes that fill no tile, all weight formats, slices of a tensor, and activations
 * beyond float16. */
#include <math.h>

#include "kernel/coop.h"
#include "ops/harness.h"

static const struct shape {
    const char           *name;
    enum dv_weight_format format;
    uint32_t              tokens, rows, cols, block;
    bool                  math_f16;
} shapes[] = {
    { "f32", DV_FORMAT_F32, 3, 40, 36, 0, false },
    { "f16", DV_FORMAT_F16, 7, 100, 100, 0, false },
    { "bf16, odd rows", DV_FORMAT_BF16, 2, 1003, 72, 0, false },
    { "fp8", DV_FORMAT_E4M3, 1, 64, 256, 0, false },
    { "fp8, partial blocks", DV_FORMAT_E4M3, 33, 200, 200, 0, false },
    { "fp8, half a chunk", DV_FORMAT_E4M3, 64, 60, 20, 0, false },
    { "fp8, blocks of 16", DV_FORMAT_E4M3, 5, 72, 320, 16, false },
    { "fp8, blocks that cut tiles", DV_FORMAT_E4M3, 4, 36, 100, 12, false },
    { "fp8, hidden size", DV_FORMAT_E4M3, 17, 24, 7168, 0, false },
    { "int4", DV_FORMAT_INT4, 1, 64, 256, 0, false },
    { "int4, part of a chunk", DV_FORMAT_INT4, 33, 203, 200, 0, false },
    { "int4, a quarter of a chunk", DV_FORMAT_INT4, 7, 36, 8, 0, false },
    { "int4, hidden size", DV_FORMAT_INT4, 17, 24, 7168, 0, false },
    { "fp4", DV_FORMAT_FP4, 4, 100, 320, 0, false },
    { "fp4, part of a chunk", DV_FORMAT_FP4, 64, 72, 104, 0, false },
    { "bf16, float16 activations", DV_FORMAT_BF16, 9, 88, 1408, 0, true },
    /* Many tokens: with cooperative matrices where there are some. */
    { "f32, float16", DV_FORMAT_F32, 16, 72, 100, 0, true },
    { "f16, float16, partial tiles", DV_FORMAT_F16, 17, 100, 72, 0, true },
    { "bf16, float16, odd rows", DV_FORMAT_BF16, 33, 203, 36, 0, true },
    { "fp8, float16", DV_FORMAT_E4M3, 64, 192, 256, 0, true },
    { "fp8, float16, partial tiles", DV_FORMAT_E4M3, 70, 200, 200, 0, true },
    { "fp8, float16, blocks of 16", DV_FORMAT_E4M3, 20, 72, 320, 16, true },
    { "fp8, float16, half a chunk", DV_FORMAT_E4M3, 31, 60, 20, 0, true },
    { "fp8, float16, hidden size", DV_FORMAT_E4M3, 16, 24, 7168, 0, true },
    { "fp8, float16, other scales each 16 rows", DV_FORMAT_E4M3, 20, 136, 32, 16, true },
    { "int4, float16", DV_FORMAT_INT4, 64, 192, 256, 0, true },
    { "int4, float16, partial tiles", DV_FORMAT_INT4, 70, 203, 200, 0, true },
    { "fp4, float16, partial tiles", DV_FORMAT_FP4, 31, 136, 104, 0, true },
    { "fp8, float16, many rows", DV_FORMAT_E4M3, 130, 11000, 36, 0, true },
};

/* Slices of one tensor: heads of 28 values with 36 keys before them, or those keys transposed. */
static const struct slices {
    const char           *name;
    enum dv_weight_format format;
    uint32_t              tokens, rows, cols, row0;
    bool                  transposed, math_f16;
} slices[] = {
    { "values of 5 heads", DV_FORMAT_BF16, 3, 28, 72, 36, false, false },
    { "keys of 5 heads, transposed", DV_FORMAT_BF16, 1, 72, 36, 0, true, false },
    { "fp8 values", DV_FORMAT_E4M3, 2, 28, 72, 36, false, false }, /* widened: 36 % 8 */
    { "fp8 keys, transposed", DV_FORMAT_E4M3, 7, 136, 64, 0, true, false },
    { "fp8 keys, transposed, float16", DV_FORMAT_E4M3, 21, 136, 64, 0, true, true },
    { "int4 values of 5 heads", DV_FORMAT_INT4, 3, 28, 72, 36, false, false },
    { "int4 keys, transposed", DV_FORMAT_INT4, 2, 72, 36, 0, true, false }, /* widened */
    { "values of 5 heads, float16", DV_FORMAT_BF16, 40, 28, 72, 36, false, true },
};

/* n products and sums of like size: their roundings add up as a random walk does, 8 times a row's
 * largest value being far out. Activations in float16 are off by 2^-12 each, and so are weights
 * where cooperative matrices multiply them. */
static double tolerance(uint32_t n, bool math_f16)
{
    return 8 * (sqrt(n) * OP_EPS + (math_f16 ? sqrt(2) / 4096 : 0));
}

static const char *kernel_of(uint32_t tokens, bool math_f16)
{
    struct dv_coop_tile tile;
    struct dv_coop_size size = { 64, tokens, 1 };
    bool                coop = math_f16 && dv_coop_tile_of(&tile, &op_device.dev->caps, &size);
    return coop ? "matmul_coop" : "matmul";
}

static void check(const struct shape *s)
{
    struct op_bench  b, one;
    struct op_params params = { .name     = s->name,
                                .tokens   = s->tokens,
                                .format   = s->format,
                                .block    = s->block,
                                .math_f16 = s->math_f16 };
    op_begin(&b, &params);
    dv_tensor x = op_input(&b, s->tokens, s->cols);
    dv_tensor y = dv_matmul(b.graph, op_matrix(&b, "w", s->rows, s->cols), x, 0);
    op_run(&b);
    op_expect_kernel(&b, y, kernel_of(s->tokens, s->math_f16));
    op_expect_close(&b, y, tolerance(s->cols, s->math_f16));

    /* The last token by itself: the same bits, unless products may be rounded. */
    if (s->math_f16) {
        op_end(&b);
        return;
    }
    params.tokens = 1;
    op_begin(&one, &params);
    dv_tensor alone = op_input(&one, 1, s->cols);
    memcpy(op_row(&one, alone, 0), op_row(&b, x, s->tokens - 1), s->cols * sizeof(float));
    dv_tensor y_alone = dv_matmul(one.graph, op_matrix(&one, "w", s->rows, s->cols), alone, 0);
    op_run(&one);
    op_expect_same(&b, y, s->tokens - 1, &one, y_alone, 1);
    op_end(&one);
    op_end(&b);
}

/* An activation that float16 has no number for: NaN in its token's results alone. */
static void check_range(const struct shape *s)
{
    static const float values[] = { 65536.0f, -1e6f, INFINITY, NAN };
    struct op_bench    b;
    op_begin(&b, &(struct op_params){ .name     = s->name,
                                      .tokens   = s->tokens,
                                      .format   = s->format,
                                      .block    = s->block,
                                      .math_f16 = true });
    dv_tensor x = op_input(&b, s->tokens, s->cols);
    for (uint32_t t = 0; t < s->tokens; t++)
        op_row(&b, x, t)[s->cols / 3] = t % 2 ? values[t / 2 % 4] : 65504.0f;
    dv_tensor y = dv_matmul(b.graph, op_matrix(&b, "w", s->rows, s->cols), x, 0);
    op_run(&b);
    for (uint32_t t = 0; t < s->tokens; t++)
        for (uint32_t i = 0; i < s->rows; i++)
            assert_int_equal(isnan(op_got_row(&b, y, t)[i]), t % 2);
    op_end(&b);
}

static void check_slices(const struct slices *s)
{
    struct op_bench       b;
    uint32_t              step = s->format == DV_FORMAT_E4M3 && s->transposed ? 192 : 64;
    struct dv_weight_info info = { .kind        = DV_WEIGHT_MATRIX,
                                   .name        = s->name,
                                   .rows        = s->rows,
                                   .cols        = s->cols,
                                   .slices      = 5,
                                   .row0        = s->row0,
                                   .row_step    = step,
                                   .tensor_cols = s->transposed ? s->rows : s->cols,
                                   .transposed  = s->transposed,
                                   .n_parts     = 1,
                                   .parts       = { { "kv_b", 5 * step } } };
    op_begin(&b, &(struct op_params){ .name     = s->name,
                                      .tokens   = s->tokens,
                                      .format   = s->format,
                                      .math_f16 = s->math_f16 });
    dv_tensor x = op_input(&b, s->tokens, 5 * (s->cols + 4));
    dv_tensor y = dv_matmul(b.graph, dv_weight_add(b.graph, &info), x, s->cols + 4);
    op_run(&b);
    op_expect_kernel(&b, y, kernel_of(s->tokens, s->math_f16));
    op_expect_close(&b, y, tolerance(s->cols, s->math_f16));
    op_end(&b);
}

void op_test_matmul(void **state)
{
    (void)state;
    for (size_t i = op_part.first; i < sizeof shapes / sizeof *shapes; i += op_part.step)
        check(&shapes[i]);
    for (size_t i = op_part.first; i < sizeof shapes / sizeof *shapes; i += op_part.step)
        if (shapes[i].math_f16)
            check_range(&shapes[i]);
    for (size_t i = op_part.first; i < sizeof slices / sizeof *slices; i += op_part.step)
        check_slices(&slices[i]);
}
