/* SPDX-License-Identifier: MIT */
/* Compares what the device computed with the reference: within a tolerance, bit for bit, or row
 * by row between two benches. */
#include "ops/harness_parts.h"

#include <math.h>

static double largest_of(const float *row, uint32_t n)
{
    double largest = 0;
    for (uint32_t k = 0; k < n; k++)
        if (isfinite(row[k]))
            largest = fmax(largest, fabs(row[k]));
    return largest;
}

static bool close_enough(float got, float expected, double error)
{
    if (isnan(expected))
        return isnan(got);
    return got == expected || fabs((double)got - expected) <= error;
}

void op_expect_kernel(const struct op_bench *b, dv_tensor tensor, const char *kernel)
{
    if (strcmp(b->kernels[tensor], kernel) != 0)
        fail_msg("%s: the kernel is %s, not %s", b->p.name, b->kernels[tensor], kernel);
}

void op_expect_close(const struct op_bench *b, dv_tensor tensor, double tolerance)
{
    const struct dv_value *v = &b->graph->values[tensor];
    for (uint32_t r = 0; r < v->rows; r++) {
        const float *got = op_got_row(b, tensor, r), *expected = dv_ref_row(&b->ref, tensor, r);
        double       largest = largest_of(expected, v->cols);
        for (uint32_t k = 0; k < v->cols; k++)
            if (!close_enough(got[k], expected[k], tolerance * largest))
                fail_msg("%s: row %u column %u: %.9g, expected %.9g, error %.3g of %.3g", b->p.name,
                         r, k, got[k], expected[k], fabs((double)got[k] - expected[k]) / largest,
                         tolerance);
    }
}

void op_expect_equal(const struct op_bench *b, dv_tensor tensor)
{
    const struct dv_value *v = &b->graph->values[tensor];
    for (uint32_t r = 0; r < v->rows; r++) {
        const uint32_t *got      = op_got_words(b, tensor, r);
        const uint32_t *expected = dv_ref_words(&b->ref, tensor, r);
        for (uint32_t k = 0; k < v->cols; k++)
            if (got[k] != expected[k])
                fail_msg("%s: row %u column %u: %08x, expected %08x", b->p.name, r, k, got[k],
                         expected[k]);
    }
}

void op_expect_same(const struct op_bench *b, dv_tensor tensor, uint32_t row0,
                    const struct op_bench *other, dv_tensor other_tensor, uint32_t rows)
{
    uint32_t cols = b->graph->values[tensor].cols;
    assert_int_equal(cols, other->graph->values[other_tensor].cols);
    for (uint32_t r = 0; r < rows; r++) {
        const uint32_t *x = op_got_words(b, tensor, row0 + r);
        const uint32_t *y = op_got_words(other, other_tensor, r);
        for (uint32_t k = 0; k < cols; k++)
            if (x[k] != y[k])
                fail_msg("%s: row %u column %u: %08x, but %08x in \"%s\"", b->p.name, r, k, x[k],
                         y[k], other->p.name);
    }
}
