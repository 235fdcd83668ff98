/* SPDX-License-Identifier: MIT */
/* Reads the header of a safetensors file, which is untrusted input: every length, offset and
 * shape is checked against the file before it is kept. Ranges must cover the file without holes
 * or overlap, as the format demands. */
#include "file/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "json/json.h"
#include "json/nature.h"

#define LENGTH_BYTES 8u

typedef unsigned long long ull; /* for %llu */

/* What is known about a file while its tensors are read. */
struct header {
    const struct dv_context *ctx;
    bool                     unknown_ranges; /* of some tensors, which may fill holes */
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

/* false: they are no offsets. */
static bool read_offsets(struct dv_tensor_file *tensor, uint64_t *end, const struct header *header,
                         const json_t *entry)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    tensor->data = header->data;
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last) ||
        json_integer_value(first) < 0 || json_integer_value(last) < json_integer_value(first))
        return false;
    *end          = (uint64_t)json_integer_value(last);
    tensor->bytes = *end - (uint64_t)json_integer_value(first);
    if (*end <= header->bytes)
        tensor->data += json_integer_value(first);
    return true;
}

/* All but the range, which was read before: whether the engine could use it. */
static dsvk_status read_tensor(struct dv_tensor_file *tensor, const struct header *header,
                               const json_t *entry, bool ranged)
{
    dsvk_status status;
    uint64_t    elements = 1;
    const char *dtype    = json_string_value(json_object_get(entry, "dtype"));
    if (!dtype)
        return dv_fail(header->ctx, DSVK_BAD_FILE, "checkpoint: %s: %s: no dtype", header->where,
                       tensor->name);
    if (!dv_dtype_find(&tensor->dtype, dtype) || dv_dtype_bytes(tensor->dtype) == 0)
        return dv_fail(header->ctx, DSVK_UNSUPPORTED,
                       "checkpoint: %s: %s: format %.20s is not supported", header->where,
                       tensor->name, dtype);
    TRY(read_shape(tensor, &elements, header, json_object_get(entry, "shape")));
    if (!ranged)
        return dv_fail(header->ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: %s: data_offsets are not two ascending offsets",
                       header->where, tensor->name);
    uint32_t each = dv_dtype_bytes(tensor->dtype); /* elements <= file size: no overflow by 8 */
    if (elements > UINT64_MAX / each || elements * each != tensor->bytes)
        return dv_fail(header->ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: %s: %llu elements of %s do not fill %llu bytes",
                       header->where, tensor->name, (ull)elements, dv_dtype_name(tensor->dtype),
                       (ull)tensor->bytes);
    return DSVK_OK;
}

/* A tensor of no use keeps its range, without which there would be a hole, and loses its shard. */
static dsvk_status add_tensor(struct dv_tensor_list *list, struct dv_arena *arena,
                              struct header *header, const char *key, const json_t *entry)
{
    dsvk_status            status;
    struct dv_capture      capture;
    struct header          quiet  = *header;
    uint64_t               end    = 0;
    struct dv_tensor_file *tensor = &list->tensors[list->n];

    *tensor      = (struct dv_tensor_file){ .shard  = header->shard,
                                            .stored = dv_arena_printf(arena, "%s", key) };
    tensor->name = tensor->stored ? dv_tensor_name(arena, tensor->stored) : NULL;
    if (!tensor->name)
        return dv_fail(header->ctx, DSVK_NO_MEMORY, "checkpoint: %s: no memory for names",
                       header->where);
    list->n++;
    dv_capture(&capture, header->ctx);
    quiet.ctx   = &capture.ctx;
    bool ranged = read_offsets(tensor, &end, header, entry);
    if (end > header->bytes)
        return dv_fail(header->ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: %s: ends at byte %llu of only %llu: the file was cut off, "
                       "download it again",
                       header->where, tensor->name, (ull)end, (ull)header->bytes);
    status                 = read_tensor(tensor, &quiet, entry, ranged);
    header->unknown_ranges = header->unknown_ranges || !ranged;
    if (status == DSVK_OK)
        return DSVK_OK;
    tensor->shard = DV_NO_SHARD;
    return dv_faults_add(&list->faults, arena, tensor->name, status, capture.line);
}

static int by_data(const void *left, const void *right)
{
    const struct dv_tensor_file *a = left, *b = right;
    if (a->data != b->data)
        return a->data < b->data ? -1 : 1;
    return (a->bytes > b->bytes) - (a->bytes < b->bytes); /* those of no bytes first */
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
        if (header->unknown_ranges && begin > at)
            at = begin;
        if (begin != at && tensors[i].bytes > 0)
            return dv_fail(header->ctx, DSVK_BAD_FILE,
                           "checkpoint: %s: %s: begins at byte %llu where the tensor before ends "
                           "at %llu",
                           header->where, tensors[i].name, (ull)begin, (ull)at);
        at += tensors[i].bytes;
    }
    if (at != header->bytes && !header->unknown_ranges)
        return dv_fail(header->ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: its tensors end at byte %llu of %llu", header->where,
                       (ull)at, (ull)header->bytes);
    return DSVK_OK;
}

static dsvk_status add_tensors(struct dv_tensor_list *list, struct dv_arena *arena,
                               struct header *header, json_t *root)
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
        TRY(add_tensor(list, arena, header, key, entry));
    }
    TRY(check_ranges(list->tensors + before, list->n - before, header));
    dv_tensor_list_drop(list);
    return DSVK_OK;
}

/* The length of the header; what else the file is where it has none. */
static dsvk_status read_length(uint64_t *length, const struct header *header,
                               const struct dv_file_map *file)
{
    const char *nature = NULL;
    *length            = 0;
    for (unsigned i = 0; i < LENGTH_BYTES && file->bytes >= LENGTH_BYTES; i++)
        *length |= (uint64_t)file->data[i] << 8 * i;
    bool fits = file->bytes >= LENGTH_BYTES && *length <= file->bytes - LENGTH_BYTES;
    if (!fits || *length == 0 || file->data[LENGTH_BYTES] != '{')
        nature = dv_file_nature(file->data, dv_min(file->bytes, DV_NATURE_BYTES), file->bytes);
    if (nature)
        return dv_fail(header->ctx, DSVK_BAD_FILE, "checkpoint: %s %s", header->where, nature);
    if (file->bytes < LENGTH_BYTES)
        return dv_fail(header->ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: %llu bytes are too few for a safetensors file",
                       header->where, (ull)file->bytes);
    if (!fits)
        return dv_fail(header->ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: a header of %llu bytes in a file of %llu: it is no "
                       "safetensors file, or was cut off",
                       header->where, (ull)*length, (ull)file->bytes);
    if (*length == 0 || *length > DV_SAFETENSORS_MAX_HEADER)
        return dv_fail(header->ctx, DSVK_BAD_FILE,
                       "checkpoint: %s: a header of %llu bytes, not 1 to %u", header->where,
                       (ull)*length, DV_SAFETENSORS_MAX_HEADER);
    return DSVK_OK;
}

dsvk_status dv_safetensors_parse(struct dv_tensor_list *list, struct dv_arena *arena,
                                 const char *where, const struct dv_file_map *file, uint32_t shard)
{
    dsvk_status   status;
    json_t       *root;
    struct header header = { .ctx = arena->ctx, .where = where, .shard = shard };
    uint64_t      length;
    TRY(read_length(&length, &header, file));
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
