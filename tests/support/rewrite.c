/* SPDX-License-Identifier: MIT */
/* Reads a made safetensors file, lets a test replace tensors, and writes it again. Written by
 * other code than the engine's, so that an error in one does not hide in both. */
#include "support/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILE_NAME "model.safetensors"

/* ---- reading ---- */

static void read_tensor(struct dv_rewrite_tensor *t, const char *name, const json_t *entry,
                        const char *data)
{
    const json_t *shape = json_object_get(entry, "shape"), *place;
    place               = json_object_get(entry, "data_offsets");
    size_t from         = (size_t)json_integer_value(json_array_get(place, 0));
    size_t to           = (size_t)json_integer_value(json_array_get(place, 1));
    snprintf(t->name, sizeof t->name, "%s", name);
    snprintf(t->dtype, sizeof t->dtype, "%s", json_string_value(json_object_get(entry, "dtype")));
    t->n_dims = (uint32_t)json_array_size(shape);
    assert_true(t->n_dims <= 4);
    for (uint32_t d = 0; d < t->n_dims; d++)
        t->dims[d] = (uint64_t)json_integer_value(json_array_get(shape, d));
    t->bytes = to - from;
    t->data  = malloc(t->bytes + 1);
    assert_non_null(t->data);
    memcpy(t->data, data + from, t->bytes);
}

static json_t *load(const struct dv_folder *folder, const char *name)
{
    size_t  bytes;
    char   *text = dv_folder_read(folder, name, &bytes);
    json_t *root = json_loadb(text, bytes, 0, NULL);
    assert_non_null(root);
    free(text);
    return root;
}

void dv_rewrite_begin(struct dv_rewrite *rewrite, const struct dv_folder *folder)
{
    size_t      bytes, length = 0;
    const char *name;
    json_t     *entry;
    char       *file = dv_folder_read(folder, FILE_NAME, &bytes);
    for (int i = 0; i < 8; i++)
        length |= (size_t)(unsigned char)file[i] << 8 * i;
    json_t *root = json_loadb(file + 8, length, 0, NULL);
    assert_non_null(root);
    *rewrite         = (struct dv_rewrite){ .folder = folder };
    rewrite->tensors = calloc(json_object_size(root), sizeof *rewrite->tensors);
    assert_non_null(rewrite->tensors);
    json_object_foreach(root, name, entry)
    {
        if (strcmp(name, "__metadata__") != 0)
            read_tensor(&rewrite->tensors[rewrite->n++], name, entry, file + 8 + length);
    }
    rewrite->config = load(folder, "config.json");
    json_decref(root);
    free(file);
}

struct dv_rewrite_tensor *dv_rewrite_find(struct dv_rewrite *rewrite, const char *name)
{
    for (size_t i = 0; i < rewrite->n; i++)
        if (!rewrite->tensors[i].dropped && strcmp(rewrite->tensors[i].name, name) == 0)
            return &rewrite->tensors[i];
    return NULL;
}

void dv_rewrite_data(struct dv_rewrite_tensor *tensor, const char *dtype, uint64_t rows,
                     uint64_t cols, size_t bytes)
{
    free(tensor->data);
    tensor->data = calloc(bytes, 1);
    assert_non_null(tensor->data);
    tensor->bytes   = bytes;
    tensor->n_dims  = rows == 0 ? 0 : cols == 0 ? 1 : 2;
    tensor->dims[0] = rows;
    tensor->dims[1] = cols;
    snprintf(tensor->dtype, sizeof tensor->dtype, "%s", dtype);
}

/* ---- writing ---- */

static json_t *header_of(const struct dv_rewrite *rewrite)
{
    json_t *root = json_object();
    size_t  at   = 0;
    for (size_t i = 0; i < rewrite->n; i++) {
        const struct dv_rewrite_tensor *t = &rewrite->tensors[i];
        if (t->dropped)
            continue;
        json_t *shape = json_array();
        for (uint32_t d = 0; d < t->n_dims; d++)
            json_array_append_new(shape, json_integer((json_int_t)t->dims[d]));
        json_object_set_new(root, t->name,
                            json_pack("{s:s, s:o, s:[I, I]}", "dtype", t->dtype, "shape", shape,
                                      "data_offsets", (json_int_t)at, (json_int_t)(at + t->bytes)));
        at += t->bytes;
    }
    return root;
}

static void write_tensors(const struct dv_rewrite *rewrite)
{
    json_t *root = header_of(rewrite);
    char   *text = json_dumps(root, JSON_COMPACT);
    assert_non_null(text);
    size_t length = strlen(text);
    FILE  *file   = fopen(dv_folder_path(rewrite->folder, FILE_NAME), "wb");
    assert_non_null(file);
    for (int i = 0; i < 8; i++)
        fputc((int)(length >> 8 * i & 255), file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    for (size_t i = 0; i < rewrite->n; i++)
        if (!rewrite->tensors[i].dropped)
            assert_int_equal(fwrite(rewrite->tensors[i].data, 1, rewrite->tensors[i].bytes, file),
                             rewrite->tensors[i].bytes);
    assert_int_equal(fclose(file), 0);
    free(text);
    json_decref(root);
}

void dv_rewrite_end(struct dv_rewrite *rewrite)
{
    char *text = json_dumps(rewrite->config, JSON_INDENT(2));
    assert_non_null(text);
    dv_folder_write(rewrite->folder, "config.json", text, strlen(text));
    free(text);
    write_tensors(rewrite);
    for (size_t i = 0; i < rewrite->n; i++)
        free(rewrite->tensors[i].data);
    free(rewrite->tensors);
    json_decref(rewrite->config);
}
