/* SPDX-License-Identifier: MIT */
/* Writing a checkpoint folder whose weights are converted: the same values as converting on load
 * gives. Streams: in memory is a strip of rows a thread and the scales of one matrix. What can be
 * known before the first byte is checked before it: hours of work are not lost over a path. */
#ifndef DV_QUANTIZE_QUANTIZE_H
#define DV_QUANTIZE_QUANTIZE_H

#include <stdio.h>

#include <jansson.h>

#include "base/arena.h"
#include "model/model.h"
#include "weights/source.h"

/* `folder` must not be there; it appears when it is whole. Until then all is in `folder`.partial,
 * which is removed on failure, but not when everything is in it and only the last step failed. */
dsvk_status dv_quantize(const struct dv_context *ctx, const struct dv_checkpoint *checkpoint,
                        const struct dv_conversion *to, const char *folder,
                        const dsvk_progress *progress);
/* For loading: warnings where a format changes nothing, and where FP8 becomes wider. */
dsvk_status dv_quantize_warn(const struct dv_context *ctx, const struct dv_checkpoint *checkpoint,
                             const struct dv_conversion *to);

/* ---- inside engine/ ---- */

/* How the values of a matrix are stored, as other engines ask for it. */
enum dv_stored_kind {
    DV_STORED_OTHER, /* no matrix, or scales and the like */
    DV_STORED_PLAIN,
    DV_STORED_WHOLE, /* FP8 with one scale; with one a row; in blocks */
    DV_STORED_ROWS,
    DV_STORED_BLOCKS,
    DV_STORED_INT4,
    DV_STORED_FP4,
    DV_N_STORED
};

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
    enum dv_stored_kind          kind;
    enum dv_role                 role;
};

struct dv_small_file {
    const char           *name;
    struct dv_small_file *next;
};

struct dv_quantizing {
    const struct dv_context    *ctx;
    const struct dv_checkpoint *checkpoint;
    struct dv_conversion        to;
    struct dv_graph            *roles; /* of the model: dv_model_role() */
    struct dv_arena             arena; /* names */
    struct dv_new_tensor       *tensors;
    uint32_t                    n, n_shards, n_converted;
    uint64_t                    bytes, done, small_bytes;
    bool                        kinds[DV_N_STORED];   /* those that the new folder has */
    bool                  old_fp8, new_fp8, new_int4; /* blocks kept in FP8; converted to it */
    uint32_t              int4_group;                 /* columns of those that are kept */
    bool                  compressed; /* in the words of compressed-tensors, not of DeepSeek */
    json_t               *config;     /* what config.json will be */
    struct dv_small_file *small;      /* to be copied */
    const char           *target, *parent, *folder; /* folder: the partial one */
    const dsvk_progress  *progress;
};

/* A file of the new folder, as a whole. */
dsvk_status dv_quantize_write(const struct dv_quantizing *q, const char *name, const void *data,
                              size_t bytes);
/* JSON as text, which the caller frees; NULL when memory is exhausted. */
char       *dv_quantize_dump(size_t *bytes, const struct dv_quantizing *q, const json_t *root,
                             size_t flags);
dsvk_status dv_quantize_json(const struct dv_quantizing *q, const char *name, const json_t *root);

/* A tensor of two dimensions as the matrix that its values are. */
struct dv_quantize_matrix {
    char          name[256];   /* "....weight" */
    char          stored[256]; /* as it is spelt in the file, which other engines read */
    uint32_t      rows, cols;
    enum dv_dtype dtype;
};
/* False for tensors that are none. */
bool dv_quantize_matrix(struct dv_quantize_matrix *m, const struct dv_tensor_file *t);
/* Whether it becomes something else, and what. */
bool dv_quantize_target(enum dv_dtype *target, const struct dv_quantizing *q,
                        const struct dv_quantize_matrix *m);
/* Whether any matrix does; if not, `text` says what all are: "F8_E4M3 and BF16". */
bool dv_quantize_changes(char text[96], const struct dv_quantizing *q);
/* Of a matrix that is kept. Where its scales are not understood, nobody here needs it: OTHER. */
enum dv_stored_kind dv_quantize_kind(struct dv_quantizing *q, const struct dv_quantize_matrix *m);

/* Says how far it is; CANCELLED where the caller has enough. */
dsvk_status dv_quantize_go_on(const struct dv_quantizing *q);

/* The target and its folder, q->small and the bytes of these (quantize_files.c). */
dsvk_status dv_quantize_place(struct dv_quantizing *q, const char *folder);
dsvk_status dv_quantize_list_small(struct dv_quantizing *q);
dsvk_status dv_quantize_copy_small(struct dv_quantizing *q);
/* Against the bytes that are free where the folder goes. */
dsvk_status dv_quantize_room(const struct dv_quantizing *q, uint64_t free);
/* q->tensors (quantize_plan.c). BAD_ARGUMENT when none changes. */
dsvk_status dv_quantize_plan(struct dv_quantizing *q);
/* q->config, which the caller frees (quantize_config.c). */
dsvk_status dv_quantize_config(struct dv_quantizing *q);
/* All shards, and their index where there are several (quantize_shards.c). */
dsvk_status dv_quantize_shards(struct dv_quantizing *q);

#endif
