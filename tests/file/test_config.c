/* SPDX-License-Identifier: MIT */
/* Every case is the valid text below with one piece replaced. */
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

static const char valid[] =
    "{\"architectures\": [\"DeepseekV3ForCausalLM\"], \"model_type\": \"deepseek_v3\","
    "\"hidden_size\": 256, \"num_hidden_layers\": 4, \"num_attention_heads\": 4,"
    "\"vocab_size\": 512, \"q_lora_rank\": 192, \"kv_lora_rank\": 64, \"qk_nope_head_dim\": 32,"
    "\"qk_rope_head_dim\": 16, \"v_head_dim\": 32, \"intermediate_size\": 320,"
    "\"moe_intermediate_size\": 48, \"n_routed_experts\": 16, \"n_shared_experts\": 1,"
    "\"num_experts_per_tok\": 4, \"n_group\": 4, \"topk_group\": 2, \"first_k_dense_replace\": 1,"
    "\"moe_layer_freq\": 1, \"scoring_func\": \"sigmoid\", \"topk_method\": \"noaux_tc\","
    "\"norm_topk_prob\": true, \"routed_scaling_factor\": 2.5, \"rms_norm_eps\": 1e-06,"
    "\"max_position_embeddings\": 10240, \"tie_word_embeddings\": false, \"rope_theta\": 10000,"
    "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 40, \"mscale\": 1.0,"
    "\"mscale_all_dim\": 0.707, \"beta_fast\": 32, \"beta_slow\": 1,"
    "\"original_max_position_embeddings\": 256}, \"num_nextn_predict_layers\": 1,"
    "\"quantization_config\": {\"quant_method\": \"fp8\", \"fmt\": \"e4m3\","
    "\"weight_block_size\": [128, 64]}, \"bos_token_id\": 0, \"eos_token_id\": [1, 5],"
    "\"hidden_act\": \"silu\", \"attention_bias\": false}";

/* The valid text with the first `find` replaced; `find` must be there. */
static const char *edit(char *text, size_t bytes, const char *base, const char *find,
                        const char *replace)
{
    const char *at = strstr(base, find);
    assert_non_null(at);
    int n = snprintf(text, bytes, "%.*s%s%s", (int)(at - base), base, replace, at + strlen(find));
    assert_true(n > 0 && (size_t)n < bytes);
    return text;
}

static dsvk_status parse(struct dv_config *config, struct dv_test_context *test, const char *text,
                         const char *generation)
{
    dv_test_context_init(test);
    return dv_config_parse(
        config, &test->ctx, &(struct dv_text){ "here", text, strlen(text) },
        &(struct dv_text){ "here", generation, generation ? strlen(generation) : 0 });
}

static void valid_text_gives_the_fields(void **state)
{
    struct dv_test_context test;
    struct dv_config       c;
    (void)state;
    assert_int_equal(parse(&c, &test, valid, NULL), DSVK_OK);
    assert_int_equal(test.errors, 0);
    assert_int_equal(c.arch, DV_ARCH_DEEPSEEK_V3);
    assert_string_equal(c.model_type, "deepseek_v3");
    assert_int_equal(c.hidden, 256);
    assert_int_equal(c.layers, 4);
    assert_int_equal(c.heads, 4);
    assert_int_equal(c.vocab, 512);
    assert_int_equal(c.q_lora, 192);
    assert_int_equal(c.kv_lora, 64);
    assert_int_equal(c.nope, 32);
    assert_int_equal(c.rope, 16);
    assert_int_equal(c.v_head, 32);
    assert_int_equal(c.dense_ffn, 320);
    assert_int_equal(c.expert_ffn, 48);
    assert_true(c.norm_topk && c.has_correction_bias && !c.tied_head && c.yarn.on);
    assert_true(c.routed_scale == 2.5f && c.norm_eps == 1e-6f && c.rope_theta == 10000.0);
    assert_true(c.yarn.factor == 40.0 && c.yarn.mscale_all_dim == 0.707);
    assert_int_equal(c.yarn.original_context, 256);
    assert_int_equal(c.max_context, 10240);
    assert_int_equal(c.mtp_layers, 1);
    assert_int_equal(c.block_rows, 128);
    assert_int_equal(c.block_cols, 64);
    assert_int_equal(c.bos, 0);
    assert_int_equal(c.n_eos, 2);
    assert_int_equal(c.eos[1], 5);
    assert_true(!c.do_sample && c.temperature == 1.0f && c.top_p == 1.0f && c.gen_top_k == 0);
    assert_false(dv_config_is_moe(&c, 0));
    assert_true(dv_config_is_moe(&c, 1));
}

struct edit_case {
    const char *find, *replace;
    dsvk_status status;
    const char *says;
};

static const struct edit_case refused[] = {
    /* shape */
    { "\"num_attention_heads\": 4", "\"num_attention_heads\": 0", DSVK_BAD_FILE, "heads is 0" },
    { "\"num_attention_heads\": 4", "\"num_attention_heads\": -4", DSVK_BAD_FILE, "heads is -4" },
    { "\"num_attention_heads\": 4", "\"num_attention_heads\": 4.0", DSVK_BAD_FILE, "heads is 4" },
    { "\"num_attention_heads\": 4", "\"num_attention_heads\": 1000000", DSVK_BAD_FILE,
      "1000000 heads" },
    { "\"num_attention_heads\": 4,", "", DSVK_BAD_FILE, "no num_attention_heads" },
    { "\"num_attention_heads\": 4", "\"num_attention_heads\": null", DSVK_BAD_FILE, "no num_att" },
    { "\"num_hidden_layers\": 4", "\"num_hidden_layers\": 1000000000", DSVK_BAD_FILE, "1 to 1024" },
    { "\"num_hidden_layers\": 4", "\"num_hidden_layers\": \"4\"", DSVK_BAD_FILE, "is \"4\"" },
    { "\"num_hidden_layers\": 4", "\"num_hidden_layers\": 99999999999999999999", DSVK_BAD_FILE,
      "is 1e+20" },
    { "\"num_hidden_layers\": 4", "\"num_hidden_layers\": 9223372036854775807", DSVK_BAD_FILE,
      "1 to 1024" },
    { "\"hidden_size\": 256", "\"hidden_size\": 0", DSVK_BAD_FILE, "hidden_size is 0" },
    { "\"hidden_size\": 256", "\"hidden_size\": 2097152", DSVK_BAD_FILE, "2097152" },
    { "\"hidden_size\": 256", "\"hidden_size\": 250", DSVK_UNSUPPORTED, "multiple of 4" },
    { "\"hidden_size\": 256,", "", DSVK_BAD_FILE, "no hidden_size" },
    { "\"kv_lora_rank\": 64", "\"kv_lora_rank\": 0", DSVK_BAD_FILE, "kv_lora_rank is 0" },
    { "\"q_lora_rank\": 192", "\"q_lora_rank\": 0", DSVK_BAD_FILE, "q_lora_rank is 0" },
    { "\"qk_rope_head_dim\": 16", "\"qk_rope_head_dim\": 15", DSVK_UNSUPPORTED, "15" },
    { "\"v_head_dim\": 32", "\"v_head_dim\": []", DSVK_BAD_FILE, "is an array" },
    { "\"vocab_size\": 512", "\"vocab_size\": 0", DSVK_BAD_FILE, "vocab_size" },
    { "\"max_position_embeddings\": 10240", "\"max_position_embeddings\": 16777217", DSVK_BAD_FILE,
      "16777216" },
    { "\"rms_norm_eps\": 1e-06", "\"rms_norm_eps\": 0", DSVK_BAD_FILE, "rms_norm_eps is 0" },
    { "\"rms_norm_eps\": 1e-06", "\"rms_norm_eps\": NaN", DSVK_BAD_FILE, "is \"NaN\"" },
    { "\"hidden_act\": \"silu\"", "\"hidden_act\": \"gelu\"", DSVK_UNSUPPORTED, "gelu" },
    { "\"attention_bias\": false", "\"attention_bias\": true", DSVK_UNSUPPORTED, "attention_bias" },
    { "\"attention_bias\": false", "\"attention_bias\": 3", DSVK_BAD_FILE, "true or false" },
    { "\"attention_bias\": false", "\"index_topk\": 2048", DSVK_UNSUPPORTED, "sparse" },
    { "\"attention_bias\": false", "\"rope_interleave\": false", DSVK_UNSUPPORTED,
      "rope_interleave" },
    /* experts */
    { "\"n_routed_experts\": 16", "\"n_routed_experts\": 0", DSVK_BAD_FILE,
      "n_routed_experts is 0" },
    { "\"n_routed_experts\": 16", "\"n_routed_experts\": 5000", DSVK_BAD_FILE, "1 to 4096" },
    { "\"num_experts_per_tok\": 4", "\"num_experts_per_tok\": 17", DSVK_BAD_FILE, "17 of only 16" },
    { "\"num_experts_per_tok\": 4", "\"num_experts_per_tok\": 9", DSVK_BAD_FILE, "9 of only 8" },
    { "\"num_experts_per_tok\": 4", "\"num_experts_per_tok\": 0", DSVK_BAD_FILE, "is 0" },
    { "\"n_group\": 4", "\"n_group\": 3", DSVK_BAD_FILE, "do not divide" },
    { "\"n_group\": 4", "\"n_group\": 0", DSVK_BAD_FILE, "n_group is 0" },
    { "\"n_group\": 4", "\"n_group\": 16", DSVK_BAD_FILE, "of only 2 experts" },
    { "\"topk_group\": 2", "\"topk_group\": 5", DSVK_BAD_FILE, "5 of only 4" },
    { "\"moe_intermediate_size\": 48,", "", DSVK_BAD_FILE, "no moe_intermediate_size" },
    { "\"n_shared_experts\": 1", "\"n_shared_experts\": 4000000", DSVK_BAD_FILE, "4000000" },
    { "\"moe_layer_freq\": 1", "\"moe_layer_freq\": 0", DSVK_BAD_FILE, "moe_layer_freq is 0" },
    { "\"scoring_func\": \"sigmoid\"", "\"scoring_func\": \"sqrtsoftplus\"", DSVK_UNSUPPORTED,
      "sqrtsoftplus" },
    { "\"topk_method\": \"noaux_tc\"", "\"topk_method\": \"best\"", DSVK_UNSUPPORTED, "best" },
    { "\"topk_method\": \"noaux_tc\"", "\"topk_method\": 7", DSVK_BAD_FILE, "not a text" },
    { "\"routed_scaling_factor\": 2.5", "\"routed_scaling_factor\": -1", DSVK_BAD_FILE, "is -1" },
    { "\"routed_scaling_factor\": 2.5", "\"routed_scaling_factor\": 1e999", DSVK_BAD_FILE,
      "is \"1e999\"" },
    { "\"norm_topk_prob\": true",
      "\"mlp_layer_types\": [\"dense\", \"dense\", \"sparse\", \"sparse\"]", DSVK_BAD_FILE,
      "mlp_layer_types[1]" },
    { "\"norm_topk_prob\": true", "\"mlp_layer_types\": [\"dense\"]", DSVK_BAD_FILE, "each layer" },
    { "\"norm_topk_prob\": true", "\"mlp_layer_types\": [\"dense\", 1, 2, 3]", DSVK_BAD_FILE,
      "no text" },
    /* positions */
    { "\"factor\": 40", "\"factor\": 0", DSVK_BAD_FILE, "factor is 0" },
    { "\"factor\": 40", "\"factor\": NaN", DSVK_BAD_FILE, "is \"NaN\"" },
    { "\"factor\": 40", "\"factor\": -2.5", DSVK_BAD_FILE, "factor is -2.5" },
    { "\"factor\": 40, ", "", DSVK_BAD_FILE, "no factor" },
    { "\"factor\": 40", "\"factor\": \"40\"", DSVK_BAD_FILE, "factor is \"40\"" },
    { "\"beta_slow\": 1", "\"beta_slow\": 64", DSVK_BAD_FILE, "above beta_fast" },
    { "\"beta_slow\": 1", "\"attention_factor\": 1", DSVK_UNSUPPORTED, "attention_factor" },
    { "\"original_max_position_embeddings\": 256", "\"x\": 1", DSVK_BAD_FILE, "no original_max" },
    { "\"type\": \"yarn\"", "\"type\": \"longrope\"", DSVK_UNSUPPORTED, "longrope" },
    { "\"type\": \"yarn\"", "\"rope_type\": \"linear\"", DSVK_UNSUPPORTED, "linear" },
    { "\"type\": \"yarn\"", "\"x\": 1", DSVK_BAD_FILE, "no rope_scaling type" },
    { "\"rope_theta\": 10000", "\"rope_theta\": 0", DSVK_BAD_FILE, "rope_theta is 0" },
    { "\"rope_theta\": 10000", "\"rope_theta\": 0, \"rope_parameters\": {\"rope_theta\": 0}",
      DSVK_BAD_FILE, "rope_theta is 0" },
    { "\"rope_theta\": 10000", "\"rope_parameters\": 3", DSVK_BAD_FILE, "not an object" },
    /* formats and tokens */
    { "[128, 64]", "[0, 128]", DSVK_BAD_FILE, "weight_block_size" },
    { "[128, 64]", "[128]", DSVK_BAD_FILE, "weight_block_size" },
    { "[128, 64]", "128", DSVK_BAD_FILE, "weight_block_size is 128" },
    { "[128, 64]", "[\"128\", 128]", DSVK_BAD_FILE, "weight_block_size" },
    { "\"quant_method\": \"fp8\"", "\"quant_method\": \"gptq\"", DSVK_UNSUPPORTED, "gptq" },
    { "\"fmt\": \"e4m3\"", "\"fmt\": \"e5m2\"", DSVK_UNSUPPORTED, "e5m2" },
    { "\"bos_token_id\": 0", "\"bos_token_id\": 512", DSVK_BAD_FILE, "bos_token_id is 512" },
    { "[1, 5]", "[1, 512]", DSVK_BAD_FILE, "inside the vocabulary" },
    { "[1, 5]", "-1", DSVK_BAD_FILE, "eos_token_id is -1" },
    { "[1, 5]", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", DSVK_BAD_FILE, "at most 16" },
    /* architectures */
    { "\"model_type\": \"deepseek_v3\"", "\"model_type\": \"deepseek_v32\"", DSVK_UNSUPPORTED,
      "deepseek_v32 is not one of" },
    { "\"model_type\": \"deepseek_v3\"", "\"model_type\": \"llama\"", DSVK_UNSUPPORTED, "llama" },
    { "\"model_type\": \"deepseek_v3\"", "\"model_type\": 3", DSVK_BAD_FILE, "model_type is 3" },
    { "\"DeepseekV3ForCausalLM\"], \"model_type\": \"deepseek_v3\"", "\"GlmMoeDsaForCausalLM\"]",
      DSVK_UNSUPPORTED, "GlmMoeDsaForCausalLM" },
    { "\"architectures\": [\"DeepseekV3ForCausalLM\"], \"model_type\": \"deepseek_v3\"", "\"x\": 1",
      DSVK_BAD_FILE, "no model_type" },
    /* the text itself */
    { "\"vocab_size\": 512", "\"vocab_size\": 512, \"vocab_size\": 512", DSVK_BAD_FILE,
      "duplicate" },
    { "\"deepseek_v3\"", "\"deepseek\xFFv3\"", DSVK_BAD_FILE, "malformed JSON" },
    { "\"attention_bias\": false}", "\"attention_bias\": false", DSVK_BAD_FILE, "malformed JSON" },
    { "\"attention_bias\": false}", "\"attention_bias\": false} {}", DSVK_BAD_FILE,
      "malformed JSON" },
};

static void valid_text_gives_the_routing(void **state)
{
    struct dv_test_context test;
    struct dv_config       c;
    (void)state;
    assert_int_equal(parse(&c, &test, valid, NULL), DSVK_OK);
    assert_int_equal(c.experts, 16);
    assert_int_equal(c.shared_experts, 1);
    assert_int_equal(c.top_k, 4);
    assert_int_equal(c.groups, 4);
    assert_int_equal(c.top_k_groups, 2);
    assert_int_equal(c.scoring, DV_SCORING_SIGMOID);
    assert_int_equal(c.topk_method, DV_TOPK_NOAUX_TC);
}

static void bad_texts_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct dv_test_context test;
        struct dv_config       config, zero = { 0 };
        char                   text[4096];
        dsvk_status            status =
            parse(&config, &test,
                  edit(text, sizeof text, valid, refused[i].find, refused[i].replace), NULL);
        if (status != refused[i].status || test.errors != 1 || !strstr(test.line, refused[i].says))
            fail_msg("%s: status %d, %u lines, \"%s\"", refused[i].replace, (int)status,
                     test.errors, test.line);
        assert_memory_equal(&config, &zero, sizeof zero);
        assert_int_equal(test.live, 0);
        assert_true(test.total <= sizeof valid * 4 + (1u << 20));
    }
}

static void not_an_object(void **state)
{
    static const char *const texts[] = { "", "[]", "null", "3", "\"x\"", "{", "\xEF\xBB\xBF{}" };
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct dv_test_context test;
        struct dv_config       config;
        assert_int_equal(parse(&config, &test, texts[i], NULL), DSVK_BAD_FILE);
        assert_int_equal(test.errors, 1);
    }
}

static void deep_nesting_is_refused(void **state)
{
    static char            text[200000];
    struct dv_test_context test;
    struct dv_config       config;
    (void)state;
    memset(text, '[', sizeof text - 1);
    assert_int_equal(parse(&config, &test, text, NULL), DSVK_BAD_FILE);
    assert_int_equal(test.errors, 1);
}

static void accept(struct dv_config *c, const char *base, const char *find, const char *replace)
{
    struct dv_test_context test;
    char                   text[4096];
    edit(text, sizeof text, base, find, replace);
    assert_int_equal(parse(c, &test, text, NULL), DSVK_OK);
}

/* What releases spell differently. */
static void accepted_spellings(void **state)
{
    struct dv_config c;
    char             more[4096];
    (void)state;

    accept(&c, valid, " \"model_type\": \"deepseek_v3\",", "");
    assert_string_equal(c.model_type, "deepseek_v3");

    accept(&c, valid, "\"q_lora_rank\": 192", "\"q_lora_rank\": null");
    assert_int_equal(c.q_lora, 0);

    accept(&c, valid, "\"type\": \"yarn\"", "\"rope_type\": \"default\"");
    assert_false(c.yarn.on);

    accept(&c, valid, "\"rope_scaling\": {", "\"rope_parameters\": {\"rope_theta\": 5e5,");
    assert_true(c.yarn.on && c.rope_theta == 5e5);

    accept(&c, valid, "[1, 5]", "7");
    assert_int_equal(c.n_eos, 1);
    assert_int_equal(c.eos[0], 7);

    accept(&c, valid, "\"n_routed_experts\": 16", "\"n_routed_experts\": null");
    assert_int_equal(c.experts, 0);
    assert_false(dv_config_is_moe(&c, 3));

    accept(&c, valid, "\"first_k_dense_replace\": 1",
           "\"mlp_layer_types\": [\"dense\", \"dense\", \"sparse\", \"sparse\", \"sparse\"]");
    assert_int_equal(c.first_dense, 2);

    snprintf(more, sizeof more, "{\"model_type\": \"kimi_k25\", \"text_config\": %s}", valid);
    accept(&c, more, "deepseek_v3", "kimi_k2");
    assert_int_equal(c.arch, DV_ARCH_KIMI_K2);
}

static void v2_has_its_own_defaults(void **state)
{
    struct dv_test_context test;
    struct dv_config       c;
    char                   text[4096], more[4096];
    (void)state;
    edit(text, sizeof text, valid, "\"deepseek_v3\"", "\"deepseek_v2\"");
    edit(more, sizeof more, text,
         "\"scoring_func\": \"sigmoid\", \"topk_method\": \"noaux_tc\",\"norm_topk_prob\": true,",
         "");
    assert_int_equal(parse(&c, &test, more, NULL), DSVK_OK);
    assert_int_equal(c.scoring, DV_SCORING_SOFTMAX);
    assert_int_equal(c.topk_method, DV_TOPK_GREEDY);
    assert_true(!c.norm_topk && !c.has_correction_bias);
    assert_int_equal(c.groups, 1); /* this method knows none */

    edit(more, sizeof more, text, "\"noaux_tc\"", "\"gready\"");
    assert_int_equal(parse(&c, &test, more, NULL), DSVK_OK);
    assert_int_equal(c.topk_method, DV_TOPK_GREEDY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_text_gives_the_fields),
        cmocka_unit_test(valid_text_gives_the_routing),
        cmocka_unit_test(bad_texts_are_refused),
        cmocka_unit_test(not_an_object),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(accepted_spellings),
        cmocka_unit_test(v2_has_its_own_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
