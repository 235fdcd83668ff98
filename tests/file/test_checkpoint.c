/* SPDX-License-Identifier: MIT */
/* Folders and safetensors headers. Every bad file must be refused with one sentence, and without
 * allocating more than the size of the files justifies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "file/checkpoint.h"
#include "model/model.h"
#include "support/folder.h"
#include "support/make_checkpoint.h"
#include "support/test_context.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ONE_FILE "model.safetensors"
#define INDEX "model.safetensors.index.json"
/* FNV-1a of the file that odd-fp8 and seed 1 give, everywhere. */
#define MADE_HASH 0xBA93C77F589189E4u

static void put_length(unsigned char *at, uint64_t length)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (unsigned char)(length >> 8 * i);
}

/* A safetensors file from a header text and a number of data bytes. */
static size_t write_tensors(const struct dv_folder *folder, const char *name, const char *header,
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

static void init_folder(struct dv_folder *folder, const char *name)
{
    struct dv_test_context test;
    dv_folder_init(folder);
    dv_test_context_init(&test);
    assert_int_equal(dv_make_checkpoint(&test.ctx, name, 1, folder->path), DSVK_OK);
    assert_int_equal(test.live, 0);
}

/* Opening fails, or else asking for the tensor `needed`. */
static void expect_refusal_of(const char *needed, const struct dv_folder *folder,
                              dsvk_status expected, const char *says, size_t file_bytes)
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

static void expect_refusal(const struct dv_folder *folder, dsvk_status expected, const char *says,
                           size_t file_bytes)
{
    expect_refusal_of("a", folder, expected, says, file_bytes);
}

static void every_recipe_opens_and_passes_its_check(void **state)
{
    (void)state;
    for (size_t i = 0; dv_make_checkpoint_names[i]; i++) {
        struct dv_test_context test;
        struct dv_folder       folder;
        struct dv_checkpoint  *checkpoint;
        init_folder(&folder, dv_make_checkpoint_names[i]);
        dv_test_context_init(&test);
        assert_int_equal(dv_checkpoint_open(&checkpoint, &test.ctx, folder.path), DSVK_OK);
        assert_int_equal(dv_model_check(&test.ctx, checkpoint), DSVK_OK);
        assert_string_equal(dv_checkpoint_folder(checkpoint), folder.path);
        assert_int_equal(test.errors + test.warnings, 0);
        uint32_t n     = dv_checkpoint_n_tensors(checkpoint);
        uint64_t bytes = 0;
        for (uint32_t k = 0; k < n; k++) {
            const struct dv_tensor_file *tensor = dv_checkpoint_tensor(checkpoint, k);
            assert_ptr_equal(dv_checkpoint_find(checkpoint, tensor->name), tensor);
            assert_true(tensor->shard < dv_checkpoint_n_shards(checkpoint));
            bytes += tensor->bytes;
        }
        assert_int_equal(bytes, dv_checkpoint_bytes(checkpoint));
        assert_null(dv_checkpoint_find(checkpoint, "model.layers.99.mlp.gate.weight"));
        dv_checkpoint_close(checkpoint);
        assert_int_equal(test.live, 0);
        dv_folder_done(&folder);
    }
    dv_checkpoint_close(NULL);
}

#define TENSOR(name, dtype, shape, range)                                                          \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" range "]}"

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

static void many_tensors_cost_what_the_file_does(void **state)
{
    struct dv_folder       folder;
    struct dv_test_context test;
    struct dv_checkpoint  *checkpoint;
    const unsigned         n  = 100000;
    size_t                 at = 0, room = n * 80u;
    char                  *text = malloc(room);
    (void)state;
    assert_non_null(text);
    init_folder(&folder, "tied");
    for (unsigned i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, room - at,
                               "%c\"%x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%u,%u]}",
                               i ? ',' : '{', i, i, i + 1);
    snprintf(text + at, room - at, "}");
    size_t bytes = write_tensors(&folder, ONE_FILE, text, n);
    dv_test_context_init(&test);
    assert_int_equal(dv_checkpoint_open(&checkpoint, &test.ctx, folder.path), DSVK_OK);
    assert_int_equal(dv_checkpoint_n_tensors(checkpoint), n);
    assert_true(test.total <= bytes * 4 + (1u << 20));
    dv_checkpoint_close(checkpoint);
    assert_int_equal(test.live, 0);
    free(text);
    dv_folder_done(&folder);
}

static const struct {
    const char *index, *says;
} indexes[] = {
    { "", "is empty" },
    { "{", "end in the middle" },
    { "[]", "no weight_map" },
    { "{\"weight_map\":3}", "no weight_map" },
    { "{\"weight_map\":{}}", "no weight_map" },
    { "{\"weight_map\":{\"a\":3}}", "\"\" is not the name" },
    { "{\"weight_map\":{\"a\":\"\"}}", "\"\" is not the name" },
    { "{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "\"/etc/passwd\" is not the name" },
    { "{\"weight_map\":{\"a\":\"../1.safetensors\"}}", "\"../1.safetensors\" is not" },
    { "{\"weight_map\":{\"a\":\"..\"}}", "\"..\" is not" },
    { "{\"weight_map\":{\"a\":\"x\\\\1.safetensors\"}}", "is not the name" },
    { "{\"weight_map\":{\"a\":\"3.safetensors\"}}", "3.safetensors: No such file" },
    { "{\"weight_map\":{\"a\":\"config.json\"}}", "config.json: a header of" },
    { "{\"weight_map\":{\"a\":\"1.safetensors\",\"x\":\"1.safetensors\"}}", "x is not in 1.saf" },
    { "{\"weight_map\":{\"a\":\"1.safetensors\",\"b\":\"1.safetensors\",\"c\":\"2.safetensors\"}}",
      "b is not in 1.saf" },
    { "{\"weight_map\":{\"a\":\"1.safetensors\",\"a\":\"2.safetensors\"}}", "duplicate" },
};

static void bad_indexes_are_refused(void **state)
{
    struct dv_folder folder;
    (void)state;
    init_folder(&folder, "tied");
    dv_folder_remove(&folder, ONE_FILE);
    write_tensors(&folder, "1.safetensors", "{" TENSOR("a", "U8", "1", "0,1") "}", 1);
    write_tensors(&folder, "2.safetensors",
                  "{" TENSOR("b", "U8", "1", "0,1") "," TENSOR("c", "U8", "1", "1,2") "}", 2);
    for (size_t i = 0; i < COUNT(indexes); i++) {
        dv_folder_write(&folder, INDEX, indexes[i].index, strlen(indexes[i].index));
        bool       named    = strstr(indexes[i].says, " is not in ") != NULL;
        const char needed[] = { named ? *indexes[i].says : 'a', 0 };
        expect_refusal_of(needed, &folder, DSVK_BAD_FILE, indexes[i].says, 0);
    }
    dv_folder_done(&folder);
}

/* Where an index picks one, that one counts; else neither. */
static void tensor_in_two_files(void **state)
{
    static const char index[] =
        "{\"weight_map\":{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}}";
    struct dv_test_context       test;
    struct dv_checkpoint        *checkpoint;
    const struct dv_tensor_file *a;
    struct dv_folder             folder;
    (void)state;
    init_folder(&folder, "tied");
    dv_folder_remove(&folder, ONE_FILE);
    write_tensors(&folder, "1.safetensors", "{" TENSOR("a", "U8", "1", "0,1") "}", 1);
    write_tensors(&folder, "2.safetensors",
                  "{" TENSOR("b", "U8", "1", "0,1") "," TENSOR("a", "U8", "1", "1,2") "}", 2);
    expect_refusal(&folder, DSVK_BAD_FILE, "a: is in ", 0);
    dv_folder_write(&folder, INDEX, index, sizeof index - 1);
    dv_test_context_init(&test);
    assert_int_equal(dv_checkpoint_open(&checkpoint, &test.ctx, folder.path), DSVK_OK);
    a = dv_checkpoint_find(checkpoint, "a");
    assert_non_null(a);
    assert_string_equal(dv_checkpoint_shard(checkpoint, a->shard), "1.safetensors");
    assert_int_equal(dv_checkpoint_n_tensors(checkpoint), 2);
    dv_checkpoint_close(checkpoint);
    assert_int_equal(test.live, 0);
    dv_folder_done(&folder);
}

static void folder_without_index_is_read_whole(void **state)
{
    struct dv_folder       folder;
    struct dv_test_context test;
    struct dv_checkpoint  *checkpoint;
    (void)state;
    init_folder(&folder, "v2lite");
    dv_folder_remove(&folder, INDEX);
    dv_test_context_init(&test);
    assert_int_equal(dv_checkpoint_open(&checkpoint, &test.ctx, folder.path), DSVK_OK);
    assert_int_equal(dv_checkpoint_n_shards(checkpoint), 3);
    assert_int_equal(dv_model_check(&test.ctx, checkpoint), DSVK_OK);
    dv_checkpoint_close(checkpoint);
    for (unsigned i = 1; i <= 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "model-%05u-of-00003.safetensors", i);
        dv_folder_remove(&folder, name);
    }
    expect_refusal(&folder, DSVK_BAD_FILE, "no *.safetensors", 0);
    dv_folder_remove(&folder, "config.json");
    expect_refusal(&folder, DSVK_BAD_FILE, "config.json: No such file", 0);
    dv_folder_done(&folder);
    expect_refusal(&folder, DSVK_BAD_FILE, "config.json: No such file", 0);
}

static void every_failed_allocation_is_reported(void **state)
{
    struct dv_folder       folder;
    struct dv_test_context test;
    struct dv_checkpoint  *checkpoint;
    unsigned               n = 0;
    (void)state;
    init_folder(&folder, "k2");
    dv_test_context_init(&test);
    do {
        dv_test_context_reset(&test);
        test.fail_at       = ++n;
        dsvk_status status = dv_checkpoint_open(&checkpoint, &test.ctx, folder.path);
        if (test.calls < n) {
            assert_int_equal(status, DSVK_OK);
            break;
        }
        assert_int_equal(status, DSVK_NO_MEMORY);
        assert_int_equal(test.errors, 1);
        assert_int_equal(test.live, 0);
        assert_null(checkpoint);
    } while (n < 1000);
    assert_true(n > 5 && n < 1000);
    dv_checkpoint_close(checkpoint);
    assert_int_equal(test.live, 0);
    dv_folder_done(&folder);
}

static void same_seed_same_bytes(void **state)
{
    struct dv_folder folder;
    size_t           bytes;
    uint64_t         hash = 0xCBF29CE484222325u;
    (void)state;
    init_folder(&folder, "odd-fp8");
    unsigned char *data = (unsigned char *)dv_folder_read(&folder, ONE_FILE, &bytes);
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ data[i]) * 0x100000001B3u;
    free(data);
    dv_folder_done(&folder);
    if (hash != MADE_HASH)
        fail_msg("odd-fp8 of seed 1 is 0x%016llX", (unsigned long long)hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recipe_opens_and_passes_its_check),
        cmocka_unit_test(bad_headers_are_refused),
        cmocka_unit_test(legal_oddities_are_read),
        cmocka_unit_test(bad_lengths_are_refused),
        cmocka_unit_test(truncated_files_are_refused),
        cmocka_unit_test(many_tensors_cost_what_the_file_does),
        cmocka_unit_test(bad_indexes_are_refused),
        cmocka_unit_test(tensor_in_two_files),
        cmocka_unit_test(folder_without_index_is_read_whole),
        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(same_seed_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
