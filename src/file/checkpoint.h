/* SPDX-License-Identifier: MIT */
/* A published checkpoint folder: config.json and the tensors of its safetensors files. All of
 * it is untrusted: every sum and product is checked and compared with the file sizes before
 * anything is allocated from it, and every failure is one sentence with the numbers.
 *
 * A checkpoint owns its file maps; tensors point into them and live as long as it. Read-only
 * after opening, so threads may share it. */
#ifndef DV_FILE_CHECKPOINT_H
#define DV_FILE_CHECKPOINT_H

#include "base/context.h"
#include "file/config.h"
#include "tensor/dtype.h"

#define DV_MAX_DIMS 4

struct dv_tensor_file {
    const char          *name;   /* by which the engine knows it */
    const char          *stored; /* in its file */
    enum dv_dtype        dtype;
    uint32_t             n_dims;
    uint64_t             dims[DV_MAX_DIMS];
    const unsigned char *data; /* any alignment; safe to touch while nobody shortens the file */
    uint64_t             bytes;
    uint32_t             shard; /* index of its file */
};

/* What a tensor of integers holds by its name: INT4, FP4; the stored format of all others. */
enum dv_dtype dv_tensor_values(const struct dv_tensor_file *tensor);

struct dv_checkpoint;
struct dv_fault; /* file/faults.h */

/* Opens a folder: config.json, then model.safetensors.index.json with its shards, or else
 * model.safetensors, or else all *.safetensors. Tensors of MTP layers and unknown tensors are
 * listed too. Checks that each file's tensors lie inside it without overlap or lie. What is wrong
 * with a tensor, an entry of the index or one of several files is an error only when
 * dv_checkpoint_matrix() or dv_checkpoint_vector() asks for it. */
dsvk_status dv_checkpoint_open(struct dv_checkpoint **out, const struct dv_context *ctx,
                               const char *folder);
void        dv_checkpoint_close(struct dv_checkpoint *checkpoint);

const struct dv_config      *dv_checkpoint_config(const struct dv_checkpoint *checkpoint);
const char                  *dv_checkpoint_folder(const struct dv_checkpoint *checkpoint);
uint64_t                     dv_checkpoint_bytes(const struct dv_checkpoint *checkpoint);
uint32_t                     dv_checkpoint_n_shards(const struct dv_checkpoint *checkpoint);
uint32_t                     dv_checkpoint_n_tensors(const struct dv_checkpoint *checkpoint);
const struct dv_tensor_file *dv_checkpoint_tensor(const struct dv_checkpoint *checkpoint,
                                                  uint32_t i); /* sorted by name */
/* NULL when there is no such tensor. */
const struct dv_tensor_file *dv_checkpoint_find(const struct dv_checkpoint *checkpoint,
                                                const char                 *name);
/* What is known against a tensor that is not there: itself, or a file that it may be in. NULL:
 * nothing. */
const struct dv_fault *dv_checkpoint_fault(const struct dv_checkpoint *checkpoint,
                                           const char                 *name);
/* How many things of its files and index are no use, and what is wrong with one of them. */
uint32_t dv_checkpoint_n_faults(const struct dv_checkpoint *checkpoint, const char **says);
/* Says why there is no such tensor. */
dsvk_status dv_checkpoint_missing(const struct dv_context    *ctx,
                                  const struct dv_checkpoint *checkpoint, const char *name);

/* For reading tensors again without the map: the file and the place in it of an address among a
 * tensor's data. */
void dv_checkpoint_locate(const struct dv_checkpoint *checkpoint, const unsigned char *data,
                          uint32_t *shard, uint64_t *offset);
/* The name of a file in the folder. */
const char *dv_checkpoint_shard(const struct dv_checkpoint *checkpoint, uint32_t shard);
/* Copies bytes of tensors without touching the map, from any thread; how many there were: fewer
 * where the file has been shortened since it was opened, or cannot be read. */
uint64_t dv_checkpoint_read(const struct dv_checkpoint *checkpoint, void *to,
                            const unsigned char *data, uint64_t bytes);
/* Says that these bytes are not read again, so that no copy of them need stay in memory. */
void dv_checkpoint_release(const struct dv_checkpoint *checkpoint, const unsigned char *data,
                           uint64_t bytes);

/* A weight matrix as the engine sees it: [rows, cols] values, scaled in blocks where FP8, in groups
 * of a row's columns where INT4 or FP4. */
struct dv_matrix_file {
    const struct dv_tensor_file *weight;
    const struct dv_tensor_file *scale; /* NULL: none; F32, BF16, F16 or F8_E8M0 */
    enum dv_dtype                dtype; /* of the values */
    uint32_t                     rows, cols;
    uint32_t                     block_rows, block_cols; /* of one scale; 0 without scale */
};

/* The matrix `name` ("....weight"), which must be [rows, cols] and F32, F16, BF16, or F8_E4M3 with
 * scales (the names: src/file/matrix_scales.c): one, one a row, or ceil(rows/block) x
 * ceil(cols/block) of the config's block size, or of a likely one if it names none. Or INT4 and
 * FP4 in the tensors that src/file/matrix.c describes. Reads headers only. */
dsvk_status dv_checkpoint_matrix(struct dv_matrix_file *matrix, const struct dv_context *ctx,
                                 const struct dv_checkpoint *checkpoint, const char *name,
                                 uint32_t rows, uint32_t cols);
/* Reads all scales of a matrix, which must be finite and above 0. */
dsvk_status dv_checkpoint_check_scales(const struct dv_context     *ctx,
                                       const struct dv_checkpoint  *checkpoint,
                                       const struct dv_matrix_file *matrix);
/* The vector `name`, [n], F32, F16 or BF16. */
dsvk_status dv_checkpoint_vector(const struct dv_tensor_file **vector, const struct dv_context *ctx,
                                 const struct dv_checkpoint *checkpoint, const char *name,
                                 uint32_t n);

#endif
