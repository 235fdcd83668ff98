/* SPDX-License-Identifier: MIT */
#include "ops/harness.h"

static const struct {
    const char *name;
    uint32_t    rows, cols, tokens, block;
} shapes[] = {
    { "one chunk", 8, 16, 1, 128 },
    { "columns not a multiple of a chunk", 1003, 20, 3, 128 },
    { "more chunks than lanes", 40, 1032, 7, 128 },
    { "several scales a row", 1003, 200, 33, 32 },
    { "scales that tiles straddle", 36, 72, 64, 20 },
};

/* Decoding is exact, a scale costs one rounding in both: the same bits. */
void op_test_embed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int format = DV_FORMAT_F32; format <= DV_FORMAT_FP4; format++) {
            struct op_bench b;
            op_begin(&b, &(struct op_params){ .name       = shapes[i].name,
                                              .tokens     = shapes[i].tokens,
                                              .format     = (enum dv_weight_format)format,
                                              .block      = shapes[i].block,
                                              .vocabulary = shapes[i].rows });
            b.rows[0].token = shapes[i].rows - 1;
            dv_tensor y = dv_embed(b.graph, op_matrix(&b, "embed", shapes[i].rows, shapes[i].cols));
            op_run(&b);
            op_expect_equal(&b, y);
            op_end(&b);
        }
}
