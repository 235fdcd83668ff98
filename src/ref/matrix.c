/* SPDX-License-Identifier: MIT */
#include "ref/matrix.h"

#include <math.h>

double dv_ref_dot(const float *w, const float *x, uint32_t n, const float *norm, double factor)
{
    double sum = 0;
    for (uint32_t k = 0; k < n; k++)
        sum += (double)w[k] * x[k] * (norm ? factor * norm[k] : 1.0);
    return sum;
}

double dv_ref_norm_factor(const float *x, uint32_t n, float eps)
{
    double sum = 0;
    for (uint32_t k = 0; k < n; k++)
        sum += (double)x[k] * x[k];
    return 1.0 / sqrt(sum / n + eps);
}

double dv_ref_gated(double gate, double up)
{
    return gate / (1.0 + exp(-gate)) * up;
}

void dv_ref_product(float *y, const struct dv_ref_product *product, const float *x)
{
    uint32_t cols   = product->cols;
    double   factor = product->norm ? dv_ref_norm_factor(x, cols, product->eps) : 1.0;
    for (uint32_t i = 0; i < product->rows; i++) {
        const float *row   = product->w + (uint64_t)i * cols;
        double       value = dv_ref_dot(row, x, cols, product->norm, factor);
        if (product->paired) {
            row += (uint64_t)product->rows * cols;
            value = dv_ref_gated(value, dv_ref_dot(row, x, cols, product->norm, factor));
        }
        y[i] = (float)value;
    }
}
