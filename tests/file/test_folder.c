/* SPDX-License-Identifier: MIT */
/* Folders as people have them: with notes of file managers, leftovers of other releases, tensors
 * that nobody needs, names of wrappers. Each must give the tensors of the plain folder, bit for
 * bit. */
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

#define COPY "model-00001-of-00003.safetensors"

/* ---- changing files ---- */

static void edit_index(const struct dv_folder *folder, void (*edit)(json_t *map))
{
    size_t  bytes;
    char   *text = dv_folder_read(folder, INDEX, &bytes);
    json_t *root = json_loadb(text, bytes, 0, NULL);
    assert_non_null(root);
    edit(json_object_get(root, "weight_map"));
    free(text);
    text = json_dumps(root, 0);
    dv_folder_write(folder, INDEX, text, strlen(text));
    free(text);
    json_decref(root);
}

static void add(json_t *header, const char *name, const char *dtype, json_t *shape, json_int_t from,
                json_int_t to)
{
    json_object_set_new(header, name,
                        json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype, "shape", shape,
                                  "data_offsets", from, to));
}

/* 64 bytes in formats and shapes that the engine does not know. */
static void add_odd(json_t *header, json_int_t end)
{
    static const char *const formats[] = { "BOOL", "U32", "F64", "F8_E5M2", "I16",
                                           "U64",  "C64", "F4",  "F99",     "U16" };
    char                     name[32];
    json_int_t               at = end;
    for (size_t i = 0; i < COUNT(formats); i++, at += 4) {
        snprintf(name, sizeof name, "vision_tower.odd.%zu", i);
        add(header, name, formats[i], json_pack("[i]", 1), at, at + 4);
    }
    add(header, "vision_tower.patch", "F32", json_pack("[i, i, i, i, i]", 1, 1, 1, 1, 2), at,
        at + 8);
    add(header, "vision_tower.text", "F32", json_string("shape"), at + 8, at + 16);
    add(header, "model.layers.0.self_attn.o_proj.g_idx", "I32", json_pack("[i]", 0), end, end);
    add(header, "model.layers.0.self_attn.q_idx", "I32", json_pack("[i, i]", 4, 0), 0, 0);
    add(header, "model.layers.0.self_attn.k_scale", "F32", json_array(), at + 16, at + 20);
    add(header, "x.y", "F32", json_pack("[i]", 1), at + 20, at + 24);
}

static void rename_all(json_t *header, const char *from, const char *to)
{
    json_t     *old = json_deep_copy(header), *value;
    const char *key;
    json_object_clear(header);
    json_object_foreach(old, key, value)
    {
        char name[256];
        bool begins = strncmp(key, from, strlen(from)) == 0;
        snprintf(name, sizeof name, "%s%s", begins ? to : "", begins ? key + strlen(from) : key);
        json_object_set(header, name, value);
    }
    json_decref(old);
}

static void wrap_outside(json_t *header, json_int_t end)
{
    (void)end;
    rename_all(header, "model.", "language_model.model.");
    rename_all(header, "lm_head.", "language_model.lm_head.");
}

static void wrap_inside(json_t *header, json_int_t end)
{
    (void)end;
    rename_all(header, "model.", "model.language_model.");
}

static void wrap_twice(json_t *header, json_int_t end)
{
    (void)end;
    rename_all(header, "model.", "model.language_model.model.");
    rename_all(header, "lm_head.", "model.language_model.lm_head.");
}

static void name_stale(json_t *map)
{
    json_object_set_new(map, "model.layers.0.mlp.down_proj.weight_scale_inv2", json_string(SHARD));
    json_object_set_new(map, "model.layers.99.eh_proj.weight", json_string("gone.safetensors"));
    json_object_set_new(map, "vision_tower.x", json_string("../x"));
    json_object_set_new(map, "vision_tower.y", json_integer(3));
}

static void name_copy(json_t *header, json_int_t end)
{
    assert_null(json_object_get(header, NORM));
    add(header, NORM, "U8", json_pack("[i]", 64), end, end + 64);
}

/* ---- the folders ---- */

static void hide(const struct dv_folder *folder, const char *name)
{
    static const char note[4096] = "\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ";
    char              path[128];
    snprintf(path, sizeof path, "._%s", name);
    dv_folder_write(folder, path, note, sizeof note);
}

static void with_notes(const struct dv_folder *folder)
{
    hide(folder, "model-00001-of-00003.safetensors");
    hide(folder, SHARD);
    hide(folder, "config.json");
    hide(folder, "tokenizer.json");
    dv_folder_remove(folder, INDEX);
    dv_folder_write(folder, ".part.safetensors", "x", 1);
}

static void with_strangers(const struct dv_folder *folder)
{
    dv_folder_write(folder, "adapter.safetensors", "garbage", 7);
    hide(folder, INDEX);
}

static void with_strangers_and_no_index(const struct dv_folder *folder)
{
    with_strangers(folder);
    dv_folder_remove(folder, INDEX);
}

static void with_stale_entries(const struct dv_folder *folder)
{
    edit_index(folder, name_stale);
}

static void with_odd_tensors(const struct dv_folder *folder)
{
    edit_header(folder, SHARD, add_odd, 64);
}

static void with_copies(const struct dv_folder *folder)
{
    size_t bytes;
    char  *file = dv_folder_read(folder, SHARD, &bytes);
    dv_folder_write(folder, "other.safetensors", file, bytes);
    free(file);
    dv_folder_remove(folder, INDEX);
}

static void outside(const struct dv_folder *folder)
{
    edit_header(folder, ONE_FILE, wrap_outside, 0);
}

static void inside(const struct dv_folder *folder)
{
    edit_header(folder, ONE_FILE, wrap_inside, 0);
}

static void twice(const struct dv_folder *folder)
{
    edit_header(folder, ONE_FILE, wrap_twice, 0);
}

static void with_a_stale_index(const struct dv_folder *folder)
{
    static const char index[] = "{\"weight_map\": {\"" NORM "\": \"model-00001-of-00002"
                                ".safetensors\"}}";
    dv_folder_write(folder, INDEX, index, sizeof index - 1);
}

static const struct {
    const char *recipe;
    void (*change)(const struct dv_folder *folder);
    unsigned warnings;
} folders[] = {
    { "v2lite", with_notes, 0 },
    { "v2lite", with_strangers, 0 },
    { "v2lite", with_strangers_and_no_index, 0 },
    { "v2lite", with_stale_entries, 0 },
    { "v2lite", with_odd_tensors, 0 },
    { "v2lite", with_copies, 0 },
    { "odd-fp8", outside, 0 },
    { "odd-fp8", inside, 0 },
    { "odd-fp8", twice, 0 },
    { "odd-fp8", with_a_stale_index, 1 },
};

static void expect_same(const struct dv_checkpoint *plain, const struct dv_checkpoint *other)
{
    for (uint32_t i = 0; i < dv_checkpoint_n_tensors(plain); i++) {
        const struct dv_tensor_file *a = dv_checkpoint_tensor(plain, i);
        const struct dv_tensor_file *b = dv_checkpoint_find(other, a->name);
        if (!b || a->dtype != b->dtype || a->n_dims != b->n_dims || a->bytes != b->bytes ||
            memcmp(a->dims, b->dims, sizeof a->dims) != 0)
            fail_msg("%s differs", a->name);
        unsigned char *left = malloc(a->bytes), *right = malloc(a->bytes);
        assert_int_equal(dv_checkpoint_read(plain, left, a->data, a->bytes), a->bytes);
        assert_int_equal(dv_checkpoint_read(other, right, b->data, b->bytes), b->bytes);
        assert_memory_equal(left, right, a->bytes);
        free(left);
        free(right);
    }
}

static void odd_folders_give_the_same_tensors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(folders); i++) {
        struct dv_test_context first, second;
        struct dv_folder       plain_folder, folder;
        struct dv_checkpoint  *plain, *other;
        init_folder(&plain_folder, folders[i].recipe);
        init_folder(&folder, folders[i].recipe);
        folders[i].change(&folder);
        dv_test_context_init(&first);
        dv_test_context_init(&second);
        assert_int_equal(dv_checkpoint_open(&plain, &first.ctx, plain_folder.path), DSVK_OK);
        if (dv_checkpoint_open(&other, &second.ctx, folder.path) != DSVK_OK ||
            dv_model_check(&second.ctx, other) != DSVK_OK || second.warnings != folders[i].warnings)
            fail_msg("folder %zu: \"%s\"", i, second.line);
        expect_same(plain, other);
        dv_checkpoint_close(plain);
        dv_checkpoint_close(other);
        assert_int_equal(second.live, 0);
        dv_folder_done(&plain_folder);
        dv_folder_done(&folder);
    }
}

/* The index picks the true one, then the other, which counts then. */
static void index_picks(json_t *map)
{
    json_object_set_new(map, NORM, json_string(COPY));
}

static void copies_need_an_index(void **state)
{
    struct dv_folder       folder;
    struct dv_test_context test;
    struct dv_checkpoint  *checkpoint;
    (void)state;
    init_folder(&folder, "v2lite");
    edit_header(&folder, COPY, name_copy, 64);
    dv_test_context_init(&test);
    assert_int_equal(dv_checkpoint_open(&checkpoint, &test.ctx, folder.path), DSVK_OK);
    assert_int_equal(dv_model_check(&test.ctx, checkpoint), DSVK_OK);
    dv_checkpoint_close(checkpoint);
    edit_index(&folder, index_picks);
    assert_int_equal(dv_checkpoint_open(&checkpoint, &test.ctx, folder.path), DSVK_OK);
    assert_int_equal(dv_checkpoint_find(checkpoint, NORM)->dtype, DV_U8);
    dv_checkpoint_close(checkpoint);
    dv_folder_remove(&folder, INDEX);
    assert_int_equal(dv_checkpoint_open(&checkpoint, &test.ctx, folder.path), DSVK_OK);
    assert_null(dv_checkpoint_find(checkpoint, NORM));
    assert_int_equal(dv_model_check(&test.ctx, checkpoint), DSVK_BAD_FILE);
    assert_non_null(strstr(test.line, ": is in model-0000"));
    assert_int_equal(test.errors, 1);
    dv_checkpoint_close(checkpoint);
    dv_folder_done(&folder);
}

static void no_memory_for_what_is_wrong(void **state)
{
    struct dv_folder       folder;
    struct dv_test_context test;
    struct dv_checkpoint  *checkpoint;
    unsigned               n = 0;
    dsvk_status            status;
    (void)state;
    init_folder(&folder, "v2lite");
    with_stale_entries(&folder);
    with_odd_tensors(&folder);
    dv_test_context_init(&test);
    do {
        dv_test_context_reset(&test);
        test.fail_at = ++n;
        status       = dv_checkpoint_open(&checkpoint, &test.ctx, folder.path);
        if (test.calls < n)
            break;
        if (status != DSVK_NO_MEMORY || test.errors != 1 || test.live != 0)
            fail_msg("allocation %u: status %d, %u lines, %zu blocks", n, (int)status, test.errors,
                     test.live);
    } while (n < 1000);
    assert_int_equal(status, DSVK_OK);
    assert_true(n > 10);
    dv_checkpoint_close(checkpoint);
    assert_int_equal(test.live, 0);
    dv_folder_done(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_folders_give_the_same_tensors),
        cmocka_unit_test(copies_need_an_index),
        cmocka_unit_test(no_memory_for_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
