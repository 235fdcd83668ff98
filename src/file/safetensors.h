/* SPDX-License-Identifier: MIT */
/* One safetensors file: 8 bytes of header length, a JSON header, then the data. The format wants
 * the tensors to fill the data without hole or overlap; a file that does otherwise is refused. */
#ifndef DV_FILE_SAFETENSORS_H
#define DV_FILE_SAFETENSORS_H

#include "base/arena.h"
#include "os/os.h"
#include "file/checkpoint.h"
#include "file/faults.h"

/* The limit that the format itself sets. */
#define DV_SAFETENSORS_MAX_HEADER 100000000u

/* The shard of a tensor that dv_tensor_list_drop() is to take out. */
#define DV_NO_SHARD UINT32_MAX

struct dv_tensor_list {
    struct dv_tensor_file *tensors;
    uint32_t               n;
    struct dv_faults       faults; /* tensors that the engine could not use */
};

struct json_t;

/* Appends the tensors of a file, in the order of their data; those that are no use (an unknown
 * format, no elements, an odd shape) become faults. Names go into `arena`, data stays in the file,
 * which must outlive the list; only the header is looked at. `where` names the file. */
dsvk_status dv_safetensors_parse(struct dv_tensor_list *list, struct dv_arena *arena,
                                 const char *where, const struct dv_file_map *file, uint32_t shard);
/* Sorts by name. Of a name that is there twice the one stays that `index` (name to file, or NULL)
 * picks, or else that lies in a numbered file; where neither says, none does. `shards` names the
 * files by number. */
dsvk_status dv_tensor_list_sort(struct dv_tensor_list *list, struct dv_arena *arena,
                                char *const *shards, const struct json_t *index);
void        dv_tensor_list_drop(struct dv_tensor_list *list);
void        dv_tensor_list_done(struct dv_tensor_list *list, const struct dv_context *ctx);
/* In a sorted list; NULL when there is no such tensor. */
const struct dv_tensor_file *dv_tensor_list_find(const struct dv_tensor_list *list,
                                                 const char                  *name);
struct dv_tensor_file       *dv_tensor_list_seek(struct dv_tensor_list *list, const char *name);
/* The name by which the engine knows a stored tensor: models with more than text prefix those of
 * the text model, in several ways. `stored` itself where it has no prefix; NULL: no memory. */
const char *dv_tensor_name(struct dv_arena *arena, const char *stored);

#endif
