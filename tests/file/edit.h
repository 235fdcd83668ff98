/* SPDX-License-Identifier: MIT */
/* Changing the header of a made safetensors file. Each call fails the running test on trouble. */
#ifndef DV_TESTS_FILE_EDIT_H
#define DV_TESTS_FILE_EDIT_H

#include <jansson.h>

#include "support/folder.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ONE_FILE "model.safetensors"
#define INDEX "model.safetensors.index.json"
#define SHARD "model-00002-of-00003.safetensors"
#define NORM "model.norm.weight"

/* A folder with the made checkpoint `name`, of seed 1. */
void init_folder(struct dv_folder *folder, const char *name);

typedef void edit_fn(json_t *header, json_int_t end);

/* Where the data of a header's entry ends. */
json_int_t end_of(const json_t *entry);
/* The header of a file changed; `more` zeros behind its data, which end at `end` before. */
void edit_header(const struct dv_folder *folder, const char *name, edit_fn *edit, size_t more);

#endif
