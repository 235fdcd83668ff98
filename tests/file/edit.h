/* SPDX-License-Identifier: MIT */
/* A made checkpoint: opened, or with its header changed. A call that fails ends the test. */
#ifndef DV_TESTS_FILE_EDIT_H
#define DV_TESTS_FILE_EDIT_H

#include <jansson.h>

#include "file/checkpoint.h"
#include "support/folder.h"
#include "support/test_context.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ONE_FILE "model.safetensors"
#define INDEX "model.safetensors.index.json"
#define SHARD "model-00002-of-00003.safetensors"
#define NORM "model.norm.weight"

/* A folder with the made checkpoint `name`, of seed 1. */
void init_folder(struct dv_folder *folder, const char *name);
/* It opened, in a context of the test's. */
struct dv_checkpoint *open_folder(struct dv_test_context *test, const struct dv_folder *folder);

typedef void edit_fn(json_t *header, json_int_t end);

/* Where the data of a header's entry ends. */
json_int_t end_of(const json_t *entry);
/* The header of a file changed; `more` zeros behind its data, which end at `end` before. */
void edit_header(const struct dv_folder *folder, const char *name, edit_fn *edit, size_t more);

#endif
