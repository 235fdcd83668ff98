/* SPDX-License-Identifier: MIT */
/* What a model needs and what is wrong with it: one sentence, which says what the file is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "file/checkpoint.h"
#include "edit.h"
#include "model/model.h"
#include "support/test_context.h"

static void spoil_norm(json_t *header, json_int_t end)
{
    (void)end;
    json_object_set_new(json_object_get(header, NORM), "dtype", json_string("F99"));
}

static void shift_norm(json_t *header, json_int_t end)
{
    json_t *norm = json_object_get(header, NORM);
    assert_true(end_of(norm) <= end);
    json_object_set_new(norm, "shape", json_pack("[i, i]", 1, 1));
}

static const struct {
    const char *bytes;
    size_t      n;
    const char *says;
} natures[] = {
    { "version https://git-lfs.github.com/spec/v1\noid sha256:5f\nsize 9\n", 60, "git lfs pull" },
    { "# xet version 0\n", 16, "Xet pointer" },
    { "<!DOCTYPE html>\n<html></html>", 29, "is a page" },
    { "\n\n <?xml version=\"1.0\"?><Error>", 31, "is a page" },
    { "GGUF\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00", 16, "GGUF" },
    { "PK\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00", 12, "ZIP archive" },
    { "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x00\x00", 12, "gzip" },
    { "\x80\x02}q\x00(X\x05\x00\x00\x00", 11, "pickle" },
    { "\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X", 16, "AppleDouble" },
    { "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 12, "zeros" },
    { "", 0, "is empty" },
    { "{\"error\": \"not found\"}", 22, "no safetensors file" },
};

static void expect_failure(const struct dv_folder *folder, const char *says)
{
    struct dv_test_context test;
    struct dv_checkpoint  *checkpoint = NULL;
    dv_test_context_init(&test);
    dsvk_status status = dv_checkpoint_open(&checkpoint, &test.ctx, folder->path);
    if (status == DSVK_OK)
        status = dv_model_check(&test.ctx, checkpoint);
    if (status == DSVK_OK || test.errors != 1 || !strstr(test.line, says) ||
        !strstr(test.line, ".safetensors"))
        fail_msg("expected \"%s\": status %d, \"%s\"", says, (int)status, test.line);
    dv_checkpoint_close(checkpoint);
    assert_int_equal(test.live, 0);
}

static void needed_files_are_named_as_what_they_are(void **state)
{
    struct dv_folder one, several;
    (void)state;
    init_folder(&one, "odd-fp8");
    init_folder(&several, "v2lite");
    for (size_t i = 0; i < COUNT(natures); i++) {
        dv_folder_write(&one, ONE_FILE, natures[i].bytes, natures[i].n);
        dv_folder_write(&several, SHARD, natures[i].bytes, natures[i].n);
        expect_failure(&one, natures[i].says);
        expect_failure(&several, natures[i].says);
    }
    dv_folder_remove(&several, SHARD);
    expect_failure(&several, SHARD ": No such file");
    dv_folder_done(&one);
    dv_folder_done(&several);
}

static void needed_tensors_are_checked(void **state)
{
    struct dv_folder folder;
    size_t           bytes;
    (void)state;
    init_folder(&folder, "odd-fp8");
    char *file = dv_folder_read(&folder, ONE_FILE, &bytes);
    edit_header(&folder, ONE_FILE, spoil_norm, 0);
    expect_failure(&folder, NORM ": format F99 is not supported");
    dv_folder_write(&folder, ONE_FILE, file, bytes);
    edit_header(&folder, ONE_FILE, shift_norm, 0);
    expect_failure(&folder, NORM ": 1 elements of ");
    dv_folder_write(&folder, ONE_FILE, file, bytes - 100);
    expect_failure(&folder, "cut off");
    free(file);
    dv_folder_done(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needed_files_are_named_as_what_they_are),
        cmocka_unit_test(needed_tensors_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
