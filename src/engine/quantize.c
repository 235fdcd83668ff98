/* SPDX-License-Identifier: MIT */
#include "engine/quantize.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "base/os.h"
#include "file/json.h"
#include "kernel/convert.h"

#define SHARD_BYTES UINT64_C(5000000000)
#define SMALL_FILE_BYTES 200000000u

/* ---- what becomes of each tensor ---- */

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

/* Whether `name` is a matrix that is converted. */
static bool is_converted(const struct dv_quantizing *q, const char *name)
{
    const struct dv_tensor_file *t = dv_checkpoint_find(q->checkpoint, name);
    enum dv_dtype                target;
    return t && t->n_dims == 2 &&
           dv_formats_target(&target, q->formats, name, dv_tensor_values(t), (uint32_t)t->dims[1]);
}

/* Scales of a matrix that gets others. */
static bool is_dropped(const struct dv_quantizing *q, const char *name)
{
    static const char *const ends[][2] = { { "_scale_inv", "" }, { ".scale", ".weight" } };
    for (int i = 0; i < 2; i++) {
        char   weight[256];
        size_t stem = strlen(name) - strlen(ends[i][0]);
        if (!ends_with(name, ends[i][0]) || stem + 8 > sizeof weight)
            continue;
        snprintf(weight, sizeof weight, "%.*s%s", (int)stem, name, ends[i][1]);
        if (is_converted(q, weight))
            return true;
    }
    return false;
}

static struct dv_new_tensor *add(struct dv_quantizing *q, const char *name, const char *dtype,
                                 uint64_t rows, uint64_t cols, uint64_t bytes)
{
    struct dv_new_tensor *t = &q->tensors[q->n++];
    *t = (struct dv_new_tensor){
        .name = name, .dtype = dtype, .n_dims = 2, .dims = { rows, cols }, .bytes = bytes
    };
    return t;
}

/* The tensors that a matrix is stored as, in the spelling of the releases. */
static dsvk_status add_converted(struct dv_quantizing *q, const char *name,
                                 const struct dv_layout_source *part)
{
    bool     int4 = part->target == DV_INT4, fp4 = part->target == DV_FP4;
    uint64_t rows = part->rows, cols = part->cols,
             scales      = dv_convert_scale_bytes(part, part->rows);
    uint64_t groups      = (cols - 1) / DV_GROUP + 1;
    char    *values_name = dv_arena_printf(&q->arena, int4 ? "%s_packed" : "%s", name);
    char *scale_name = fp4 ? dv_arena_printf(&q->arena, "%.*s.scale", (int)strlen(name) - 7, name)
                           : dv_arena_printf(&q->arena, int4 ? "%s_scale" : "%s_scale_inv", name);
    char *shape_name = dv_arena_printf(&q->arena, "%s_shape", name);
    if (!values_name || !scale_name || !shape_name)
        return dv_fail(q->ctx, DSVK_NO_MEMORY, "quantize: no memory for names");
    const char *dtype = int4 ? "I32" : fp4 ? "I8" : dv_dtype_name(part->target);
    add(q, values_name, dtype, rows,
        int4  ? cols / 8
        : fp4 ? cols / 2
              : cols,
        dv_dtype_size(part->target, rows * cols))
        ->part = *part;
    if (scales) {
        bool fp8 = part->target == DV_F8_E4M3;
        q->new_fp8 |= fp8;
        struct dv_new_tensor *t = add(q, scale_name,
                                      int4  ? "BF16"
                                      : fp4 ? "F8_E8M0"
                                            : "F32",
                                      fp8 ? (rows - 1) / DV_FP8_BLOCK + 1 : rows,
                                      fp8 ? (cols - 1) / DV_FP8_BLOCK + 1 : groups, scales);
        t->part                 = *part;
        t->scales               = true;
    }
    if (int4) {
        struct dv_new_tensor *t = add(q, shape_name, "I64", 2, 0, 16);
        t->n_dims               = 1;
        t->shape[0]             = part->rows;
        t->shape[1]             = part->cols;
    }
    return DSVK_OK;
}

static dsvk_status plan_tensor(struct dv_quantizing *q, const struct dv_tensor_file *from)
{
    dsvk_status             status;
    struct dv_layout_source part;
    struct dv_weight_source source = { .checkpoint = q->checkpoint,
                                       .formats    = q->formats,
                                       .check_data = true };
    if (is_dropped(q, from->name))
        return DSVK_OK;
    if (is_converted(q, from->name)) {
        TRY(dv_source_matrix(&part, q->ctx, &source, from->name, (uint32_t)from->dims[0],
                             (uint32_t)from->dims[1]));
        return add_converted(q, from->name, &part);
    }
    struct dv_new_tensor *t = add(q, from->name, dv_dtype_name(from->dtype), 0, 0, from->bytes);
    t->n_dims               = from->n_dims;
    memcpy(t->dims, from->dims, sizeof t->dims);
    t->copied = from;
    q->old_fp8 |= from->dtype == DV_F8_E4M3;
    return DSVK_OK;
}

/* Shards of at most 5 GB, unless one matrix needs more; a matrix and its scales stay together. */
static dsvk_status plan(struct dv_quantizing *q)
{
    dsvk_status status;
    uint32_t    n     = dv_checkpoint_n_tensors(q->checkpoint);
    uint64_t    shard = 0;
    q->tensors        = dv_zalloc_array(q->ctx, (size_t)n * 3, sizeof *q->tensors);
    if (!q->tensors)
        return dv_fail(q->ctx, DSVK_NO_MEMORY, "quantize: no memory for %u tensors", n);
    for (uint32_t i = 0; i < n; i++)
        TRY(plan_tensor(q, dv_checkpoint_tensor(q->checkpoint, i)));
    q->n_shards = 1;
    for (uint32_t i = 0; i < q->n; i++) {
        struct dv_new_tensor *t = &q->tensors[i];
        if (shard > 0 && shard + t->bytes > SHARD_BYTES && !t->scales) {
            q->n_shards++;
            shard = 0;
        }
        t->shard = q->n_shards - 1;
        shard += t->bytes;
        q->bytes += t->bytes;
    }
    return DSVK_OK;
}

/* ---- files ---- */

dsvk_status dv_quantize_open(FILE **file, const struct dv_quantizing *q, const char *name)
{
    char path[4096];
    *file = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", q->folder, name) < sizeof path)
        *file = fopen(path, "wb");
    if (!*file)
        return dv_fail(q->ctx, DSVK_BAD_FILE, "quantize: %s/%s: %s", q->folder, name,
                       strerror(errno));
    return DSVK_OK;
}

dsvk_status dv_quantize_close(FILE *file, const struct dv_quantizing *q, const char *name)
{
    bool bad = ferror(file) != 0;
    bad      = fclose(file) != 0 || bad;
    if (!bad)
        return DSVK_OK;
    return dv_fail(q->ctx, DSVK_BAD_FILE, "quantize: %s/%s: %s", q->folder, name,
                   errno ? strerror(errno) : "cannot be written");
}

dsvk_status dv_quantize_json(const struct dv_quantizing *q, const char *name, const json_t *root)
{
    dsvk_status status;
    FILE       *file;
    TRY(dv_quantize_open(&file, q, name));
    json_dumpf(root, file, JSON_INDENT(2));
    return dv_quantize_close(file, q, name);
}

/* The blocks of all FP8 matrices; 0: they differ, or the checkpoint did not say, and a reader has
 * to see it by the shapes of their scales. */
static void fp8_blocks(uint32_t *rows, uint32_t *cols, const struct dv_quantizing *q)
{
    const struct dv_config *config = dv_checkpoint_config(q->checkpoint);
    *rows                          = q->old_fp8 ? config->block_rows : DV_FP8_BLOCK;
    *cols                          = q->old_fp8 ? config->block_cols : DV_FP8_BLOCK;
    if (q->new_fp8 && (*rows != DV_FP8_BLOCK || *cols != DV_FP8_BLOCK))
        *rows = *cols = 0;
}

static json_t *quantization(const struct dv_quantizing *q)
{
    enum dv_formats formats = q->formats;
    uint32_t        rows, cols;
    if (formats == DV_FORMATS_INT4)
        return json_pack("{s:s, s:s, s:s, s:{s:{s:[s], s:{s:i, s:s, s:s, s:i, s:b}}}}",
                         "quant_method", "compressed-tensors", "format", "pack-quantized",
                         "quantization_status", "compressed", "config_groups", "group_0", "targets",
                         "Linear", "weights", "num_bits", 4, "type", "int", "strategy", "group",
                         "group_size", (int)DV_GROUP, "symmetric", 1);
    json_t *fp8 = json_pack("{s:s, s:s, s:s}", "quant_method", "fp8", "fmt", "e4m3",
                            "activation_scheme", "dynamic");
    fp8_blocks(&rows, &cols, q);
    if (rows != 0)
        json_object_set_new(fp8, "weight_block_size", json_pack("[i, i]", (int)rows, (int)cols));
    if (formats == DV_FORMATS_FP4)
        json_object_set_new(fp8, "expert_dtype", json_string("fp4"));
    return fp8;
}

static dsvk_status write_config(const struct dv_quantizing *q)
{
    dsvk_status status;
    char        path[4096], *text;
    size_t      bytes;
    json_t     *root;
    snprintf(path, sizeof path, "%s/config.json", dv_checkpoint_folder(q->checkpoint));
    TRY(dv_file_read(&text, &bytes, q->ctx, path, SMALL_FILE_BYTES));
    status = dv_json_load(&root, q->ctx, "quantize", path, text, bytes);
    dv_free(q->ctx, text);
    if (status != DSVK_OK)
        return status;
    json_t *inner = json_object_get(root, "text_config");
    if (q->formats != DV_FORMATS_BF16)
        json_object_set_new(json_is_object(inner) ? inner : root, "quantization_config",
                            quantization(q));
    status = dv_quantize_json(q, "config.json", root);
    json_decref(root);
    return status;
}

/* Tokenizer, templates, licence and the like: what is beside the tensors, by its ending. */
static dsvk_status copy_small(void *user, const char *name)
{
    static const char *const    ends[] = { ".json", ".txt", ".model", ".jinja", ".md", "LICENSE" };
    const struct dv_quantizing *q      = user;
    dsvk_status                 status;
    char                        path[4096], *data;
    size_t                      bytes;
    FILE                       *file;
    bool                        wanted = false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        wanted = wanted || ends_with(name, ends[i]);
    if (!wanted || strcmp(name, "config.json") == 0 || ends_with(name, ".index.json"))
        return DSVK_OK;
    snprintf(path, sizeof path, "%s/%s", dv_checkpoint_folder(q->checkpoint), name);
    TRY(dv_file_read(&data, &bytes, q->ctx, path, SMALL_FILE_BYTES));
    status = dv_quantize_open(&file, q, name);
    if (status == DSVK_OK) {
        fwrite(data, 1, bytes, file);
        status = dv_quantize_close(file, q, name);
    }
    dv_free(q->ctx, data);
    return status;
}

static dsvk_status remove_file(void *user, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", ((struct dv_quantizing *)user)->folder, name);
    if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
        dv_file_remove(path);
    return DSVK_OK;
}

/* ---- all ---- */

static dsvk_status write_all(struct dv_quantizing *q, const char *folder)
{
    dsvk_status status;
    TRY(dv_quantize_shards(q));
    TRY(dv_folder_list(q->ctx, dv_checkpoint_folder(q->checkpoint), copy_small, q));
    TRY(write_config(q));
    if (rename(q->folder, folder) != 0)
        return dv_fail(q->ctx, DSVK_BAD_FILE, "quantize: %s: %s", folder, strerror(errno));
    return DSVK_OK;
}

dsvk_status dv_quantize(const struct dv_context *ctx, const struct dv_checkpoint *checkpoint,
                        enum dv_formats formats, const char *folder, const dsvk_progress *progress)
{
    dsvk_status          status;
    bool                 made = false;
    struct dv_quantizing q    = {
           .ctx = ctx, .checkpoint = checkpoint, .formats = formats, .progress = progress
    };
    if (dv_file_exists(folder))
        return dv_fail(ctx, DSVK_BAD_FILE, "quantize: %s is there already", folder);
    dv_arena_init(&q.arena, ctx);
    q.folder = dv_arena_printf(&q.arena, "%s.partial", folder);
    if (!q.folder)
        TRY_OR(fail, dv_fail(ctx, DSVK_NO_MEMORY, "quantize: no memory for a name"));
    if (dv_file_exists(q.folder))
        TRY_OR(fail, dv_fail(ctx, DSVK_BAD_FILE, "quantize: %s is there already", q.folder));
    TRY_OR(fail, plan(&q));
    TRY_OR(fail, dv_folder_make(ctx, q.folder, false));
    made = true;
    TRY_OR(fail, write_all(&q, folder));
    made = false;
fail:
    if (made) {
        dv_folder_list(ctx, q.folder, remove_file, &q);
        remove(q.folder);
    }
    dv_free(ctx, q.tensors);
    dv_arena_done(&q.arena);
    return status;
}
