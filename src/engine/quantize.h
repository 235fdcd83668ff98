/* SPDX-License-Identifier: MIT */
/* Writing a checkpoint folder whose weights are converted: the same values as converting on load
 * gives. Streams: in memory is a strip of rows a thread and the scales of one matrix. */
#ifndef DV_ENGINE_QUANTIZE_H
#define DV_ENGINE_QUANTIZE_H

#include <stdio.h>

#include <jansson.h>

#include "base/arena.h"
#include "engine/source.h"

/* `folder` must not be there; it appears when it is whole. Until then all is in `folder`.partial,
 * which is removed on failure. */
dsvk_status dv_quantize(const struct dv_context *ctx, const struct dv_checkpoint *checkpoint,
                        enum dv_formats formats, const char *folder, const dsvk_progress *progress);

/* ---- inside engine/ ---- */

/* A tensor of the new folder. */
struct dv_new_tensor {
    const char                  *name;
    const char                  *dtype;
    uint32_t                     n_dims;
    uint64_t                     dims[DV_MAX_DIMS], bytes;
    const struct dv_tensor_file *copied;   /* its bytes as they are; or */
    struct dv_layout_source      part;     /* the matrix that is converted into this tensor */
    bool                         scales;   /* and this is its scales, right behind its values */
    int64_t                      shape[2]; /* neither: this is the data */
    uint32_t                     shard;
};

struct dv_quantizing {
    const struct dv_context    *ctx;
    const struct dv_checkpoint *checkpoint;
    enum dv_formats             formats;
    struct dv_arena             arena; /* names */
    struct dv_new_tensor       *tensors;
    uint32_t                    n, n_shards;
    uint64_t                    bytes, done;
    bool                        old_fp8, new_fp8; /* matrices kept in FP8; converted to it */
    const char                 *folder;           /* the partial one */
    const dsvk_progress        *progress;
};

/* Opens a file of the new folder; ends with dv_quantize_close(), which reports failed writes. */
dsvk_status dv_quantize_open(FILE **file, const struct dv_quantizing *q, const char *name);
dsvk_status dv_quantize_close(FILE *file, const struct dv_quantizing *q, const char *name);
dsvk_status dv_quantize_json(const struct dv_quantizing *q, const char *name, const json_t *root);
/* All shards, and their index where there are several (quantize_shards.c). */
dsvk_status dv_quantize_shards(struct dv_quantizing *q);

#endif
