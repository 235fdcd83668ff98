/* SPDX-License-Identifier: MIT */
/* Writing files that are wrong, and what must come of them. */
#ifndef DV_TESTS_FILE_REFUSAL_H
#define DV_TESTS_FILE_REFUSAL_H

#include "file/checkpoint.h"
#include "support/folder.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ONE_FILE "model.safetensors"

/* An entry of a header. */
#define TENSOR(name, dtype, shape, range)                                                          \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" range "]}"

void put_length(unsigned char *at, uint64_t length);
/* A safetensors file from a header text and a number of data bytes; how long it is. */
size_t write_tensors(const struct dv_folder *folder, const char *name, const char *header,
                     size_t data);
/* A folder with the made checkpoint `name`, of seed 1. */
void init_folder(struct dv_folder *folder, const char *name);
/* Opening fails, or else asking for the tensor `needed`. */
void expect_refusal_of(const char *needed, const struct dv_folder *folder, dsvk_status expected,
                       const char *says, size_t file_bytes);
/* The same of the tensor a. */
void expect_refusal(const struct dv_folder *folder, dsvk_status expected, const char *says,
                    size_t file_bytes);

#endif
