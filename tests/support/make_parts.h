/* SPDX-License-Identifier: MIT */
/* The parts of make_checkpoint.c: recipes, the JSON files, the tensor files. */
#ifndef DV_TESTS_MAKE_PARTS_H
#define DV_TESTS_MAKE_PARTS_H

#include <stdio.h>

#include "file/config.h"
#include "tensor/dtype.h"

struct dv_recipe {
    struct dv_config config;
    uint32_t         shards;
    bool             scales_apart; /* an FP8 weight and its scale lie in different files */
    enum dv_dtype    experts;      /* INT4 or FP4: routed experts alone; 0: as all others */
    bool             new_rope;     /* rope_parameters and mlp_layer_types in config.json */
};

/* Opens FOLDER/NAME for writing; ends with dv_make_close, which reports a failed write too. */
dsvk_status dv_make_open(FILE **file, const struct dv_context *ctx, const char *folder,
                         const char *name);
dsvk_status dv_make_close(FILE *file, const struct dv_context *ctx, const char *name);

dsvk_status dv_make_config(const struct dv_context *ctx, const struct dv_recipe *recipe,
                           const char *folder);
dsvk_status dv_make_tokenizer(const struct dv_context *ctx, const struct dv_recipe *recipe,
                              const char *folder);
dsvk_status dv_make_tensors(const struct dv_context *ctx, const struct dv_recipe *recipe,
                            uint64_t seed, const char *folder);

#endif
