/* SPDX-License-Identifier: MIT */
/* The parts of make_checkpoint.c and make_like.c: recipes, the JSON files, the tensor files. */
#ifndef DV_TESTS_MAKE_PARTS_H
#define DV_TESTS_MAKE_PARTS_H

#include <stdio.h>

#include "base/arena.h"
#include "file/config.h"
#include "tensor/dtype.h"

struct dv_recipe {
    struct dv_config config;
    uint32_t         shards;
    bool             scales_apart; /* an FP8 weight and its scale lie in different files */
    enum dv_dtype    experts;      /* INT4 or FP4: routed experts alone; 0: as all others */
    bool             new_rope;     /* rope_parameters and mlp_layer_types in config.json */
    bool             all_f32;      /* every tensor F32; otherwise BF16 and FP8 as in releases */
    uint64_t         shard_bytes;  /* not 0: as many files of this size as it takes */
};

/* ---- which tensors ---- */

enum dv_make_kind {
    DV_MAKE_EMBEDDING,
    DV_MAKE_LINEAR,
    DV_MAKE_NORM,
    DV_MAKE_BIAS,
    DV_MAKE_SCALE,
    DV_MAKE_SHAPE,
};

struct dv_make_item {
    const char       *name, *weight; /* weight: whose values; a scale's is another than its name */
    enum dv_make_kind kind;
    enum dv_dtype     dtype;
    uint32_t          rows, cols; /* of the values; a vector has 1 row */
    enum dv_dtype     four;       /* INT4 or FP4: packed values, or the scales of such */
    uint32_t          shard;
    uint64_t          bytes;
};

struct dv_make_list {
    const struct dv_context *ctx;
    const struct dv_recipe  *recipe;
    struct dv_arena          arena;
    struct dv_make_item     *items;
    uint32_t                 n, room, shards;
    enum dv_dtype            four; /* of the linear layers that are added; 0: the config's */
    uint64_t                 bytes;
    dsvk_status              status;
};

/* In the order of a release. `done` after a failure too; the recipe is borrowed. */
dsvk_status dv_make_list_init(struct dv_make_list *list, const struct dv_context *ctx,
                              const struct dv_recipe *recipe);
void        dv_make_list_done(struct dv_make_list *list);
uint32_t    dv_make_blocks(uint32_t n, uint32_t block);
/* The JSON header of one file, padded so that the data is aligned to 8 bytes; dv_free(). */
char *dv_make_header(const struct dv_make_list *list, uint32_t shard);
void  dv_make_shard_name(const struct dv_make_list *list, uint32_t shard, char name[64]);
/* model.safetensors.index.json */
dsvk_status dv_make_index(const struct dv_make_list *list, const char *folder);

/* ---- files ---- */

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
