/* SPDX-License-Identifier: MIT */
/* The bench that ops are tested on. A test begins a bench, builds a graph of one op (or a few, then
 * perhaps dv_graph_fuse) on inputs and weights that the bench fills from a seed, and runs it: once
 * by the references, once on the device, the inputs being the same bits. Then it compares. The run
 * itself fails the test when a word is written that belongs to no output: guards and row padding
 * around every value, guards around pages and records of other positions.
 *
 * Weights depend on the seed, the tensor's name and the expert only, so that a fused and an unfused
 * graph get the same ones.
 *
 *     static void check(const struct shape *s)
 *     {
 *         struct op_bench b;
 *         op_begin(&b, &(struct op_params){ .name = s->name, .tokens = s->tokens });
 *         dv_tensor x = op_input(&b, s->tokens, s->cols);
 *         dv_tensor y = dv_rms_norm(b.graph, x, op_vector(&b, "norm", s->cols), 1e-6f);
 *         op_run(&b);
 *         op_expect_close(&b, y, 8 * OP_EPS);
 *         op_end(&b);
 *     }
 *
 * and a function op_test_NAME for each line of ops.def; tests/ops/test_ops.c calls them all. */
#ifndef DV_TESTS_OPS_HARNESS_H
#define DV_TESTS_OPS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/kernel.h"
#include "ref/ref.h"
#include "support/device.h"

#define OP_EPS 5.9604645e-8 /* half a unit in the last place of 1.0f */

struct op_params {
    const char           *name;      /* of the case, for messages */
    uint32_t              tokens;    /* of the pass; 0 = 1 */
    uint32_t              context;   /* 0 = 256 */
    uint32_t              position;  /* of the first token */
    bool                  batch;     /* each token is of a timeline of its own ... */
    const uint32_t       *positions; /* ... and stands here: [tokens]; NULL: anywhere */
    uint32_t              timeline;  /* number of the first token's, from which its cache follows */
    uint32_t              split;     /* 0 = 64 */
    uint32_t              tile;      /* pairs of an expert tile; 0 = 8 */
    enum dv_weight_format format;    /* in which matrices are stored: 0 = F32 */
    uint32_t              block;     /* rows and columns of an FP8 scale; 0 = 128 */
    const char           *other_name;   /* NULL, or the start of tensor names ... */
    enum dv_weight_format other_format; /* ... that are stored in another format */
    enum dv_cache_format  cache_format;
    uint32_t              layers;     /* that keep a latent; 0 = 1 */
    uint32_t              kv, rope;   /* widths of its records; 0: there are no states */
    uint32_t              vocabulary; /* token ids are below; 0 = 1 */
    bool                  math_f16;
    uint64_t              seed;      /* 0 = 1 */
    uint32_t              live;      /* of a batch: rows behind these repeat the first; 0: none */
    const struct dv_choice *choices; /* of a batch: [live]; NULL: by the greatest logit */
    const uint64_t         *extras;  /* of a batch: [live] addresses of a dv_extras or 0; NULL */
};

#define OP_MAX_VALUES 512
#define OP_MAX_WEIGHTS 64

struct op_bench {
    struct op_params   p;
    struct dv_graph   *graph;
    struct dv_ref_site ref;
    uint64_t           random; /* state of op_random */
    /* By index; host copies. */
    uint32_t              *expected[OP_MAX_VALUES]; /* inputs, then what the references say */
    uint32_t              *got[OP_MAX_VALUES];      /* what the device says */
    const char            *kernels[OP_MAX_VALUES];  /* that wrote it, as the op's kernel chose */
    float                 *weights[OP_MAX_WEIGHTS]; /* unpacked */
    struct dv_weight_place places[OP_MAX_WEIGHTS];
    struct dv_ref_row     *rows;   /* of the pass */
    struct dv_arena        memory; /* of all of these */
    /* Device. */
    struct dv_buffer      *arena, *blob, *step, *pages, *page_table, *blocks;
    uint64_t              *page_addresses; /* of all timelines, one after the other */
    struct dv_state_place *state_places;   /* by dv_state */
    uint64_t               page_bytes;
    unsigned char         *pages_before, *pages_after; /* contents before and after the run */
};

/* The device of the whole run; without one .dev is NULL and tests are skipped. */
extern struct test_device op_device;

/* Draws by the thousand (test_ops --all-draws). */
extern bool op_all_draws;

/* Ops whose cases take long to compile pass through their tables in this way: all, or every
 * `step`th (test_ops --part). */
extern struct op_part {
    size_t first, step;
} op_part;

/* Ends by skip() without a device. */
void op_begin(struct op_bench *b, const struct op_params *params);
void op_end(struct op_bench *b);

/* Uniform in [-1, 1) / in [0, n). */
float    op_random(struct op_bench *b);
uint32_t op_random_below(struct op_bench *b, uint32_t n);

/* An activation filled with random values in [-1, 1); change them by op_row() before op_run(). */
dv_tensor op_input(struct op_bench *b, uint32_t rows, uint32_t cols);
/* A route [tokens, 2 * top_k] of random distinct experts, ascending, and weights in [0, 1). */
dv_tensor op_input_route(struct op_bench *b, uint32_t experts, uint32_t top_k);
/* Before op_run: row r of an input. Afterwards: what the reference says. */
float    *op_row(struct op_bench *b, dv_tensor tensor, uint32_t r);
uint32_t *op_words(struct op_bench *b, dv_tensor tensor, uint32_t r);
/* After op_run: row r as the device left it. */
const float    *op_got_row(const struct op_bench *b, dv_tensor tensor, uint32_t r);
const uint32_t *op_got_words(const struct op_bench *b, dv_tensor tensor, uint32_t r);

/* Weights; any other recipe goes through dv_weight_add(). Matrices are about uniform with a
 * spread of 1/sqrt(cols), exactly representable in the format; vectors are in [0.5, 1.5). */
dv_weight op_matrix(struct op_bench *b, const char *name, uint32_t rows, uint32_t cols);
dv_weight op_vector(struct op_bench *b, const char *name, uint32_t cols);
dv_weight op_experts(struct op_bench *b, const char *name, uint32_t experts, uint32_t rows,
                     uint32_t cols); /* name with one %u */
dv_weight op_rope_table(struct op_bench *b, uint32_t dim);
/* The unpacked values, made at once if they are not there yet; may be read only: what the device
 * gets is packed from the same source. Vectors may be changed before op_run(). */
float *op_weight_values(struct op_bench *b, dv_weight weight);

/* The state of the layer that the graph is at: latents of kv values and rope keys. */
dv_state op_state(const struct op_bench *b);

/* Runs the graph's live nodes in order, on the device and by the references. The cache, where
 * there is one, is full of random records before. */
void op_run(struct op_bench *b);

/* That kernel wrote the value. */
void op_expect_kernel(const struct op_bench *b, dv_tensor tensor, const char *kernel);
/* Every value within tolerance * (largest magnitude of its row in the reference); two NaN agree. */
void op_expect_close(const struct op_bench *b, dv_tensor tensor, double tolerance);
/* The same bits as the reference. */
void op_expect_equal(const struct op_bench *b, dv_tensor tensor);
/* Two benches' results from the device agree to the bit, for `rows` rows from row0 on of the
 * first and from row 0 on of the second. */
void op_expect_same(const struct op_bench *b, dv_tensor tensor, uint32_t row0,
                    const struct op_bench *other, dv_tensor other_tensor, uint32_t rows);
/* The whole cache, decoded, is what the reference says: each value within tolerance * its magnitude
 * (0 = equal). */
void op_expect_cache(const struct op_bench *b, double tolerance);

#define OP(name, ...) void op_test_##name(void **state);
#include "graph/ops.def"
#undef OP

#endif
