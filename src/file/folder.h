/* SPDX-License-Identifier: MIT */
/* Where the files of a model lie, for somebody who gives the folder above, or something else. */
#ifndef DV_FILE_FOLDER_H
#define DV_FILE_FOLDER_H

#include "base/context.h"

/* *out, which the caller frees: the folder, or the snapshot within it where it is one of the cache
 * of Hugging Face. What cannot hold a model of ours is refused with what it is and what to do; of
 * anything else the reader of the first missing file says so. */
dsvk_status dv_model_folder(char **out, const struct dv_context *ctx, const char *folder);
/* No safetensors file lies in the folder: what does. */
dsvk_status dv_model_folder_without(const struct dv_context *ctx, const char *folder);

#endif
