/* SPDX-License-Identifier: MIT */
/* Spellings of one thing: FP8 with scales, or 4 bits with a scale a group. Who wrote it is of no
 * use to the tensors; a config that says more than they do is refused here, in one sentence. */
#include "file/config_quant.h"

#include <stdio.h>
#include <string.h>

#define MAX_BLOCK (1u << 20)

/* What groups have said of blocks so far: a size is a fact only where all FP8 groups agree. */
struct blocks {
    bool       any, agree;
    json_int_t rows, cols; /* 0: none named */
};

static bool is_one_of(const char *text, const char *const *list)
{
    while (*list && strcmp(text, *list) != 0)
        list++;
    return *list != NULL;
}

static void check_text(struct dv_json *json, const char *key, const char *const *list)
{
    const char *text = dv_json_text_or(json, key, NULL);
    if (text && !is_one_of(text, list))
        dv_json_unsupported(json, key, text);
}

static bool in_range(json_int_t block)
{
    return block >= 1 && block <= (json_int_t)MAX_BLOCK;
}

/* [rows, columns]; false after a refusal. */
static bool read_pair(struct dv_json *json, const char *key, json_int_t *rows, json_int_t *cols)
{
    const json_t *pair = dv_json_get(json, key);
    *rows              = json_integer_value(json_array_get(pair, 0));
    *cols              = json_integer_value(json_array_get(pair, 1));
    if (json_array_size(pair) == 2 && in_range(*rows) && in_range(*cols))
        return true;
    dv_json_refuse(json, key, "two integers from 1 to 1048576");
    return false;
}

/* ---- compressed-tensors ---- */

/* A list, or "128x128" as its first versions wrote it. */
static void read_structure(struct dv_json *weights, json_int_t *rows, json_int_t *cols)
{
    const json_t *structure = dv_json_get(weights, "block_structure");
    unsigned      r, c;
    char          rest;
    if (!structure)
        return;
    if (!json_is_string(structure)) {
        read_pair(weights, "block_structure", rows, cols);
    } else if (sscanf(json_string_value(structure), "%7ux%7u%c", &r, &c, &rest) == 2 &&
               in_range(r) && in_range(c)) {
        *rows = r;
        *cols = c;
    } else {
        dv_json_unsupported(weights, "block_structure", json_string_value(structure));
    }
}

static void read_fp8_blocks(struct blocks *blocks, struct dv_json *weights, const char *strategy)
{
    json_int_t rows = 0, cols = 0;
    if (strcmp(strategy, "block") == 0)
        read_structure(weights, &rows, &cols);
    if (strcmp(strategy, "group") == 0 && dv_json_get(weights, "group_size")) {
        rows = 1;
        cols = dv_json_u32(weights, "group_size", 1, MAX_BLOCK);
    }
    blocks->agree = !blocks->any || (blocks->agree && blocks->rows == rows && blocks->cols == cols);
    blocks->any   = true;
    blocks->rows  = rows;
    blocks->cols  = cols;
}

/* Values of 4 bits are packed; those of 8 are not. */
static void read_weights(struct blocks *blocks, struct dv_json *weights, const char *format)
{
    static const char *const strategies[] = { "tensor", "channel", "group", "block", NULL };
    static const char *const orders[]     = { "static", "weight", NULL }; /* of making alone */
    const char              *type         = dv_json_text_or(weights, "type", "int");
    const char              *strategy     = dv_json_text_or(weights, "strategy", "");
    const json_t            *bits         = dv_json_get(weights, "num_bits");
    bool                     fp8          = strcmp(type, "float") == 0;
    bool                     mixed        = strcmp(format, "mixed-precision") == 0;
    if (!fp8 && strcmp(type, "int") != 0)
        dv_json_unsupported(weights, "type", type);
    if (bits && json_integer_value(bits) != (fp8 ? 8 : 4))
        dv_json_unsupported(weights, "num_bits", fp8 ? "not 8" : "not 4");
    if (json_is_false(dv_json_get(weights, "symmetric")))
        dv_json_unsupported(weights, "symmetric", "false");
    if (!mixed && fp8 == (strcmp(format, "pack-quantized") == 0))
        dv_json_unsupported(weights, "type", fp8 ? "float, packed," : "int, not packed,");
    if (*strategy)
        check_text(weights, "strategy", strategies);
    check_text(weights, "actorder", orders);
    if (fp8 && weights->status == DSVK_OK)
        read_fp8_blocks(blocks, weights, strategy);
}

/* A group may have a format of its own. Activations are ours to choose, whatever it says. */
static void read_groups(struct dv_config *config, struct dv_json *quant, const char *usual)
{
    static const char *const formats[] = { "pack-quantized", "float-quantized", "naive-quantized",
                                           "mixed-precision", NULL };
    struct blocks            blocks    = { 0 };
    const char              *name;
    json_t                  *object;
    check_text(quant, "format", formats);
    json_object_foreach(dv_json_get(quant, "config_groups"), name, object)
    {
        struct dv_json group = *quant, weights;
        group.object         = object;
        if (quant->status != DSVK_OK || !json_is_object(object))
            return;
        check_text(&group, "format", formats);
        weights        = group;
        weights.object = json_object_get(object, "weights");
        if (group.status == DSVK_OK && json_is_object(weights.object))
            read_weights(&blocks, &weights, dv_json_text_or(&group, "format", usual));
        quant->status = weights.status;
    }
    if (blocks.agree) {
        config->block_rows = (uint32_t)blocks.rows;
        config->block_cols = (uint32_t)blocks.cols;
    }
}

/* Files that say "dense" and empty objects are common, and mean nothing. */
static void read_compressed(struct dv_config *config, struct dv_json *quant)
{
    static const char *const dense[]  = { "dense", NULL };
    struct dv_json           sparsity = dv_json_child(quant, "sparsity_config");
    if (sparsity.object && quant->status == DSVK_OK) {
        check_text(&sparsity, "format", dense);
        quant->status = sparsity.status;
    }
    const json_t *transform = dv_json_get(quant, "transform_config");
    const json_t *groups    = json_object_get(transform, "config_groups");
    if (groups ? json_object_size(groups) > 0 : json_object_size(transform) > 0)
        dv_json_unsupported(quant, "transform_config", "(weights that are transformed)");
    read_groups(config, quant, dv_json_text_or(quant, "format", "pack-quantized"));
}

/* ---- the others ---- */

static void read_fp8(struct dv_config *config, struct dv_json *quant)
{
    static const char *const formats[] = { "e4m3", "e4m3fn", "float8_e4m3fn", NULL };
    json_int_t               rows, cols;
    check_text(quant, "fmt", formats);
    if (!dv_json_get(quant, "weight_block_size") ||
        !read_pair(quant, "weight_block_size", &rows, &cols))
        return;
    config->block_rows = (uint32_t)rows;
    config->block_cols = (uint32_t)cols;
}

static void read_modelopt(struct dv_config *config, struct dv_json *quant)
{
    const char *algorithm = dv_json_text_or(quant, "quant_algo", NULL);
    if (!algorithm)
        read_groups(config, quant, "float-quantized");
    else if (strncmp(algorithm, "FP8", 3) != 0)
        dv_json_unsupported(quant, "quant_algo", algorithm);
}

void dv_config_quantization(struct dv_config *config, struct dv_json *json)
{
    struct dv_json quant = dv_json_child(json, "quantization_config");
    if (json->status == DSVK_OK && !quant.object)
        quant = dv_json_child(json, "compression_config"); /* of compressed-tensors' first files */
    if (json->status != DSVK_OK || !quant.object)
        return;
    const char *usual  = dv_json_get(&quant, "config_groups") ? "compressed-tensors" : "fp8";
    const char *method = dv_json_text_or(&quant, "quant_method", usual);
    if (strcmp(method, "compressed-tensors") == 0)
        read_compressed(config, &quant);
    else if (strcmp(method, "fp8") == 0)
        read_fp8(config, &quant);
    else if (strcmp(method, "modelopt") == 0)
        read_modelopt(config, &quant);
    else if (strcmp(method, "fbgemm_fp8") != 0) /* a scale a row, which the tensors say */
        dv_json_unsupported(&quant, "quant_method", method);
    json->status = quant.status;
}
