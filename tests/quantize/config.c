/* SPDX-License-Identifier: MIT */
/* The config.json of a converted checkpoint: its readers must find the new formats in their own
 * words, and everything else as it was. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/rewrite.h"

static json_t *config_of(const struct dv_folder *folder)
{
    size_t  bytes;
    char   *text = dv_folder_read(folder, "config.json", &bytes);
    json_t *root = json_loadb(text, bytes, 0, NULL);
    free(text);
    assert_non_null(root);
    return root;
}

static bool lists(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), name) == 0)
            return true;
    return false;
}

static void fp8_becomes_bf16_and_says_nothing_of_fp8(void **state)
{
    struct fixture f;
    (void)state;
    setup(&f, "v3");
    write_folder(&f, DSVK_WEIGHTS_BF16, f.out.path);
    json_t *config = config_of(&f.out);
    assert_null(json_object_get(config, "quantization_config"));
    json_decref(config);
    struct dv_checkpoint *written = open_folder(&f.test, f.out.path);
    for (uint32_t i = 0; i < dv_checkpoint_n_tensors(written); i++) {
        const struct dv_tensor_file *t = dv_checkpoint_tensor(written, i);
        assert_null(strstr(t->name, "_scale"));
        assert_true(t->dtype == DV_BF16 || t->dtype == DV_F32);
    }
    dv_checkpoint_close(written);
    dv_folder_done(&f.out);
    teardown(&f);
}

static void config_is_in_the_words_of_its_readers(void **state)
{
    struct fixture f;
    (void)state;
    setup(&f, "v3-bf16");
    write_folder(&f, DSVK_WEIGHTS_FP8, f.out.path);
    json_t *config = config_of(&f.out), *quant = json_object_get(config, "quantization_config");
    assert_string_equal(json_string_value(json_object_get(quant, "quant_method")), "fp8");
    const json_t *kept = json_object_get(quant, "modules_to_not_convert");
    assert_false(lists(kept, "lm_head"));
    assert_true(lists(kept, "model.layers.1.mlp.gate"));
    assert_false(lists(kept, "model.layers.1.mlp.experts.3.up_proj"));
    assert_false(lists(kept, "model.embed_tokens"));
    json_decref(config);
    dv_folder_done(&f.out);

    write_folder(&f, DSVK_WEIGHTS_INT4, f.out.path);
    config = config_of(&f.out);
    quant  = json_object_get(config, "quantization_config");
    assert_string_equal(json_string_value(json_object_get(quant, "quant_method")),
                        "compressed-tensors");
    assert_string_equal(json_string_value(json_object_get(quant, "format")), "mixed-precision");
    assert_int_equal(json_object_size(json_object_get(quant, "config_groups")), 2);
    assert_false(lists(json_object_get(quant, "ignore"), "lm_head"));
    assert_true(lists(json_object_get(quant, "ignore"), "model.layers.1.mlp.gate"));
    json_decref(config);
    struct dv_checkpoint *written = open_folder(&f.test, f.out.path);
    assert_non_null(dv_checkpoint_find(written, "model.layers.0.self_attn.o_proj.weight_scale"));
    assert_non_null(dv_checkpoint_find(written, "model.layers.0.mlp.up_proj.weight_packed"));
    assert_int_equal(dv_checkpoint_config(written)->block_rows, 128);
    dv_checkpoint_close(written);
    dv_folder_done(&f.out);
    teardown(&f);
}

/* A model with more than text: names with a prefix, the text's config inside, quantization_config
 * inside or beside it. */
static void make_wrapper(struct fixture *f, bool quant_inside)
{
    struct dv_rewrite rewrite;
    char              name[300];
    dv_checkpoint_close(f->checkpoint);
    dv_rewrite_begin(&rewrite, &f->in);
    for (size_t i = 0; i < rewrite.n; i++) {
        snprintf(name, sizeof name, "language_model.%.200s", rewrite.tensors[i].name);
        memcpy(rewrite.tensors[i].name, name, sizeof rewrite.tensors[i].name);
    }
    json_t *outer =
        json_pack("{s:s, s:O}", "model_type", "kimi_k25", "text_config", rewrite.config);
    json_t *quant = json_object_get(rewrite.config, "quantization_config");
    if (!quant_inside) {
        json_object_set(outer, "quantization_config", quant);
        json_object_del(rewrite.config, "quantization_config");
    }
    json_decref(rewrite.config);
    rewrite.config = outer;
    dv_rewrite_end(&rewrite);
    f->checkpoint = open_folder(&f->test, f->in.path);
}

static void wrappers_keep_their_names(void **state)
{
    (void)state;
    for (int inside = 0; inside < 2; inside++) {
        struct fixture f;
        setup(&f, "odd-fp8");
        make_wrapper(&f, inside != 0);
        write_folder(&f, DSVK_WEIGHTS_INT4, f.out.path);
        json_t       *config = config_of(&f.out), *text = json_object_get(config, "text_config");
        const json_t *quant = json_object_get(inside ? text : config, "quantization_config");
        assert_null(json_object_get(inside ? config : text, "quantization_config"));
        assert_true(
            lists(json_object_get(quant, "ignore"), "language_model.model.layers.1.mlp.gate"));
        json_decref(config);
        struct dv_checkpoint        *written = open_folder(&f.test, f.out.path);
        const struct dv_tensor_file *t =
            dv_checkpoint_find(written, "model.layers.0.mlp.up_proj.weight_packed");
        assert_non_null(t);
        assert_string_equal(t->stored, "language_model.model.layers.0.mlp.up_proj.weight_packed");
        /* Attention was FP8 and is; its scales have the name that this config means. */
        t = dv_checkpoint_find(written, "model.layers.0.self_attn.o_proj.weight_scale");
        assert_non_null(t);
        assert_string_equal(t->stored,
                            "language_model.model.layers.0.self_attn.o_proj.weight_scale");
        assert_null(dv_checkpoint_find(written, "model.layers.0.mlp.up_proj.weight_scale_inv"));
        dv_checkpoint_close(written);
        dv_folder_done(&f.out);
        teardown(&f);
    }
}

/* FP8 with a scale a row, which DeepSeek's words do not have, and what belongs to activations. */
static void rows_are_said_as_channels(void **state)
{
    struct fixture    f;
    struct dv_rewrite rewrite;
    (void)state;
    setup(&f, "odd-fp8");
    dv_checkpoint_close(f.checkpoint);
    dv_rewrite_begin(&rewrite, &f.in);
    for (size_t i = 0; i < rewrite.n; i++) {
        struct dv_rewrite_tensor *t   = &rewrite.tensors[i];
        char                     *end = strstr(t->name, ".weight_scale_inv");
        if (!end)
            continue;
        char weight[256];
        snprintf(weight, sizeof weight, "%.*s.weight", (int)(end - t->name), t->name);
        uint64_t rows = dv_rewrite_find(&rewrite, weight)->dims[0];
        dv_rewrite_data(t, "F32", rows, 1, (size_t)rows * 4);
        for (uint64_t row = 0; row < rows; row++)
            memcpy(t->data + row * 4, &(float){ 0.25f }, 4);
    }
    json_object_del(rewrite.config, "quantization_config");
    dv_rewrite_end(&rewrite);
    f.checkpoint = open_folder(&f.test, f.in.path);
    write_folder(&f, DSVK_WEIGHTS_INT4, f.out.path);
    json_t *config = config_of(&f.out), *quant = json_object_get(config, "quantization_config");
    const json_t *groups = json_object_get(quant, "config_groups"), *weights;
    weights              = json_object_get(json_object_get(groups, "group_1"), "weights");
    assert_string_equal(json_string_value(json_object_get(weights, "strategy")), "channel");
    json_decref(config);
    dv_checkpoint_close(open_folder(&f.test, f.out.path));
    dv_folder_done(&f.out);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fp8_becomes_bf16_and_says_nothing_of_fp8),
        cmocka_unit_test(config_is_in_the_words_of_its_readers),
        cmocka_unit_test(wrappers_keep_their_names),
        cmocka_unit_test(rows_are_said_as_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
