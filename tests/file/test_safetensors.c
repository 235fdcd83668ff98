/* SPDX-License-Identifier: MIT */
/* Headers of safetensors files: every bad one is refused with one sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "refusal.h"
#include "model/model.h"
#include "support/test_context.h"

static const struct {
    const char *header;
    size_t      data;
    dsvk_status status;
    const char *says;
} headers[] = {
    { "", 8, DSVK_BAD_FILE, "zeros alone" },
    { "x", 8, DSVK_BAD_FILE, "malformed JSON" },
    { "[]", 0, DSVK_BAD_FILE, "no JSON object" },
    { "{", 0, DSVK_BAD_FILE, "malformed JSON" },
    { "{} x", 0, DSVK_BAD_FILE, "malformed JSON" },
    { "{\"\xFF\xFE\":{}}", 0, DSVK_BAD_FILE, "malformed JSON" },
    { "{" TENSOR("a", "F32", "1", "0,4") "," TENSOR("a", "F32", "1", "4,8") "}", 8, DSVK_BAD_FILE,
      "duplicate" },
    { "{\"a\":3}", 0, DSVK_BAD_FILE, "no dtype" },
    { "{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, DSVK_BAD_FILE, "no dtype" },
    { "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, DSVK_BAD_FILE, "shape" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, DSVK_BAD_FILE, "data_offsets" },
    { "{" TENSOR("a", "F12", "1", "0,4") "}", 4, DSVK_UNSUPPORTED, "format F12" },
    { "{" TENSOR("a", "F32", "2", "0,4") "}", 4, DSVK_BAD_FILE, "2 elements of F32 do not fill 4" },
    { "{" TENSOR("a", "F32", "1", "0,8") "}", 8, DSVK_BAD_FILE, "do not fill 8" },
    { "{" TENSOR("a", "F32", "0,4", "0,0") "}", 0, DSVK_BAD_FILE, "dimension 0" },
    { "{" TENSOR("a", "F32", "1,-4", "0,4") "}", 4, DSVK_BAD_FILE, "dimension 1" },
    { "{" TENSOR("a", "F32", "1.0", "0,4") "}", 4, DSVK_BAD_FILE, "dimension 0" },
    { "{" TENSOR("a", "F32", "1e400", "0,4") "}", 4, DSVK_BAD_FILE, "dimension 0" },
    { "{" TENSOR("a", "F32", "\"1\"", "0,4") "}", 4, DSVK_BAD_FILE, "dimension 0" },
    { "{" TENSOR("a", "F32", "1,1,1,1,1", "0,4") "}", 4, DSVK_BAD_FILE, "at most 4" },
    { "{" TENSOR("a", "F32", "4294967296,4294967296", "0,4") "}", 4, DSVK_BAD_FILE,
      "more than the 4 bytes" },
    { "{" TENSOR("a", "U8", "9223372036854775807,2,2", "0,4") "}", 4, DSVK_BAD_FILE,
      "more than the 4 bytes" },
    { "{" TENSOR("a", "I64", "4611686018427387904", "0,4") "}", 4, DSVK_BAD_FILE,
      "more than the 4 bytes" },
    { "{" TENSOR("a", "F32", "2", "0,8") "}", 4, DSVK_BAD_FILE, "ends at byte 8 of only 4" },
    { "{" TENSOR("a", "F32", "1", "4,0") "}", 4, DSVK_BAD_FILE, "not two ascending" },
    { "{" TENSOR("a", "F32", "1", "-4,0") "}", 4, DSVK_BAD_FILE, "not two ascending" },
    { "{" TENSOR("a", "F32", "1", "0,4,8") "}", 4, DSVK_BAD_FILE, "not two ascending" },
    { "{" TENSOR("a", "F32", "1", "0.0,4.0") "}", 4, DSVK_BAD_FILE, "not two ascending" },
    { "{" TENSOR("a", "F32", "1", "0,99999999999999999999") "}", 4, DSVK_BAD_FILE,
      "not two ascending" },
    { "{" TENSOR("a", "F32", "2", "0,8") "," TENSOR("b", "F32", "2", "4,12") "}", 12, DSVK_BAD_FILE,
      "begins at byte 4 where" },
    { "{" TENSOR("a", "F32", "1", "0,4") "," TENSOR("b", "F32", "1", "0,4") "}", 4, DSVK_BAD_FILE,
      "begins at byte 0 where" },
    { "{" TENSOR("a", "F32", "1", "0,4") "," TENSOR("b", "F32", "1", "8,12") "}", 12, DSVK_BAD_FILE,
      "ends at 4" },
    { "{" TENSOR("a", "F32", "1", "4,8") "}", 8, DSVK_BAD_FILE, "ends at 0" },
    { "{" TENSOR("a", "F32", "1", "0,4") "}", 5, DSVK_BAD_FILE, "end at byte 4 of 5" },
    { "{}", 1, DSVK_BAD_FILE, "end at byte 0 of 1" },
};

static void bad_headers_are_refused(void **state)
{
    struct dv_folder folder;
    (void)state;
    init_folder(&folder, "tied"); /* for its config.json */
    for (size_t i = 0; i < COUNT(headers); i++) {
        size_t bytes = write_tensors(&folder, ONE_FILE, headers[i].header, headers[i].data);
        expect_refusal(&folder, headers[i].status, headers[i].says, bytes);
    }
    dv_folder_done(&folder);
}

static void legal_oddities_are_read(void **state)
{
    struct dv_folder             folder;
    struct dv_test_context       test;
    struct dv_checkpoint        *checkpoint;
    const struct dv_tensor_file *tensor;
    (void)state;
    init_folder(&folder, "tied");
    dv_test_context_init(&test);
    /* Order unlike that of the data, a scalar, no alignment, padding behind the header. */
    write_tensors(&folder, ONE_FILE,
                  "{" TENSOR("b", "F32", "2",
                             "1,9") "," TENSOR("language_model.a", "U8", "",
                                               "0,1") ",\"__metadata__\":{\"format\":\"pt\"}}   ",
                  9);
    assert_int_equal(dv_checkpoint_open(&checkpoint, &test.ctx, folder.path), DSVK_OK);
    assert_int_equal(dv_checkpoint_n_tensors(checkpoint), 2);
    assert_string_equal(dv_checkpoint_tensor(checkpoint, 0)->name, "a");
    assert_int_equal(dv_checkpoint_tensor(checkpoint, 0)->n_dims, 0);
    tensor = dv_checkpoint_find(checkpoint, "b");
    assert_int_equal(tensor->bytes, 8);
    assert_ptr_equal(tensor->data, dv_checkpoint_find(checkpoint, "a")->data + 1);
    dv_checkpoint_close(checkpoint);
    write_tensors(&folder, ONE_FILE, "{}", 0);
    assert_int_equal(dv_checkpoint_open(&checkpoint, &test.ctx, folder.path), DSVK_OK);
    assert_int_equal(dv_checkpoint_n_tensors(checkpoint), 0);
    assert_null(dv_checkpoint_find(checkpoint, "a"));
    assert_int_equal(dv_model_check(&test.ctx, checkpoint), DSVK_BAD_FILE);
    assert_int_equal(test.errors, 1);
    dv_checkpoint_close(checkpoint);
    dv_folder_done(&folder);
}

static void bad_lengths_are_refused(void **state)
{
    static const struct {
        uint64_t    length;
        const char *says;
    } cases[] = {
        { 0, "a header of 0 bytes" },
        { 3, "a header of 3 bytes in a file of 10" },
        { 100000001, "in a file of 10" },
        { (uint64_t)1 << 63, "a header of 9223372036854775808 bytes" },
        { UINT64_MAX, "a header of 18446744073709551615 bytes" },
        { UINT64_MAX - 7, "a header of" },
    };
    struct dv_folder folder;
    unsigned char    file[10] = { [8] = '{', [9] = '}' };
    (void)state;
    init_folder(&folder, "tied");
    for (size_t i = 0; i < COUNT(cases); i++) {
        put_length(file, cases[i].length);
        dv_folder_write(&folder, ONE_FILE, file, sizeof file);
        expect_refusal(&folder, DSVK_BAD_FILE, cases[i].says, sizeof file);
    }
    for (size_t bytes = 0; bytes < 8; bytes++) {
        dv_folder_write(&folder, ONE_FILE, file, bytes);
        expect_refusal(&folder, DSVK_BAD_FILE, bytes ? "too few" : "is empty", bytes);
    }
    dv_folder_done(&folder);
}

/* Cut anywhere: in the length, the header, the data. */
static void truncated_files_are_refused(void **state)
{
    struct dv_folder folder;
    size_t           bytes;
    (void)state;
    init_folder(&folder, "tied");
    char *data = dv_folder_read(&folder, ONE_FILE, &bytes);
    for (size_t left = bytes - 1; left > 0; left = left * 3 / 4) {
        dv_folder_write(&folder, ONE_FILE, data, left);
        expect_refusal(&folder, DSVK_BAD_FILE, "checkpoint: ", left);
    }
    free(data);
    dv_folder_done(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_headers_are_refused),
        cmocka_unit_test(legal_oddities_are_read),
        cmocka_unit_test(bad_lengths_are_refused),
        cmocka_unit_test(truncated_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
