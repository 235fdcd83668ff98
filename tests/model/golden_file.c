/* SPDX-License-Identifier: MIT */
#include "golden_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void golden_open(struct golden *g, const char *name)
{
    char         path[1024];
    json_error_t error;
    *g = (struct golden){ 0 };
    dv_test_context_init(&g->test);
    snprintf(path, sizeof path, "%s/golden/%s/golden.json", DSVK_TEST_DATA, name);
    g->json = json_load_file(path, 0, &error);
    if (!g->json)
        fail_msg("%s: %s", path, error.text);
    snprintf(path, sizeof path, "%s/golden/%s/golden.safetensors", DSVK_TEST_DATA, name);
    assert_int_equal(dv_file_map_open(&g->file, &g->test.ctx, path), DSVK_OK);
    dv_arena_init(&g->arena, &g->test.ctx);
    assert_int_equal(dv_safetensors_parse(&g->tensors, &g->arena, path, &g->file, 0), DSVK_OK);
    char *shards[] = { path };
    assert_int_equal(dv_tensor_list_sort(&g->tensors, &g->arena, shards, NULL), DSVK_OK);
}

void golden_close(struct golden *g)
{
    json_decref(g->json);
    dv_tensor_list_done(&g->tensors, &g->test.ctx);
    dv_arena_done(&g->arena);
    dv_file_map_close(&g->file);
    assert_int_equal(g->test.live, 0);
}

const void *golden_words(const struct golden *g, const char *name, size_t n)
{
    const struct dv_tensor_file *tensor = dv_tensor_list_find(&g->tensors, name);
    if (tensor && tensor->bytes != n * 4)
        fail_msg("%s has %u bytes, not %zu", name, (unsigned)tensor->bytes, n * 4);
    if (tensor && (uintptr_t)tensor->data % 4 != 0)
        fail_msg("%s is not aligned", name);
    return tensor ? (const void *)tensor->data : NULL;
}

uint32_t *golden_ids(const json_t *list, size_t *n)
{
    *n            = json_array_size(list);
    uint32_t *ids = malloc((*n + 1) * sizeof *ids);
    assert_non_null(ids);
    for (size_t i = 0; i < *n; i++)
        ids[i] = (uint32_t)json_integer_value(json_array_get(list, i));
    return ids;
}
