/* SPDX-License-Identifier: MIT */
/* Pieces that the references of the matrix ops share. */
#ifndef DV_REF_MATRIX_H
#define DV_REF_MATRIX_H

#include "ref/ref.h"

/* sum_k w[k] * x[k] * factor * norm[k]; norm NULL: sum_k w[k] * x[k] */
double dv_ref_dot(const float *w, const float *x, uint32_t n, const float *norm, double factor);
/* 1 / sqrt(mean(x^2) + eps), for the above */
double dv_ref_norm_factor(const float *x, uint32_t n, float eps);
/* gate / (1 + exp(-gate)) * up */
double dv_ref_gated(double gate, double up);
/* y[i] = the dot product with row i of w, i < rows; paired: swiglu of those with rows i and
 * rows + i. norm NULL: none. */
struct dv_ref_product {
    const float *w, *norm;
    uint32_t     rows, cols;
    bool         paired;
    float        eps;
};
void dv_ref_product(float *y, const struct dv_ref_product *product, const float *x);

#endif
