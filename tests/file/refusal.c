/* SPDX-License-Identifier: MIT */
/* A refusal is one sentence, leaves nothing behind, and takes no memory beyond the
 * size of the file. */
#include "refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/make_checkpoint.h"
#include "support/test_context.h"

void put_length(unsigned char *at, uint64_t length)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (unsigned char)(length >> 8 * i);
}

size_t write_tensors(const struct dv_folder *folder, const char *name, const char *header,
                     size_t data)
{
    size_t         length = strlen(header), bytes = 8 + length + data;
    unsigned char *file = calloc(1, bytes);
    assert_non_null(file);
    put_length(file, length);
    memcpy(file + 8, header, length);
    dv_folder_write(folder, name, file, bytes);
    free(file);
    return bytes;
}

void init_folder(struct dv_folder *folder, const char *name)
{
    struct dv_test_context test;
    dv_folder_init(folder);
    dv_test_context_init(&test);
    assert_int_equal(dv_make_checkpoint(&test.ctx, name, 1, folder->path), DSVK_OK);
    assert_int_equal(test.live, 0);
}

void expect_refusal_of(const char *needed, const struct dv_folder *folder, dsvk_status expected,
                       const char *says, size_t file_bytes)
{
    struct dv_test_context       test;
    struct dv_checkpoint        *checkpoint = (void *)1;
    const struct dv_tensor_file *vector;
    dv_test_context_init(&test);
    dsvk_status status = dv_checkpoint_open(&checkpoint, &test.ctx, folder->path);
    if (status == DSVK_OK) {
        assert_int_equal(test.errors + test.warnings, 0);
        status = dv_checkpoint_vector(&vector, &test.ctx, checkpoint, needed, 1);
        dv_checkpoint_close(checkpoint);
        checkpoint = NULL;
    }
    if (status != expected || test.errors != 1 || !strstr(test.line, says))
        fail_msg("expected \"%s\": status %d, %u lines, \"%s\"", says, (int)status, test.errors,
                 test.line);
    assert_null(checkpoint);
    assert_int_equal(test.live, 0);
    assert_true(test.total <= file_bytes * 4 + (1u << 20));
}

void expect_refusal(const struct dv_folder *folder, dsvk_status expected, const char *says,
                    size_t file_bytes)
{
    expect_refusal_of("a", folder, expected, says, file_bytes);
}
