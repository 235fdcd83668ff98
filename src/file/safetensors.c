/* SPDX-License-Identifier: MIT */
#include "file/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "file/json.h"

#define LENGTH_BYTES 8u

typedef unsigned long long ull; /* for %llu */

/* What is known about a file while its tensors are read. */
struct header {
    const struct dv_context *ctx;
    const char              *where;
    const unsigned char     *data; /* behind the header */
    uint64_t                 bytes;
    uint32_t                 shard;
};

static dsvk_status read_shape(struct dv_tensor_file *tensor, uint64_t *elements,
                              const struct header *header, const json_t *shape)
{
    size_t n = json_array_size(shape);
    if (!json_is_array(shape) || n > DV_MAX_DIMS)
        return dv_fail(header->ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: %s: shape is not an array of at most %d sizes",
                       header->where, tensor->name, DV_MAX_DIMS);
    tensor->n_dims = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        const json_t *size  = json_array_get(shape, i);
        json_int_t    value = json_is_integer(size) ? json_integer_value(size) : 0;
        if (value < 1)
            return dv_fail(header->ctx, DSVK_BAD_FILE,
                           "checkpoint: %s: %s: dimension %zu is not a size above 0", header->where,
                           tensor->name, i);
        tensor->dims[i] = (uint64_t)value;
        /* More elements than bytes cannot be, so the product never grows past the file. */
        if (*elements > header->bytes / tensor->dims[i])
            return dv_fail(header->ctx, DSVK_BAD_FILE,
                           "checkpoint: %s: %s: its shape needs more than the %llu bytes of data",
                           header->where, tensor->name, (ull)header->bytes);
        *elements *= tensor->dims[i];
    }
    return DSVK_OK;
}

static dsvk_status read_range(struct dv_tensor_file *tensor, uint64_t elements,
                              const struct header *header, const json_t *offsets)
{
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last) ||
        json_integer_value(first) < 0 || json_integer_value(last) < json_integer_value(first))
        return dv_fail(header->ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: %s: data_offsets are not two ascending offsets",
                       header->where, tensor->name);
    uint64_t begin = (uint64_t)json_integer_value(first), end = (uint64_t)json_integer_value(last);
    if (end > header->bytes)
        return dv_fail(header->ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: %s: ends at byte %llu of only %llu", header->where,
                       tensor->name, (ull)end, (ull)header->bytes);
    uint32_t each = dv_dtype_bytes(tensor->dtype); /* elements <= file size: no overflow by 8 */
    if (elements > UINT64_MAX / each || elements * each != end - begin)
        return dv_fail(header->ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: %s: %llu elements of %s do not fill %llu bytes",
                       header->where, tensor->name, (ull)elements, dv_dtype_name(tensor->dtype),
                       (ull)(end - begin));
    tensor->data  = header->data + begin;
    tensor->bytes = end - begin;
    return DSVK_OK;
}

static dsvk_status read_tensor(struct dv_tensor_file *tensor, const struct header *header,
                               const json_t *entry)
{
    dsvk_status status;
    uint64_t    elements = 1;
    const char *dtype    = json_string_value(json_object_get(entry, "dtype"));
    if (!dtype)
        return dv_fail(header->ctx, DSVK_BAD_FILE, "checkpoint: %s: %s: no dtype", header->where,
                       tensor->name);
    if (!dv_dtype_find(&tensor->dtype, dtype))
        return dv_fail(header->ctx, DSVK_UNSUPPORTED,
                       "checkpoint: %s: %s: format %.20s is not supported", header->where,
                       tensor->name, dtype);
    tensor->shard = header->shard;
    TRY(read_shape(tensor, &elements, header, json_object_get(entry, "shape")));
    return read_range(tensor, elements, header, json_object_get(entry, "data_offsets"));
}

static int by_data(const void *left, const void *right)
{
    const struct dv_tensor_file *a = left, *b = right;
    return (a->data > b->data) - (a->data < b->data);
}

static int by_name(const void *left, const void *right)
{
    const struct dv_tensor_file *a = left, *b = right;
    return strcmp(a->name, b->name);
}

/* Each tensor begins where the one before ends, and the last ends with the file. */
static dsvk_status check_ranges(struct dv_tensor_file *tensors, uint32_t n,
                                const struct header *header)
{
    uint64_t at = 0;
    if (n > 1)
        qsort(tensors, n, sizeof *tensors, by_data);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t begin = (uint64_t)(tensors[i].data - header->data);
        if (begin != at)
            return dv_fail(header->ctx, DSVK_BAD_FILE,
                           "checkpoint: %s: %s: begins at byte %llu where the tensor before ends "
                           "at %llu",
                           header->where, tensors[i].name, (ull)begin, (ull)at);
        at += tensors[i].bytes;
    }
    if (at != header->bytes)
        return dv_fail(header->ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: its tensors end at byte %llu of %llu", header->where,
                       (ull)at, (ull)header->bytes);
    return DSVK_OK;
}

static dsvk_status add_tensors(struct dv_tensor_list *list, struct dv_arena *arena,
                               const struct header *header, json_t *root)
{
    dsvk_status status;
    const char *key;
    json_t     *entry;
    uint32_t    before = list->n;
    size_t      most   = before + json_object_size(root); /* below 100 MB / 2 a file */
    if (most > UINT32_MAX)
        return dv_fail(header->ctx, DSVK_BAD_FILE, "checkpoint: %s: more than 2^32 tensors",
                       header->where);
    if (most == 0) /* legal, and nothing to hold */
        return check_ranges(NULL, 0, header);
    struct dv_tensor_file *grown =
        dv_realloc(header->ctx, list->tensors, most * sizeof *list->tensors);
    if (!grown)
        return dv_fail(header->ctx, DSVK_NO_MEMORY, "checkpoint: %s: no memory for %zu tensors",
                       header->where, most);
    list->tensors = grown;
    json_object_foreach(root, key, entry)
    {
        if (strcmp(key, "__metadata__") == 0)
            continue;
        struct dv_tensor_file *tensor = &list->tensors[list->n];
        *tensor =
            (struct dv_tensor_file){ .name = dv_arena_printf(arena, "%s", dv_tensor_name(key)) };
        if (!tensor->name)
            return dv_fail(header->ctx, DSVK_NO_MEMORY, "checkpoint: %s: no memory for names",
                           header->where);
        TRY(read_tensor(tensor, header, entry));
        list->n++;
    }
    return check_ranges(list->tensors + before, list->n - before, header);
}

dsvk_status dv_safetensors_parse(struct dv_tensor_list *list, struct dv_arena *arena,
                                 const char *where, const struct dv_file_map *file, uint32_t shard)
{
    dsvk_status   status;
    json_t       *root;
    struct header header = { .ctx = arena->ctx, .where = where, .shard = shard };
    uint64_t      length = 0;
    if (file->bytes < LENGTH_BYTES)
        return dv_fail(header.ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: %llu bytes are too few for a safetensors file", where,
                       (ull)file->bytes);
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        length |= (uint64_t)file->data[i] << 8 * i;
    if (length > file->bytes - LENGTH_BYTES)
        return dv_fail(header.ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: a header of %llu bytes in a file of %llu", where,
                       (ull)length, (ull)file->bytes);
    if (length > DV_SAFETENSORS_MAX_HEADER)
        return dv_fail(header.ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: a header of %llu bytes, more than %u", where, (ull)length,
                       DV_SAFETENSORS_MAX_HEADER);
    header.data  = file->data + LENGTH_BYTES + length;
    header.bytes = file->bytes - LENGTH_BYTES - length;
    TRY(dv_json_load(&root, header.ctx, "checkpoint", where,
                     (const char *)file->data + LENGTH_BYTES, (size_t)length));
    if (json_is_object(root))
        status = add_tensors(list, arena, &header, root);
    else
        status = dv_fail(header.ctx, DSVK_BAD_FILE, "checkpoint: %s: its header is no JSON object",
                         where);
    json_decref(root);
    return status;
}

dsvk_status dv_tensor_list_sort(struct dv_tensor_list *list, const struct dv_context *ctx,
                                char *const *shards)
{
    struct dv_tensor_file *tensors = list->tensors;
    if (list->n > 1)
        qsort(tensors, list->n, sizeof *tensors, by_name);
    for (uint32_t i = 1; i < list->n; i++)
        if (strcmp(tensors[i - 1].name, tensors[i].name) == 0)
            return dv_fail(ctx, DSVK_BAD_FILE, "checkpoint: %s: is in %s and in %s",
                           tensors[i].name, shards[tensors[i - 1].shard], shards[tensors[i].shard]);
    return DSVK_OK;
}

const struct dv_tensor_file *dv_tensor_list_find(const struct dv_tensor_list *list,
                                                 const char                  *name)
{
    struct dv_tensor_file key = { .name = name };
    return list->n ? bsearch(&key, list->tensors, list->n, sizeof key, by_name) : NULL;
}

const char *dv_tensor_name(const char *stored)
{
    static const char prefix[] = "language_model.";
    return strncmp(stored, prefix, sizeof prefix - 1) == 0 ? stored + sizeof prefix - 1 : stored;
}
