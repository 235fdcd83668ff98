/* SPDX-License-Identifier: MIT */
/* One safetensors file: 8 bytes of header length, a JSON header, then the data. The format wants
 * the tensors to fill the data without hole or overlap; a file that does otherwise is refused. */
#ifndef DV_FILE_SAFETENSORS_H
#define DV_FILE_SAFETENSORS_H

#include "base/arena.h"
#include "base/os.h"
#include "file/checkpoint.h"

/* The limit that the format itself sets. */
#define DV_SAFETENSORS_MAX_HEADER 100000000u

struct dv_tensor_list {
    struct dv_tensor_file *tensors; /* dv_free() */
    uint32_t               n;
};

/* Appends the tensors of a file, in the order of their data. Names go into `arena`, data stays in
 * the file, which must outlive the list; only the header is looked at. `where` names the file. */
dsvk_status dv_safetensors_parse(struct dv_tensor_list *list, struct dv_arena *arena,
                                 const char *where, const struct dv_file_map *file, uint32_t shard);
/* Sorts by name; a name that is there twice is refused. `shards` names the files by number. */
dsvk_status dv_tensor_list_sort(struct dv_tensor_list *list, const struct dv_context *ctx,
                                char *const *shards);
/* In a sorted list; NULL when there is no such tensor. */
const struct dv_tensor_file *dv_tensor_list_find(const struct dv_tensor_list *list,
                                                 const char                  *name);
/* The name by which the engine knows a stored tensor: Kimi-K2.5 prefixes its text model's. */
const char *dv_tensor_name(const char *stored);

#endif
