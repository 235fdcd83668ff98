/* SPDX-License-Identifier: MIT */
/* Folders of safetensors files and their index. Every bad one must be refused with one sentence,
 * and without allocating more than the size of the files justifies. */
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
#include "support/make_checkpoint.h"
#include "support/test_context.h"

#define INDEX "model.safetensors.index.json"
/* FNV-1a of the file that odd-fp8 and seed 1 give, everywhere. */
#define MADE_HASH 0xBA93C77F589189E4u

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
        cmocka_unit_test(many_tensors_cost_what_the_file_does),
        cmocka_unit_test(bad_indexes_are_refused),
        cmocka_unit_test(tensor_in_two_files),
        cmocka_unit_test(folder_without_index_is_read_whole),
        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(same_seed_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
