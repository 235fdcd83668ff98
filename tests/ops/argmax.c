/* SPDX-License-Identifier: MIT */
/* argmax: ties, lengths around those of a workgroup, numbers that are none, and the step block
 * that it leaves for the next pass. */
#include "ops/harness.h"

#include <math.h>

enum fill { RANDOM, EQUAL, TIE, ALL_NAN, ONE_NAN, MINUS, PLUS, ZEROS, LAST, BEYOND };

static const struct shape {
    const char *name;
    uint32_t    rows, cols;
    enum fill   fill;
    uint32_t    choices; /* 0 = all */
} shapes[] = {
    { "one column", 1, 1, RANDOM, 0 },
    { "columns not a multiple of four", 3, 1003, RANDOM, 0 },
    { "a vocabulary", 1, 102400, RANDOM, 0 },
    { "many rows", 64, 36, RANDOM, 0 },
    { "all equal", 2, 200, EQUAL, 0 },
    { "a tie far apart", 7, 1003, TIE, 0 },
    { "only NaN", 3, 100, ALL_NAN, 0 },
    { "one NaN", 33, 72, ONE_NAN, 0 },
    { "one NaN of many", 2, 102400, ONE_NAN, 0 },
    { "minus infinity", 3, 100, MINUS, 0 },
    { "infinity", 3, 5003, PLUS, 0 },
    { "zeros of both signs", 3, 20, ZEROS, 0 },
    { "the last column", 2, 1003, LAST, 0 },
    { "columns that are no choices", 3, 1003, BEYOND, 901 },
    { "NaN in the last choice", 3, 1003, ONE_NAN, 1003 },
    { "one choice", 2, 512, BEYOND, 1 },
    { "as many choices as columns", 2, 512, LAST, 512 },
};

static void fill_row(float *row, const struct shape *s)
{
    for (uint32_t k = 0; k < s->cols; k++)
        switch (s->fill) {
        case RANDOM:
            break;
        case EQUAL:
            row[k] = -3.5f;
            break;
        case TIE:
            row[k] = k == 5 || k == s->cols - 2 || k == s->cols / 2 ? 2.0f : row[k];
            break;
        case ALL_NAN:
            row[k] = k % 2 ? NAN : -NAN;
            break;
        case ONE_NAN:
            row[k] = k == s->cols - 1 ? NAN : row[k];
            break;
        case MINUS:
            row[k] = k == 50 ? -INFINITY : row[k];
            break;
        case PLUS:
            row[k] = k == 1500 ? INFINITY : row[k];
            break;
        case ZEROS:
            row[k] = k % 2 ? 0.0f : -0.0f;
            break;
        case LAST:
            row[k] = k == s->cols - 1 ? 3e38f : row[k];
            break;
        case BEYOND:
            row[k] = k < s->choices ? row[k] : k % 2 ? NAN : INFINITY;
            break;
        }
}

/* The block that the next pass finds: its token, one position further on. */
static void check_advance(uint32_t position, bool finite)
{
    struct op_bench b;
    struct dv_step  step;
    uint32_t        id;
    op_begin(&b, &(struct op_params){ .name = "advance", .position = position });
    b.graph->size.advance = true;
    dv_tensor x           = op_input(&b, 1, 1003);
    dv_tensor y           = dv_argmax(b.graph, x);
    if (!finite)
        op_row(&b, x, 0)[700] = NAN;
    op_run(&b);
    op_expect_equal(&b, y);
    assert_int_equal(dv_stream_download(op_device.stream, &step, b.step, 0, sizeof step), DSVK_OK);
    assert_int_equal(dv_stream_download(op_device.stream, &id, b.step, DV_STEP_IDS, sizeof id),
                     DSVK_OK);
    uint32_t       winner                    = op_words(&b, y, 0)[0];
    struct dv_step expected                  = { .tokens   = 1,
                                                 .position = position + 1,
                                                 .splits   = (position + 1) / b.p.split + 1 };
    expected.attend_y                        = expected.splits;
    expected.chosen[position % DV_STEP_RING] = winner;
    assert_int_equal(id, finite ? winner : 0);
    assert_int_equal(winner == DV_NOT_FINITE, !finite);
    assert_memory_equal(&step, &expected, sizeof step);
    op_end(&b);
}

void op_test_argmax(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct op_bench b;
        op_begin(&b, &(struct op_params){ .name = shapes[i].name, .tokens = shapes[i].rows });
        dv_tensor x           = op_input(&b, shapes[i].rows, shapes[i].cols);
        b.graph->size.choices = shapes[i].choices;
        for (uint32_t r = 0; r < shapes[i].rows; r++)
            fill_row(op_row(&b, x, r), &shapes[i]);
        dv_tensor y = dv_argmax(b.graph, x);
        op_run(&b);
        op_expect_equal(&b, y);
        op_end(&b);
    }
    check_advance(0, true);
    check_advance(62, true);
    check_advance(63, true); /* the next position begins a split */
    check_advance(200, true);
    check_advance(63, false);
}
