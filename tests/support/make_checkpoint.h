/* SPDX-License-Identifier: MIT */
/* Tiny checkpoints for tests, made from a seed: every architecture that the engine runs, in the
 * formats and the file layouts that releases use, with random weights. The same seed gives the
 * same bytes on every machine, so that results can be compared with kept ones. */
#ifndef DV_TESTS_MAKE_CHECKPOINT_H
#define DV_TESTS_MAKE_CHECKPOINT_H

#include "base/context.h"

/* The names, ended by NULL. */
extern const char *const dv_make_checkpoint_names[];

/* Writes config, generation config, tokenizer and tensors into `folder`, which is made where it is
 * missing. BAD_ARGUMENT for an unknown name, BAD_FILE where a file cannot be written. */
dsvk_status dv_make_checkpoint(const struct dv_context *ctx, const char *name, uint64_t seed,
                               const char *folder);

#endif
