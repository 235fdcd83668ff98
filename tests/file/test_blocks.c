/* SPDX-License-Identifier: MIT */
/* Block sizes of scales, which files do not say: deduced from shapes, as the config has them, or
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "file/checkpoint.h"
#include "edit.h"
#include "support/test_context.h"

#define SCALAR UINT32_MAX

/* [], [rows] where cols is 0, or [rows,cols]; how many that is. */
static size_t scale_shape(char text[32], unsigned rows, unsigned cols)
{
    if (rows == SCALAR)
        snprintf(text, 32, "[]");
    else if (cols == 0)
        snprintf(text, 32, "[%u]", rows);
    else
        snprintf(text, 32, "[%u,%u]", rows, cols);
    return rows == SCALAR ? 1 : (size_t)rows * (cols ? cols : 1);
}

struct pair {
    unsigned    rows, cols, scale_rows, scale_cols;
    const char *scale, *dtype;
};

/* A file with one FP8 matrix and its scales, in the folder of a checkpoint without block size. */
static void write_pair(const struct dv_folder *folder, const struct pair *p)
{
    unsigned char header[512] = { 0 };
    char          shape[32];
    size_t        each = strcmp(p->dtype, "F32") == 0 ? 4 : 1, weights = (size_t)p->rows * p->cols;
    size_t        scales = scale_shape(shape, p->scale_rows, p->scale_cols) * each;
    const char   *text   = "{\"x.weight\":{\"dtype\":\"F8_E4M3\",\"shape\":[%u,%u],"
                           "\"data_offsets\":[0,%zu]},"
                           "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,"
                           "\"data_offsets\":[%zu,%zu]}}";
    int length = snprintf((char *)header + 8, sizeof header - 8, text, p->rows, p->cols, weights,
                          p->scale, p->dtype, shape, weights, weights + scales);
    header[0]  = (unsigned char)(length & 255);
    header[1]  = (unsigned char)(length >> 8);
    unsigned char *file = calloc(1, 8 + (size_t)length + weights + scales);
    assert_non_null(file);
    memcpy(file, header, 8 + (size_t)length);
    for (size_t i = 0; i < scales; i++) /* 0x3F3F3F3F is 0.747, the e8m0 byte 2^-64 */
        file[8 + (size_t)length + weights + i] = 0x3F;
    dv_folder_write(folder, ONE_FILE, file, 8 + (size_t)length + weights + scales);
    free(file);
}

static const struct {
    struct pair pair;
    uint32_t    block_rows, block_cols; /* 0: refused */
} pairs[] = {
    { { 576, 320, 5, 3, "x.weight_scale_inv", "F32" }, 128, 128 },
    { { 576, 320, 9, 5, "x.weight_scale_inv", "F32" }, 64, 64 },
    { { 576, 320, 18, 10, "x.scale", "F8_E8M0" }, 32, 32 },
    { { 100, 100, 1, 1, "x.scale", "F32" }, 100, 100 },
    { { 576, 320, 3, 2, "x.weight_scale_inv", "F32" }, 256, 256 },
    { { 576, 320, 1, 1, "x.weight_scale_inv", "F32" }, 576, 320 },
    { { 576, 320, 576, 1, "x.weight_scale_inv", "F32" }, 1, 320 },
    { { 576, 320, 576, 3, "x.weight_scale_inv", "F32" }, 1, 128 },
    /* As others write it: other names, a scale of the matrix or of each row. */
    { { 576, 320, 5, 3, "x.weight_scale", "F32" }, 128, 128 },
    { { 576, 320, SCALAR, 0, "x.weight_scale", "F32" }, 576, 320 },
    { { 576, 320, 1, 0, "x.weight_scale", "F32" }, 576, 320 },
    { { 576, 320, 1, 1, "x.weight_scale", "F8_E8M0" }, 576, 320 },
    { { 576, 320, 576, 0, "x.weight_scale", "F32" }, 1, 320 },
    { { 576, 320, 576, 1, "x.weight_scale", "F32" }, 1, 320 },
    { { 1, 320, 1, 0, "x.weight_scale", "F32" }, 1, 320 },
    { { 576, 320, 320, 0, "x.weight_scale", "F32" }, 0, 0 },
    { { 576, 320, 1, 1, "x.input_scale", "F32" }, 0, 0 },
    { { 576, 320, 5, 4, "x.weight_scale_inv", "F32" }, 0, 0 },
    { { 576, 320, 7, 3, "x.weight_scale_inv", "F32" }, 0, 0 },
    { { 576, 320, 5, 3, "x.weight_scale_inv", "U8" }, 0, 0 },
    { { 576, 320, 5, 3, "y.scale", "F32" }, 0, 0 },
};

static void block_sizes_are_deduced(void **state)
{
    struct dv_folder folder;
    (void)state;
    init_folder(&folder, "odd"); /* its config.json names no block size */
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct dv_test_context test;
        struct dv_matrix_file  matrix;
        write_pair(&folder, &pairs[i].pair);
        struct dv_checkpoint *checkpoint = open_folder(&test, &folder);
        dsvk_status status = dv_checkpoint_matrix(&matrix, &test.ctx, checkpoint, "x.weight",
                                                  pairs[i].pair.rows, pairs[i].pair.cols);
        assert_int_equal(status == DSVK_OK, pairs[i].block_rows != 0);
        assert_int_equal(test.errors, pairs[i].block_rows == 0);
        assert_int_equal(matrix.block_rows, pairs[i].block_rows);
        assert_int_equal(matrix.block_cols, pairs[i].block_cols);
        assert_int_equal(matrix.scale != NULL, pairs[i].block_rows != 0);
        dv_checkpoint_close(checkpoint);
    }
    dv_folder_done(&folder);
}

static void block_size_of_the_config_is_the_only_one(void **state)
{
    static const struct {
        unsigned    rows, cols, scale_rows, scale_cols;
        const char *error; /* NULL: accepted */
    } cases[] = {
        { 48, 64, 1, 1, NULL }, /* one block in each direction fits 128 as well */
        { 192, 100, 3, 2, NULL },
        { 48, 64, SCALAR, 0, NULL },
        { 192, 64, SCALAR, 0, "single scales where a matrix of 192 x 64 has 3 x 1 blocks" },
        /* Each fits other blocks: 128 x 128, 192 x 32, 32 x 32, a scale for each row. */
        { 256, 256, 2, 2, "2 x 2 scales where a matrix of 256 x 256 has 4 x 4 blocks of 64 x 64" },
        { 192, 64, 1, 3, "1 x 3 scales where a matrix of 192 x 64 has 3 x 1 blocks of 64 x 64" },
        { 192, 64, 6, 2, "6 x 2 scales where a matrix of 192 x 64 has 3 x 1 blocks of 64 x 64" },
        { 192, 64, 192, 1,
          "192 x 1 scales where a matrix of 192 x 64 has 3 x 1 blocks of 64 x 64" },
    };
    struct dv_folder folder;
    (void)state;
    init_folder(&folder, "fp8-64");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dv_test_context test;
        struct dv_matrix_file  matrix;
        write_pair(&folder, &(struct pair){ cases[i].rows, cases[i].cols, cases[i].scale_rows,
                                            cases[i].scale_cols, "x.weight_scale_inv", "F32" });
        struct dv_checkpoint *checkpoint = open_folder(&test, &folder);
        dsvk_status status = dv_checkpoint_matrix(&matrix, &test.ctx, checkpoint, "x.weight",
                                                  cases[i].rows, cases[i].cols);
        if (cases[i].error) {
            assert_int_equal(status, DSVK_BAD_FILE);
            assert_non_null(strstr(test.line, cases[i].error));
        } else {
            assert_int_equal(status, DSVK_OK);
            assert_int_equal(matrix.block_rows, 64);
            assert_int_equal(matrix.block_cols, 64);
        }
        dv_checkpoint_close(checkpoint);
    }
    dv_folder_done(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(block_sizes_are_deduced),
        cmocka_unit_test(block_size_of_the_config_is_the_only_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
