/* SPDX-License-Identifier: MIT */
/* What src/ref says of the same operations: a graph beside the one that the library runs. */
#ifndef TESTS_BACKEND_REFERENCE_H
#define TESTS_BACKEND_REFERENCE_H

#include "backend/lent.h"
#include "ref/ref.h"

/* A matrix with stored bits, and what they mean. */
struct matrix {
    dsvk_matrix    m;
    unsigned char *data, *scales;
    float         *values; /* [experts or 1][rows][cols] */
};
/* rows 0: a vector, in [0.5, 1.5); else about uniform with a spread of 1/sqrt(cols). `block` 0:
 * the format's usual one. */
struct matrix matrix(const char *dtype, uint32_t rows, uint32_t cols, uint32_t experts,
                     uint32_t block);
void          matrix_done(struct matrix *m);
/* In [-1, 1), the next one. */
float random_value(void);
void  random_values(float *values, size_t n);

#define REFERENCE_VALUES 64

struct reference {
    struct dv_context  ctx;
    struct dv_graph   *g;
    struct dv_ref_site site;
    uint32_t          *values[REFERENCE_VALUES];
    float             *weights[16];
};

void reference_begin(struct reference *r, uint32_t tokens);
void reference_end(struct reference *r);
/* Of values without gaps. */
dv_tensor reference_input(struct reference *r, uint32_t rows, uint32_t cols, const void *data);
dv_weight reference_weight(struct reference *r, const struct matrix *m, const struct matrix *up);
void      reference_run(struct reference *r);

/* What was computed in rows of `stride` words is within tolerance * (largest of its row). */
void expect_close(struct reference *r, dv_tensor y, const float *got, uint32_t stride,
                  double tolerance);
/* Of sums of n products in f32, as in tests/ops. */
double tolerance_of(uint32_t n);

#endif
