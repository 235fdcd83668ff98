/* SPDX-License-Identifier: MIT */
/* Which model a kept timeline (file/keep.h) is of. */
#ifndef DV_FILE_KEEP_MODEL_H
#define DV_FILE_KEEP_MODEL_H

#include "file/checkpoint.h"

/* A hash of what of the config says how to compute, of the tensors' names, formats and shapes, and
 * of the first bytes of some of them: headers alone are the same for all that was trained further.
 * `checkpoint` may be NULL. BAD_FILE where it cannot be read any more. */
dsvk_status dv_keep_model(uint64_t *key, const struct dv_context *ctx,
                          const struct dv_config *config, const struct dv_checkpoint *checkpoint);

#endif
