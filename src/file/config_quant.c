/* SPDX-License-Identifier: MIT */
#include "file/config_quant.h"

#include <string.h>

#define MAX_BLOCK (1u << 20)

/* compressed-tensors: values of 4 bits with a scale a group, no zero points. Which tensors have
 * them, and how large groups are, the tensors say. */
static void read_groups(struct dv_json *quant)
{
    const char *name;
    json_t     *group;
    const char *format = dv_json_text_or(quant, "format", "pack-quantized");
    if (strcmp(format, "pack-quantized") != 0)
        dv_json_unsupported(quant, "format", format);
    json_object_foreach(dv_json_get(quant, "config_groups"), name, group)
    {
        struct dv_json weights = *quant;
        weights.object         = json_object_get(group, "weights");
        if (quant->status != DSVK_OK || !json_is_object(weights.object))
            return;
        json_t     *bits = dv_json_get(&weights, "num_bits");
        json_t     *even = dv_json_get(&weights, "symmetric");
        const char *type = dv_json_text_or(&weights, "type", "int");
        if (bits && json_integer_value(bits) != 4)
            dv_json_unsupported(&weights, "num_bits", "not 4");
        else if (json_is_false(even))
            dv_json_unsupported(&weights, "symmetric", "false");
        else if (strcmp(type, "int") != 0)
            dv_json_unsupported(&weights, "type", type);
        quant->status = weights.status;
    }
}

void dv_config_quantization(struct dv_config *config, struct dv_json *json)
{
    struct dv_json quant = dv_json_child(json, "quantization_config");
    if (json->status != DSVK_OK || !quant.object)
        return;
    const char *method = dv_json_text_or(&quant, "quant_method", "fp8");
    const char *format = dv_json_text_or(&quant, "fmt", "e4m3");
    if (strcmp(method, "compressed-tensors") == 0) {
        read_groups(&quant);
        json->status = quant.status;
        return;
    }
    if (strcmp(method, "fp8") != 0)
        dv_json_unsupported(&quant, "quant_method", method);
    if (strcmp(format, "e4m3") != 0)
        dv_json_unsupported(&quant, "fmt", format);
    json_t *block = dv_json_get(&quant, "weight_block_size");
    if (block) {
        json_int_t rows = json_integer_value(json_array_get(block, 0));
        json_int_t cols = json_integer_value(json_array_get(block, 1));
        if (json_array_size(block) != 2 || rows < 1 || rows > (json_int_t)MAX_BLOCK || cols < 1 ||
            cols > (json_int_t)MAX_BLOCK)
            dv_json_refuse(&quant, "weight_block_size", "two integers from 1 to 1048576");
        config->block_rows = (uint32_t)rows;
        config->block_cols = (uint32_t)cols;
    }
    json->status = quant.status;
}
