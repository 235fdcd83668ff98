/* SPDX-License-Identifier: MIT */
/* Reads a header as JSON and writes the file again around it. */
#include "edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/make_checkpoint.h"
#include "support/test_context.h"

void init_folder(struct dv_folder *folder, const char *name)
{
    struct dv_test_context test;
    dv_folder_init(folder);
    dv_test_context_init(&test);
    assert_int_equal(dv_make_checkpoint(&test.ctx, name, 1, folder->path), DSVK_OK);
}

json_int_t end_of(const json_t *entry)
{
    return json_integer_value(json_array_get(json_object_get(entry, "data_offsets"), 1));
}

void edit_header(const struct dv_folder *folder, const char *name, edit_fn *edit, size_t more)
{
    size_t         bytes;
    unsigned char *file   = (unsigned char *)dv_folder_read(folder, name, &bytes);
    uint64_t       length = 0;
    for (unsigned i = 0; i < 8; i++)
        length |= (uint64_t)file[i] << 8 * i;
    json_t *header = json_loadb((char *)file + 8, (size_t)length, 0, NULL);
    assert_non_null(header);
    size_t data = bytes - 8 - (size_t)length;
    edit(header, (json_int_t)data);
    char          *text = json_dumps(header, JSON_COMPACT);
    size_t         n    = strlen(text);
    unsigned char *made = calloc(1, 8 + n + data + more);
    for (unsigned i = 0; i < 8; i++)
        made[i] = (unsigned char)((uint64_t)n >> 8 * i);
    memcpy(made + 8, text, n);
    memcpy(made + 8 + n, file + 8 + length, data);
    dv_folder_write(folder, name, made, 8 + n + data + more);
    json_decref(header);
    free(text);
    free(made);
    free(file);
}

struct dv_checkpoint *open_folder(struct dv_test_context *test, const struct dv_folder *folder)
{
    struct dv_checkpoint *checkpoint;
    dv_test_context_init(test);
    if (dv_checkpoint_open(&checkpoint, &test->ctx, folder->path) != DSVK_OK)
        fail_msg("%s", test->line);
    return checkpoint;
}
