/* SPDX-License-Identifier: MIT */
/* What does not fit is refused in one sentence, and what was made is freed in any order. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"

/* ---- weights ---- */

static void refuses(struct lent *l, const dsvk_matrix *m, const dsvk_matrix *up, dsvk_status status,
                    const char *words)
{
    dsvk_weight *w = (dsvk_weight *)l;
    assert_int_equal(dsvk_weight_new(&w, l->device, m, up), status);
    assert_null(w);
    lent_expect(l, words);
}

/* With one member changed. */
#define BAD(matrix, member, value, status, words)                                                  \
    do {                                                                                           \
        dsvk_matrix bad = matrix;                                                                  \
        bad.member      = value;                                                                   \
        refuses(l, &bad, NULL, status, words);                                                     \
    } while (0)

static void refuses_shapes(struct lent *l)
{
    struct matrix m = matrix("F8_E4M3", 40, 72, 0, 0);
    m.m.name        = "w1";
    BAD(m.m, dtype, NULL, DSVK_BAD_ARGUMENT, "w1: format (none)");
    BAD(m.m, dtype, "I32", DSVK_BAD_ARGUMENT, "w1: format I32");
    BAD(m.m, rows, 0, DSVK_BAD_ARGUMENT, "w1: a vector in F8_E4M3");
    BAD(m.m, cols, 0, DSVK_BAD_ARGUMENT, "40 x 0");
    BAD(m.m, cols, 70, DSVK_UNSUPPORTED, "70 columns of F8_E4M3, not times 4");
    BAD(m.m, rows, UINT32_MAX, DSVK_UNSUPPORTED, "above 4 GiB");
    BAD(m.m, experts, 513, DSVK_BAD_ARGUMENT, "513 experts");
    BAD(m.m, data, NULL, DSVK_BAD_ARGUMENT, "no data");
    BAD(m.m, bytes, 40 * 72 - 1, DSVK_BAD_ARGUMENT, "2879 bytes of data");
    BAD(m.m, experts, 2, DSVK_BAD_ARGUMENT, "of 2 take 5760");
    matrix_done(&m);
}

static void refuses_scales(struct lent *l)
{
    struct matrix m = matrix("F8_E4M3", 200, 300, 0, 0), i4 = matrix("INT4", 8, 64, 0, 0);
    struct matrix plain        = matrix("F16", 8, 8, 0, 0);
    float         f[6]         = { 1, 1, 1, 1, 1, 0 };
    uint16_t      negative[16] = { 0 };
    const void   *each[1]      = { NULL };
    negative[3]                = 0xBF80;
    BAD(m.m, scale_dtype, "INT4", DSVK_BAD_ARGUMENT, "scales of F8_E4M3 in INT4");
    BAD(i4.m, scale_dtype, "F8_E8M0", DSVK_BAD_ARGUMENT, "scales of INT4 in F8_E8M0");
    BAD(m.m, scale_bytes, 20, DSVK_BAD_ARGUMENT, "20 bytes of scales");
    BAD(m.m, block_cols, 64, DSVK_BAD_ARGUMENT, "take 40");
    BAD(i4.m, scales, NULL, DSVK_BAD_ARGUMENT, "INT4 without scales");
    BAD(i4.m, block_rows, 2, DSVK_BAD_ARGUMENT, "for 2 rows");
    BAD(i4.m, scales, negative, DSVK_BAD_ARGUMENT, "scale 3 of matrix 0 is -1");
    BAD(m.m, scales, f, DSVK_BAD_ARGUMENT, "scale 5 of matrix 0 is 0");
    f[5] = NAN;
    BAD(m.m, scales, f, DSVK_BAD_ARGUMENT, "scale 5 of matrix 0 is nan");
    BAD(plain.m, scales, f, DSVK_BAD_ARGUMENT, "F16 has no scales");
    BAD(m.m, data_of, each, DSVK_BAD_ARGUMENT, "for expert 0");
    matrix_done(&m);
    matrix_done(&i4);
    matrix_done(&plain);
}

void bad_weights_are_refused(void **state)
{
    struct lent  *l = *state;
    struct matrix a = matrix("BF16", 8, 16, 0, 0), b = matrix("BF16", 16, 16, 0, 0);
    dsvk_weight  *w;
    refuses_shapes(l);
    refuses_scales(l);
    refuses(l, &a.m, &b.m, DSVK_BAD_ARGUMENT, "a gate of 8 x 16");
    assert_int_equal(dsvk_weight_new(NULL, l->device, &a.m, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_weight_new(&w, NULL, &a.m, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_weight_new(&w, l->device, NULL, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_weight_bytes(NULL), 0);
    dsvk_weight_free(NULL);
    assert_int_equal(dsvk_device_bytes(l->device), 0);
    matrix_done(&a);
    matrix_done(&b);
}

/* ---- runs ---- */

struct parts parts(struct lent *l)
{
    struct parts  p = { .l = l };
    struct matrix a = matrix("BF16", 24, 32, 0, 0), n = matrix("F32", 0, 32, 0, 0);
    struct matrix e = matrix("F16", 24, 32, 8, 0);
    assert_int_equal(dsvk_weight_new(&p.matrix, l->device, &a.m, NULL), DSVK_OK);
    assert_int_equal(dsvk_weight_new(&p.norm, l->device, &n.m, NULL), DSVK_OK);
    assert_int_equal(dsvk_weight_new(&p.experts, l->device, &e.m, NULL), DSVK_OK);
    matrix_done(&a);
    matrix_done(&n);
    matrix_done(&e);
    return p;
}

void parts_done(struct parts *p)
{
    dsvk_weight_free(p->matrix);
    dsvk_weight_free(p->norm);
    dsvk_weight_free(p->experts);
}

dsvk_graph *backend_begin(struct lent *l)
{
    dsvk_graph *g;
    assert_int_equal(dsvk_graph_new(&g, l->device, &(dsvk_pass){ .tokens = 6, .context = 64 }),
                     DSVK_OK);
    return g;
}

void bad_runs_are_refused(void **state)
{
    struct lent       *l  = *state;
    struct parts       p  = parts(l);
    struct lent_buffer in = lent_buffer(l, 6 * 128), out = lent_buffer(l, 6 * 96);
    dsvk_program      *run = backend_product(l, p.matrix, 6, 32, &in, &out);
    dsvk_semaphore     one = { l->timeline, 1 }, none = { VK_NULL_HANDLE, 1 };
    float              x[6 * 32];
    assert_int_equal(dsvk_program_submit(run, &(dsvk_semaphores){ .n_waits = 1 }),
                     DSVK_BAD_ARGUMENT);
    lent_expect(l, "1 semaphores");
    assert_int_equal(dsvk_program_submit(run, &(dsvk_semaphores){ &one, 17, NULL, 0 }),
                     DSVK_BAD_ARGUMENT);
    lent_expect(l, "17 semaphores");
    assert_int_equal(dsvk_program_submit(run, &(dsvk_semaphores){ NULL, 0, &none, 1 }),
                     DSVK_BAD_ARGUMENT);
    lent_expect(l, "semaphore 0 is none");
    assert_int_equal(dsvk_program_set(run, 1, x), DSVK_BAD_ARGUMENT);
    lent_expect(l, "in the caller's buffer");
    assert_int_equal(dsvk_program_get(run, 5, x), DSVK_BAD_ARGUMENT);
    lent_expect(l, "neither an input nor an output");
    assert_int_equal(dsvk_program_submit(NULL, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_program_wait(NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_program_set(NULL, 1, x), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_program_get(NULL, 1, x), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_program_wait(run), DSVK_OK); /* nothing was submitted */
    dsvk_program_free(run);
    dsvk_program_free(NULL);
    parts_done(&p);
    lent_buffer_free(l, &in);
    lent_buffer_free(l, &out);
}

/* The device first, then what stands on it, while a run is under way. */
void all_is_freed_in_any_order(void **state)
{
    struct lent *l = *state;
    for (unsigned order = 0; order < 6; order++) {
        struct parts       p  = parts(l);
        struct lent_buffer in = lent_buffer(l, 6 * 128), out = lent_buffer(l, 6 * 96);
        dsvk_program      *run = backend_product(l, p.matrix, 6, 32, &in, &out);
        dsvk_graph        *g   = backend_begin(l);
        dsvk_graph_matmul(g, p.matrix, dsvk_graph_input(g, 6, 32));
        assert_int_equal(dsvk_program_submit(run, NULL), DSVK_OK);
        if (order == 5) {
            dsvk_device_close(l->device);
            l->device = NULL;
        }
        if (order % 2)
            parts_done(&p);
        if (order / 2 == 1)
            dsvk_graph_free(g);
        dsvk_program_free(run);
        if (order / 2 != 1)
            dsvk_graph_free(g);
        if (order % 2 == 0)
            parts_done(&p);
        if (l->device)
            assert_int_equal(dsvk_device_bytes(l->device), 0);
        lent_buffer_free(l, &in);
        lent_buffer_free(l, &out);
    }
    assert_int_equal(l->errors, 0);
}
