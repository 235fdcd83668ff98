/* SPDX-License-Identifier: MIT */
/* Changing a made checkpoint whose tensors lie in one file, model.safetensors, and its config.json.
 * Each call fails the running test on trouble. */
#ifndef DV_TESTS_REWRITE_H
#define DV_TESTS_REWRITE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "support/folder.h"

struct dv_rewrite_tensor {
    char           name[256], dtype[16];
    uint32_t       n_dims;
    uint64_t       dims[4];
    unsigned char *data; /* malloc() */
    size_t         bytes;
    bool           dropped;
};

struct dv_rewrite {
    const struct dv_folder   *folder;
    struct dv_rewrite_tensor *tensors;
    size_t                    n;
    json_t                   *config; /* root of config.json */
};

void dv_rewrite_begin(struct dv_rewrite *rewrite, const struct dv_folder *folder);
/* NULL when there is none that is kept. */
struct dv_rewrite_tensor *dv_rewrite_find(struct dv_rewrite *rewrite, const char *name);
/* New data for a tensor, [rows], [rows, cols], or a single value where rows is 0; zeroed. */
void dv_rewrite_data(struct dv_rewrite_tensor *tensor, const char *dtype, uint64_t rows,
                     uint64_t cols, size_t bytes);
/* Writes both files and frees all. */
void dv_rewrite_end(struct dv_rewrite *rewrite);

#endif
