/* SPDX-License-Identifier: MIT */
/* What config.json of a converted checkpoint says of its formats, in the words of those whose
 * engines will read it: DeepSeek's for FP8 in blocks and FP4, compressed-tensors' for the rest. */
#include <string.h>

#include "os/os.h"
#include "quantize/quantize.h"
#include "json/json.h"
#include "pack/narrow.h"

#define CONFIG_BYTES 16000000u
#define WEIGHT ".weight"

/* NULL, and nothing is left, when a part of it found no memory. */
static json_t *unless(bool failed, json_t *made)
{
    if (!failed)
        return made;
    json_decref(made);
    return NULL;
}

/* The modules whose matrices are stored so; of those that are not converted without the embedding,
 * which nobody takes for one. `linear`: all others are meant by this word. */
static json_t *modules(const struct dv_quantizing *q, enum dv_stored_kind kind, bool linear)
{
    json_t *list   = json_array();
    bool    failed = false;
    if (linear)
        dv_json_put(&failed, list, NULL, json_string("Linear"));
    for (uint32_t i = 0; i < q->n; i++) {
        const struct dv_new_tensor *t    = &q->tensors[i];
        const char                 *name = t->name, *end = strstr(name, WEIGHT);
        bool                        table = t->role == DV_ROLE_EMBEDDING;
        if (t->kind == kind && end && (linear ? table : !table || kind != DV_STORED_PLAIN))
            dv_json_put(&failed, list, NULL, json_stringn(name, (size_t)(end - name)));
    }
    return unless(failed, list);
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

static json_t *deepseek(const struct dv_quantizing *q)
{
    uint32_t rows, cols;
    bool     failed = false;
    json_t  *fp8    = json_pack("{s:s, s:s, s:s}", "quant_method", "fp8", "fmt", "e4m3",
                                "activation_scheme", "dynamic");
    fp8_blocks(&rows, &cols, q);
    if (rows != 0)
        dv_json_put(&failed, fp8, "weight_block_size", json_pack("[i, i]", (int)rows, (int)cols));
    if (q->kinds[DV_STORED_FP4])
        dv_json_put(&failed, fp8, "expert_dtype", json_string("fp4"));
    dv_json_put(&failed, fp8, "modules_to_not_convert", modules(q, DV_STORED_PLAIN, false));
    return unless(failed, fp8);
}

/* ---- compressed-tensors ---- */

static json_t *int4_group(const struct dv_quantizing *q, bool alone)
{
    uint32_t    group  = q->new_int4 ? DV_GROUP : q->int4_group;
    const char *target = alone ? "Linear" : "re:.*[.]mlp[.].*_proj$";
    return json_pack("{s:s, s:[s], s:{s:i, s:s, s:s, s:i, s:b}}", "format", "pack-quantized",
                     "targets", target, "weights", "num_bits", 4, "type", "int", "strategy",
                     "group", "group_size", (int)group, "symmetric", 1);
}

/* `alone`: no other matrices are FP8, so that what is not INT4 and not ignored is this. */
static json_t *fp8_group(const struct dv_quantizing *q, enum dv_stored_kind kind, bool alone)
{
    uint32_t    rows = 0, cols = 0;
    bool        failed   = false;
    const char *strategy = kind == DV_STORED_WHOLE  ? "tensor"
                           : kind == DV_STORED_ROWS ? "channel"
                                                    : "block";
    json_t     *weights  = json_pack("{s:i, s:s, s:s, s:b, s:b}", "num_bits", 8, "type", "float",
                                     "strategy", strategy, "symmetric", 1, "dynamic", 0);
    if (kind == DV_STORED_BLOCKS)
        fp8_blocks(&rows, &cols, q);
    if (rows != 0)
        dv_json_put(&failed, weights, "block_structure", json_pack("[i, i]", (int)rows, (int)cols));
    weights         = unless(failed, weights);
    json_t *targets = modules(q, kind, alone);
    return json_pack("{s:s, s:o, s:o}", "format", "float-quantized", "targets", targets, "weights",
                     weights);
}

static json_t *compressed_tensors(const struct dv_quantizing *q)
{
    static const enum dv_stored_kind fp8[] = { DV_STORED_WHOLE, DV_STORED_ROWS, DV_STORED_BLOCKS };
    bool                             int4  = q->kinds[DV_STORED_INT4];
    int     n_fp8 = q->kinds[fp8[0]] + q->kinds[fp8[1]] + q->kinds[fp8[2]], at = 0;
    json_t *groups = json_object();
    bool    failed = false;
    char    name[32];
    if (int4)
        dv_json_put(&failed, groups, "group_0", int4_group(q, n_fp8 == 0));
    at = int4;
    for (int i = 0; i < 3; i++) {
        if (!q->kinds[fp8[i]])
            continue;
        snprintf(name, sizeof name, "group_%d", at++);
        dv_json_put(&failed, groups, name, fp8_group(q, fp8[i], n_fp8 == 1));
    }
    groups = unless(failed, groups);
    return json_pack("{s:s, s:s, s:s, s:o, s:o}", "quant_method", "compressed-tensors", "format",
                     n_fp8 == 0 ? "pack-quantized"
                     : int4     ? "mixed-precision"
                                : "float-quantized",
                     "quantization_status", "compressed", "config_groups", groups, "ignore",
                     modules(q, DV_STORED_PLAIN, false));
}

/* ---- all ---- */

static bool is_quantized(const struct dv_quantizing *q)
{
    for (int kind = DV_STORED_WHOLE; kind < DV_N_STORED; kind++)
        if (q->kinds[kind])
            return true;
    return false;
}

/* Whether the old words were here; they are gone now. */
static bool take_old(json_t *object)
{
    bool there = json_is_object(json_object_get(object, "quantization_config")) ||
                 json_is_object(json_object_get(object, "compression_config"));
    json_object_del(object, "quantization_config");
    json_object_del(object, "compression_config");
    return there;
}

/* In the place where the old one said it, and nowhere else: two would contradict each other. */
static dsvk_status replace(struct dv_quantizing *q, json_t *root)
{
    json_t *text = json_object_get(root, "text_config"), *made;
    bool    top = take_old(root), inner = take_old(text);
    json_t *place = inner && !top ? text : root;
    if (!is_quantized(q))
        return DSVK_OK;
    made = q->compressed ? compressed_tensors(q) : deepseek(q);
    if (!made || json_object_set_new(place, "quantization_config", made) != 0)
        return dv_fail(q->ctx, DSVK_NO_MEMORY, "quantize: no memory for config.json");
    return DSVK_OK;
}

dsvk_status dv_quantize_config(struct dv_quantizing *q)
{
    dsvk_status status;
    size_t      bytes;
    char       *text;
    const char *path =
        dv_arena_printf(&q->arena, "%s/config.json", dv_checkpoint_folder(q->checkpoint));
    if (!path)
        return dv_fail(q->ctx, DSVK_NO_MEMORY, "quantize: no memory for a name");
    TRY(dv_file_read(&text, &bytes, q->ctx, path, CONFIG_BYTES));
    status = dv_json_load(&q->config, q->ctx, "quantize", path, text, bytes);
    dv_free(q->ctx, text);
    return status == DSVK_OK ? replace(q, q->config) : status;
}
