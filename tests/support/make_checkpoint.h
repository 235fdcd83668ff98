/* SPDX-License-Identifier: MIT */
/* Tiny checkpoints for tests, made from a seed: every architecture that the engine runs, in the
 * formats and the file layouts that releases use, with random weights. The same seed gives the
 * same bytes on every machine, so that results can be compared with kept ones. */
#ifndef DV_TESTS_MAKE_CHECKPOINT_H
#define DV_TESTS_MAKE_CHECKPOINT_H

#include "base/context.h"
#include "file/config.h"

/* The names, ended by NULL. */
extern const char *const dv_make_checkpoint_names[];

/* Writes config, generation config, tokenizer and tensors into `folder`, which is made where it is
 * missing. BAD_ARGUMENT for an unknown name, BAD_FILE where a file cannot be written. */
dsvk_status dv_make_checkpoint(const struct dv_context *ctx, const char *name, uint64_t seed,
                               const char *folder);

/* ---- of a published size ---- */

enum dv_like_format { DV_LIKE_PUBLISHED, DV_LIKE_FP8, DV_LIKE_BF16, DV_LIKE_F32 };

struct dv_like {
    const struct dv_config *config; /* its shape: of dv_config_like(), or cut from one */
    enum dv_like_format     format;
    uint64_t                seed;
    uint64_t                shard_bytes; /* 0: 5 GB */
    dsvk_progress           progress;    /* bytes written; false cancels */
};

/* Writes random weights in the layout of a release into `folder`, which must be empty or missing,
 * with a tokenizer of 512 tokens. BAD_ARGUMENT for a folder with files, BAD_FILE with the system's
 * reason where the disk is full, CANCELLED; after these nothing is left of it. */
dsvk_status dv_make_like(const struct dv_context *ctx, const struct dv_like *params,
                         const char *folder);

#endif
