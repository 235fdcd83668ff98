/* SPDX-License-Identifier: MIT */
/* The kept results of one checkpoint: tests/golden/NAME/golden.json and golden.safetensors. Fails
 * the running test on trouble. */
#ifndef DV_TESTS_MODEL_GOLDEN_FILE_H
#define DV_TESTS_MODEL_GOLDEN_FILE_H

#include <jansson.h>

#include "file/safetensors.h"
#include "support/test_context.h"

struct golden {
    struct dv_test_context test;
    json_t                *json;
    struct dv_file_map     file;
    struct dv_arena        arena;
    struct dv_tensor_list  tensors;
};

void golden_open(struct golden *golden, const char *name);
void golden_close(struct golden *golden);
/* The data of a tensor of `n` words, or NULL when there is none of that name. */
const void *golden_words(const struct golden *golden, const char *name, size_t n);
/* A list of numbers; free(). */
uint32_t *golden_ids(const json_t *list, size_t *n);

#endif
