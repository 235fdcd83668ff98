/* SPDX-License-Identifier: MIT */
/* The safetensors files of a folder that is written. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "base/stop.h"
#include "json/json.h"
#include "os/os.h"
#include "os/output.h"
#include "quantize/quantize.h"
#include "weights/reader.h"
#include "pack/narrow.h"

#define STRIP DV_FP8_BLOCK /* rows converted at a time by one thread */
#define STRIPS 32u         /* of which so many lie in memory */
#define COPY_BYTES (UINT64_C(4) << 20)

static void shard_name(char *name, size_t bytes, uint32_t i, uint32_t n)
{
    if (n == 1)
        snprintf(name, bytes, "model.safetensors");
    else
        snprintf(name, bytes, "model-%05u-of-%06u.safetensors", i + 1, n);
}

/* The header of a shard; NULL when there is no memory for it. */
static json_t *make_header(const struct dv_quantizing *q, uint32_t shard)
{
    json_t  *root   = json_object();
    uint64_t at     = 0;
    bool     failed = false;
    dv_json_put(&failed, root, "__metadata__", json_pack("{s:s}", "format", "pt"));
    for (uint32_t i = 0; i < q->n; i++) {
        const struct dv_new_tensor *t = &q->tensors[i];
        if (t->shard != shard)
            continue;
        json_t *dims = json_array();
        bool    cut  = false;
        for (uint32_t d = 0; d < t->n_dims; d++)
            dv_json_put(&cut, dims, NULL, json_integer((json_int_t)t->dims[d]));
        dv_json_put(&failed, root, t->name,
                    json_pack("{s:s, s:o, s:[I, I]}", "dtype", t->dtype, "shape", dims,
                              "data_offsets", (json_int_t)at, (json_int_t)(at + t->bytes)));
        failed = failed || cut;
        at += t->bytes;
    }
    if (failed) {
        json_decref(root);
        return NULL;
    }
    return root;
}

/* It is padded with blanks, so that the data begins at a multiple of 8. */
static dsvk_status write_header(struct dv_output *file, const struct dv_quantizing *q,
                                uint32_t shard)
{
    static const char blanks[] = "       "; /* seven at most */
    unsigned char     first[8];
    size_t            length;
    json_t           *root = make_header(q, shard);
    char             *text = root ? dv_quantize_dump(&length, q, root, JSON_COMPACT) : NULL;
    json_decref(root);
    if (!text)
        return dv_fail(q->ctx, DSVK_NO_MEMORY, "quantize: no memory for a header");
    const uint64_t padded = dv_round_up(length, 8);
    for (unsigned i = 0; i < 8; i++)
        first[i] = (unsigned char)(padded >> 8 * i);
    dv_output_write(file, first, sizeof first);
    dv_output_write(file, text, length);
    dv_output_write(file, blanks, padded - length);
    dv_free(q->ctx, text);
    return DSVK_OK;
}

dsvk_status dv_quantize_go_on(const struct dv_quantizing *q)
{
    uint64_t total = q->bytes ? q->bytes : dv_checkpoint_bytes(q->checkpoint);
    if (!dv_goes_on(q->progress, q->done, total) && q->done < total)
        return dv_fail(q->ctx, DSVK_CANCELLED, "quantize: cancelled");
    return DSVK_OK;
}

static dsvk_status advance(struct dv_quantizing *q, uint64_t bytes)
{
    q->done += bytes;
    return dv_quantize_go_on(q);
}

struct strips {
    const struct dv_layout_source *part;
    uint32_t                       first; /* row */
    uint64_t                       strip_bytes, strip_scales;
    unsigned char                 *codes, *scales;
};

static void convert_strip(void *user, uint32_t i)
{
    const struct strips *s     = user;
    uint32_t             first = s->first + i * STRIP;
    uint32_t             end   = dv_min(s->part->rows, first + STRIP);
    dv_convert_rows(s->codes + i * s->strip_bytes,
                    s->scales + (uint64_t)(first / STRIP) * s->strip_scales, s->part, first, end);
}

static dsvk_status check_scales(const struct dv_quantizing *q, const struct dv_new_tensor *t,
                                const unsigned char *scales, uint64_t bytes)
{
    struct dv_layout_source form = dv_convert_form(&t->part);
    uint64_t                n    = bytes / dv_dtype_bytes(form.scale_dtype);
    for (uint64_t i = 0; i < n; i++)
        if (!(dv_dtype_get(form.scale_dtype, scales, i) < INFINITY))
            return dv_fail(q->ctx, DSVK_BAD_FILE, "quantize: %s: values that are not finite",
                           t->name);
    return DSVK_OK;
}

/* ---- reading: never through the map, so that a file which gets shorter is a status ---- */

static dsvk_status cannot_read(const struct dv_quantizing *q, const char *name)
{
    return dv_fail(q->ctx, DSVK_BAD_FILE,
                   "quantize: %s: cannot be read: its file has become shorter, or the disk fails",
                   name);
}

/* `part` with the data of rows first .. end-1 at least, in memory that the caller frees. */
static dsvk_status fetch_rows(struct dv_layout_source *part, unsigned char **room,
                              const struct dv_quantizing *q, const struct dv_new_tensor *t,
                              uint32_t first, uint32_t end)
{
    struct dv_reads reads;
    uint64_t        bytes = 0;
    dv_reads_plan_rows(&reads, &t->part, first, end, &bytes);
    *room = dv_alloc(q->ctx, bytes);
    if (!*room)
        return dv_fail(q->ctx, DSVK_NO_MEMORY, "quantize: %s: no memory for a part of it", t->name);
    *part = t->part;
    if (dv_reads_fetch_part(part, &reads, q->checkpoint, 0, t->name, *room))
        return DSVK_OK;
    return cannot_read(q, t->name);
}

/* The matrix and, behind it, its scales. */
static dsvk_status write_converted(struct dv_output *file, struct dv_quantizing *q,
                                   const struct dv_new_tensor *t)
{
    dsvk_status             status = DSVK_OK;
    struct dv_layout_source part;
    const uint32_t          most   = dv_min(t->part.rows, STRIPS * STRIP);
    uint64_t                a_row  = dv_dtype_size(t->part.target, t->part.cols);
    uint64_t                scales = dv_convert_scale_bytes(&t->part, t->part.rows);
    struct strips           s      = { .part         = &part,
                                       .strip_bytes  = STRIP * a_row,
                                       .strip_scales = dv_convert_scale_bytes(&t->part, STRIP),
                                       .codes        = dv_alloc(q->ctx, most * a_row),
                                       .scales       = dv_alloc(q->ctx, scales + 1) };
    if (!s.codes || !s.scales)
        status =
            dv_fail(q->ctx, DSVK_NO_MEMORY, "quantize: %s: no memory for a part of it", t->name);
    for (; status == DSVK_OK && s.first < t->part.rows; s.first += most) {
        uint32_t       left = t->part.rows - s.first, rows = dv_min(left, most);
        unsigned char *room = NULL;
        status              = fetch_rows(&part, &room, q, t, s.first, s.first + rows);
        if (status == DSVK_OK)
            dv_parallel(0, dv_ceil_div(rows, STRIP), convert_strip, &s);
        dv_free(q->ctx, room);
        if (status != DSVK_OK)
            break;
        dv_output_write(file, s.codes, rows * a_row);
        status = advance(q, rows * a_row);
    }
    if (status == DSVK_OK && scales)
        status = check_scales(q, t, s.scales, scales);
    if (status == DSVK_OK) {
        dv_output_write(file, s.scales, scales);
        status = advance(q, scales);
    }
    dv_free(q->ctx, s.codes);
    dv_free(q->ctx, s.scales);
    return status;
}

static dsvk_status write_copied(struct dv_output *file, struct dv_quantizing *q,
                                const struct dv_new_tensor *t)
{
    dsvk_status    status = DSVK_OK;
    unsigned char *some   = dv_alloc(q->ctx, COPY_BYTES);
    if (!some)
        return dv_fail(q->ctx, DSVK_NO_MEMORY, "quantize: %s: no memory for a part of it", t->name);
    for (uint64_t at = 0; status == DSVK_OK && at < t->bytes; at += COPY_BYTES) {
        uint64_t left = t->bytes - at, n = dv_min(left, COPY_BYTES);
        if (dv_checkpoint_read(q->checkpoint, some, t->copied->data + at, n) != n) {
            status = cannot_read(q, t->name);
            break;
        }
        dv_output_write(file, some, n);
        status = advance(q, n);
    }
    dv_free(q->ctx, some);
    return status;
}

static dsvk_status write_tensor(struct dv_output *file, struct dv_quantizing *q,
                                const struct dv_new_tensor *t)
{
    if (t->copied)
        return write_copied(file, q, t);
    if (t->part.rows && !t->scales)
        return write_converted(file, q, t);
    if (t->part.rows)
        return DSVK_OK; /* scales, written with what they scale */
    dv_output_write(file, t->shape, t->bytes);
    return advance(q, t->bytes);
}

static dsvk_status write_shard(struct dv_quantizing *q, uint32_t shard)
{
    dsvk_status      status;
    struct dv_output file;
    char             name[64];
    shard_name(name, sizeof name, shard, q->n_shards);
    TRY(dv_output_create(&file, q->ctx, "quantize", q->folder, name));
    status = write_header(&file, q, shard);
    for (uint32_t i = 0; i < q->n && status == DSVK_OK && file.error == 0; i++)
        if (q->tensors[i].shard == shard)
            status = write_tensor(&file, q, &q->tensors[i]);
    if (status == DSVK_OK)
        return dv_output_close(&file);
    dv_output_drop(&file);
    return status;
}

static dsvk_status write_index(const struct dv_quantizing *q)
{
    dsvk_status status;
    char        name[64];
    json_t     *map    = json_object();
    bool        failed = false;
    for (uint32_t i = 0; i < q->n; i++) {
        shard_name(name, sizeof name, q->tensors[i].shard, q->n_shards);
        dv_json_put(&failed, map, q->tensors[i].name, json_string(name));
    }
    json_t *root = json_pack("{s:{s:I}, s:o}", "metadata", "total_size", (json_int_t)q->bytes,
                             "weight_map", map);
    if (!root || failed)
        status = dv_fail(q->ctx, DSVK_NO_MEMORY, "quantize: no memory for the index");
    else
        status = dv_quantize_json(q, "model.safetensors.index.json", root);
    json_decref(root);
    return status;
}

dsvk_status dv_quantize_shards(struct dv_quantizing *q)
{
    dsvk_status status;
    for (uint32_t i = 0; i < q->n_shards; i++)
        TRY(write_shard(q, i));
    return q->n_shards > 1 ? write_index(q) : DSVK_OK;
}
