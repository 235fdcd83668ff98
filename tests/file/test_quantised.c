/* SPDX-License-Identifier: MIT */
/* What config.json may say of stored formats, in the words of those who write it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "file/config.h"
#include "support/test_context.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A whole configuration but for its last keys. */
static const char text_before[] =
    "{\"model_type\": \"deepseek_v2\", \"hidden_size\": 64, \"num_hidden_layers\": 2,"
    "\"num_attention_heads\": 2, \"vocab_size\": 512, \"kv_lora_rank\": 32,"
    "\"qk_nope_head_dim\": 16, \"qk_rope_head_dim\": 8, \"v_head_dim\": 16,"
    "\"intermediate_size\": 96, \"max_position_embeddings\": 512, ";

static dsvk_status parse(struct dv_config *config, struct dv_test_context *test, const char *keys)
{
    char text[2048];
    int  n = snprintf(text, sizeof text, "%s%s}", text_before, keys);
    assert_true(n > 0 && (size_t)n < sizeof text);
    dv_test_context_init(test);
    return dv_config_parse(config, &test->ctx, &(struct dv_text){ "here", text, (size_t)n },
                           &(struct dv_text){ 0 });
}

#define GROUPS(format, groups)                                                                     \
    "\"quantization_config\": {\"quant_method\": \"compressed-tensors\", \"format\": \"" format    \
    "\", \"config_groups\": {" groups "}}"
#define GROUP(name, weights) "\"" name "\": {\"targets\": [\"Linear\"], \"weights\": {" weights "}}"
#define FLOAT8 "\"num_bits\": 8, \"type\": \"float\", \"symmetric\": true, "
#define INT4 "\"num_bits\": 4, \"type\": \"int\", \"symmetric\": true, "
#define BLOCK128 FLOAT8 "\"strategy\": \"block\", \"block_structure\": [128, 64]"
#define TENSOR FLOAT8 "\"strategy\": \"tensor\", \"actorder\": null, \"dynamic\": false"

static const struct {
    const char *keys;
    uint32_t    rows, cols;
} accepted[] = {
    { "\"x\": 1", 0, 0 },
    { "\"quantization_config\": null", 0, 0 },
    { "\"quantization_config\": {\"quant_method\": \"fp8\", \"activation_scheme\": \"static\","
      "\"ignored_layers\": [\"lm_head\"]}",
      0, 0 },
    { "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 64]}", 128,
      64 },
    { "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": null}", 0, 0 },
    { "\"quantization_config\": {\"quant_method\": \"fbgemm_fp8\", \"activation_scale_ub\": 1200}",
      0, 0 },
    { "\"quantization_config\": {\"quant_method\": \"modelopt\", \"quant_algo\": \"FP8\"}", 0, 0 },
    { "\"quantization_config\": {\"quant_method\": \"modelopt\", \"quant_algo\": \"FP8_PB_WO\"}", 0,
      0 },
    { GROUPS("float-quantized", GROUP("group_0", BLOCK128)), 128, 64 },
    { GROUPS("naive-quantized", GROUP("group_0", BLOCK128)), 128, 64 },
    { GROUPS("float-quantized",
             GROUP("g", FLOAT8 "\"strategy\": \"block\", \"block_structure\": \"32x16\"")),
      32, 16 },
    { GROUPS("float-quantized", GROUP("g", TENSOR)), 0, 0 },
    { GROUPS("float-quantized", GROUP("g", FLOAT8 "\"strategy\": \"channel\"")), 0, 0 },
    { GROUPS("float-quantized", GROUP("g", FLOAT8 "\"strategy\": \"group\", \"group_size\": 128")),
      1, 128 },
    { GROUPS("pack-quantized", GROUP("g", INT4 "\"strategy\": \"group\", \"group_size\": 32")), 0,
      0 },
    /* A size is named only if all groups of FP8 agree; those of INT4 do not count. */
    { GROUPS("float-quantized", GROUP("g", BLOCK128) "," GROUP("h", BLOCK128)), 128, 64 },
    { GROUPS("float-quantized", GROUP("g", BLOCK128) "," GROUP("h", TENSOR)), 0, 0 },
    { GROUPS("float-quantized",
             GROUP("g", TENSOR) "," GROUP("h", BLOCK128) "," GROUP("i", BLOCK128)),
      0, 0 },
    { GROUPS("mixed-precision",
             GROUP("g", INT4 "\"strategy\": \"group\"") "," GROUP("h", BLOCK128)),
      128, 64 },
    { GROUPS("mixed-precision", "\"g\": {\"format\": \"pack-quantized\", \"weights\": {" INT4
                                "\"strategy\": \"channel\"}}"),
      0, 0 },
    { GROUPS("float-quantized", "\"g\": {\"weights\": null}"), 0, 0 },
    /* Words that mean nothing. */
    { "\"quantization_config\": {\"config_groups\": {}, \"format\": \"float-quantized\","
      "\"quant_method\": \"compressed-tensors\", \"sparsity_config\": {\"format\": \"dense\"},"
      "\"transform_config\": {}, \"kv_cache_scheme\": null, \"ignore\": [\"lm_head\"]}",
      0, 0 },
    { "\"quantization_config\": {\"quant_method\": \"compressed-tensors\","
      "\"transform_config\": {\"config_groups\": {}}}",
      0, 0 },
    { "\"compression_config\": {\"format\": \"float-quantized\", \"config_groups\": "
      "{" GROUP("g", BLOCK128) "}}",
      128, 64 },
};

static void what_others_write_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++) {
        struct dv_test_context test;
        struct dv_config       config;
        if (parse(&config, &test, accepted[i].keys) != DSVK_OK)
            fail_msg("%s: %s", accepted[i].keys, test.line);
        assert_int_equal(config.block_rows, accepted[i].rows);
        assert_int_equal(config.block_cols, accepted[i].cols);
        assert_int_equal(test.live, 0);
    }
}

static const struct {
    const char *keys;
    dsvk_status status;
    const char *says;
} refused[] = {
    { "\"quantization_config\": {\"quant_method\": \"awq\"}", DSVK_UNSUPPORTED,
      "quant_method awq is not supported" },
    { "\"quantization_config\": {\"quant_method\": \"modelopt\", \"quant_algo\": \"NVFP4\"}",
      DSVK_UNSUPPORTED, "quant_algo NVFP4 is not supported" },
    { "\"quantization_config\": {\"quant_method\": \"fp8\", \"fmt\": \"e5m2\"}", DSVK_UNSUPPORTED,
      "fmt e5m2 is not supported" },
    { "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [0, 1]}",
      DSVK_BAD_FILE, "weight_block_size" },
    { GROUPS("int-quantized", GROUP("g", TENSOR)), DSVK_UNSUPPORTED,
      "format int-quantized is not supported" },
    { GROUPS("mixed-precision", "\"g\": {\"format\": \"nvfp4-pack-quantized\"}"), DSVK_UNSUPPORTED,
      "format nvfp4-pack-quantized is not supported" },
    { GROUPS("pack-quantized", GROUP("g", "\"num_bits\": 8, \"type\": \"int\"")), DSVK_UNSUPPORTED,
      "num_bits not 4 is not supported" },
    { GROUPS("float-quantized", GROUP("g", "\"num_bits\": 4, \"type\": \"float\"")),
      DSVK_UNSUPPORTED, "num_bits not 8 is not supported" },
    { GROUPS("float-quantized", GROUP("g", "\"num_bits\": \"8\", \"type\": \"float\"")),
      DSVK_UNSUPPORTED, "num_bits not 8 is not supported" },
    { GROUPS("pack-quantized", GROUP("g", "\"num_bits\": 4, \"symmetric\": false")),
      DSVK_UNSUPPORTED, "symmetric false is not supported" },
    { GROUPS("pack-quantized", GROUP("g", TENSOR)), DSVK_UNSUPPORTED,
      "type float, packed, is not supported" },
    { GROUPS("naive-quantized", GROUP("g", INT4 "\"strategy\": \"channel\"")), DSVK_UNSUPPORTED,
      "type int, not packed, is not supported" },
    { GROUPS("float-quantized", GROUP("g", FLOAT8 "\"strategy\": \"tensor_group\"")),
      DSVK_UNSUPPORTED, "strategy tensor_group is not supported" },
    { GROUPS("pack-quantized", GROUP("g", INT4 "\"strategy\": \"group\", \"actorder\": \"group\"")),
      DSVK_UNSUPPORTED, "actorder group is not supported" },
    { GROUPS("float-quantized",
             GROUP("g", FLOAT8 "\"strategy\": \"block\", \"block_structure\": [0, 4]")),
      DSVK_BAD_FILE, "block_structure" },
    { GROUPS("float-quantized",
             GROUP("g", FLOAT8 "\"strategy\": \"block\", \"block_structure\": \"0x4\"")),
      DSVK_UNSUPPORTED, "block_structure 0x4 is not supported" },
    { GROUPS("float-quantized",
             GROUP("g", FLOAT8 "\"strategy\": \"block\", \"block_structure\": \"4x4x\"")),
      DSVK_UNSUPPORTED, "block_structure 4x4x is not supported" },
    { "\"quantization_config\": {\"quant_method\": \"compressed-tensors\","
      "\"sparsity_config\": {\"format\": \"sparse-24-bitmask\"}}",
      DSVK_UNSUPPORTED, "format sparse-24-bitmask is not supported" },
    { "\"quantization_config\": {\"quant_method\": \"compressed-tensors\","
      "\"transform_config\": {\"config_groups\": {\"u\": {}}}}",
      DSVK_UNSUPPORTED, "transform_config (weights that are transformed) is not supported" },
    { "\"compression_config\": {\"quant_method\": \"bitsandbytes\"}", DSVK_UNSUPPORTED,
      "quant_method bitsandbytes is not supported" },
};

static void what_would_be_read_wrong_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct dv_test_context test;
        struct dv_config       config;
        dsvk_status            status = parse(&config, &test, refused[i].keys);
        if (status != refused[i].status || test.errors != 1 || !strstr(test.line, refused[i].says))
            fail_msg("%s: status %d, %u lines, \"%s\"", refused[i].keys, (int)status, test.errors,
                     test.line);
        assert_int_equal(test.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_others_write_is_read),
        cmocka_unit_test(what_would_be_read_wrong_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
