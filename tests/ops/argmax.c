/* SPDX-License-Identifier: MIT */
/* argmax: ties, lengths around those of a workgroup, numbers that are none, and the step block
 * that it leaves for the next pass. */
#include "ops/draws.h"

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

/* Positions of a batch's rows, split of 64. */
static const struct advance {
    uint32_t rows, positions[DV_MOST_ROWS];
} advances[] = {
    { 1, { 0 } },
    { 1, { 62 } },
    { 1, { 63 } }, /* the next position begins a split */
    { 1, { 200 } },
    { 2, { 200, 3 } },
    { 5, { 9, 127, 63, 0, 127 } }, /* not the first is the longest */
    { 32, { [0] = 1, [5] = 64, [17] = 40, [31] = 191 } },
};

/* The block that the next pass finds: each row's token, one position further on. */
static void check_block(struct op_bench *b, const struct advance *a, dv_tensor y)
{
    size_t         bytes = DV_STEP_ROWS + (size_t)a->rows * DV_ROW_BYTES;
    unsigned char *got = calloc(1, bytes), *expected = calloc(1, bytes);
    assert_true(got && expected);
    assert_int_equal(dv_stream_download(op_device.stream, got, b->step, 0, bytes), DSVK_OK);
    struct dv_tuning tuning;
    struct dv_step  *step = (struct dv_step *)(void *)expected;
    dv_tuning_of(&tuning, &op_device.dev->caps);
    bool counts = tuning.attend_pairs > 0; /* how many splits there are to be */
    step->rows  = a->rows;
    for (uint32_t r = 0; r < a->rows; r++) {
        uint32_t      position = a->positions[r], winner = op_words(b, y, r)[0];
        uint32_t      splits = (position + counts) / b->p.split + 1;
        struct dv_row row    = { winner == DV_NOT_FINITE ? 0 : winner, position + 1, { 0, 0 } };
        memcpy(expected + DV_STEP_ROWS + (size_t)r * DV_ROW_BYTES, &row, sizeof row);
        step->chosen[r][position % DV_STEP_RING] = winner;
        step->attend_y = splits > step->attend_y ? splits : step->attend_y;
    }
    assert_memory_equal(got, expected, bytes);
    free(got);
    free(expected);
}

/* `bad`: the row with a NaN. */
static void check_advance(const struct advance *a, uint32_t bad)
{
    struct op_bench b;
    op_begin(&b,
             &(struct op_params){
                 .name = "advance", .tokens = a->rows, .batch = true, .positions = a->positions });
    dv_tensor x = op_input(&b, a->rows, 1003);
    dv_tensor y = dv_argmax(b.graph, x);
    if (bad < a->rows)
        op_row(&b, x, bad)[700] = NAN;
    op_run(&b);
    op_expect_equal(&b, y);
    for (uint32_t r = 0; r < a->rows; r++)
        assert_int_equal(op_words(&b, y, r)[0] == DV_NOT_FINITE, r == bad);
    check_block(&b, a, y);
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
    for (size_t i = 0; i < sizeof advances / sizeof *advances; i++)
        check_advance(&advances[i], UINT32_MAX);
    check_advance(&advances[2], 0);
    check_advance(&advances[5], 3);
    op_check_draws();
}
