/* SPDX-License-Identifier: MIT */
/* What the architecture needs of a checkpoint: each case is a good one with one thing changed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "file/checkpoint.h"
#include "model/model.h"
#include "edit.h"
#include "support/test_context.h"

#define GRAPH_BYTES (1u << 20) /* of the graph whose weights are looked for, at most */

static void expect_refusal(const struct dv_folder *folder, dsvk_status expected, const char *says)
{
    struct dv_test_context test;
    struct dv_checkpoint  *checkpoint = open_folder(&test, folder);
    size_t                 before     = test.total;
    dsvk_status            status     = dv_model_check(&test.ctx, checkpoint);
    if (status != expected || test.errors != 1 || !strstr(test.line, says))
        fail_msg("expected \"%s\": status %d, %u lines, \"%s\"", says, (int)status, test.errors,
                 test.line);
    assert_true(test.total - before < GRAPH_BYTES); /* nothing of what headers say */
    dv_checkpoint_close(checkpoint);
    assert_int_equal(test.live, 0);
}

/* Overwrites text behind the first `after` of a file, with as many bytes. */
static void patch(const struct dv_folder *folder, const char *name, const char *after,
                  const char *find, const char *replace)
{
    size_t bytes, length = strlen(find);
    char  *data = dv_folder_read(folder, name, &bytes), *at = NULL;
    assert_int_equal(strlen(replace), length);
    for (size_t i = 0; i + strlen(after) < bytes && !at; i++)
        if (memcmp(data + i, after, strlen(after)) == 0)
            at = data + i;
    assert_non_null(at);
    while (at + length < data + bytes && memcmp(at, find, length) != 0)
        at++;
    assert_true(at + length < data + bytes);
    memcpy(at, replace, length);
    dv_folder_write(folder, name, data, bytes);
    free(data);
}

#define EXPERT "model.layers.1.mlp.experts.3.up_proj.weight"
#define KV_A "model.layers.2.self_attn.kv_a_proj_with_mqa.weight"

static const struct change {
    const char *after, *find, *replace;
    dsvk_status status;
    const char *says;
} changes[] = {
    { "", "model.embed_tokens", "model.embed_tokenz", DSVK_BAD_FILE,
      "no tensor model.embed_tokens.weight" },
    { "", "lm_head.weight", "lm_hand.weight", DSVK_BAD_FILE, "no tensor lm_head.weight" },
    { "", "model.norm.weight", "model.norn.weight", DSVK_BAD_FILE, "no tensor model.norm.weight" },
    { "", "layers.0.mlp.down_proj.weight\"", "layers.0.mlp.down_prij.weight\"", DSVK_BAD_FILE,
      "no tensor model.layers.0.mlp.down_proj" },
    { "", "layers.1.mlp.gate.e_score", "layers.1.mlp.gate.f_score", DSVK_BAD_FILE,
      "no tensor model.layers.1.mlp.gate.e_score" },
    { "", EXPERT "\"", "model.layers.1.mlp.experts.3.ub_proj.weight\"", DSVK_BAD_FILE,
      "no tensor " EXPERT },
    { "", "model.layers.2.mlp.shared_experts.gate", "model.layers.2.mlp.shared_experts.gote",
      DSVK_BAD_FILE, "no tensor model.layers.2.mlp.shared" },
    { EXPERT "\"", "[96,320]", "[320,96]", DSVK_BAD_FILE,
      EXPERT ": shape 320 x 96, where config says 96 x 320" },
    { "", "[92,320]", "[29440 ]", DSVK_BAD_FILE, "shape 29440, where config says 92 x 320" },
    { EXPERT "\"", "F8_E4M3", "F8_E8M0", DSVK_UNSUPPORTED, EXPERT ": format F8_E8M0" },
    { "model.layers.1.mlp.gate.e_score", "F32", "I32", DSVK_UNSUPPORTED, "format I32" },
    { "", EXPERT "_scale_inv", "model.layers.1.mlp.experts.3.up_proj.weight_scale_inn",
      DSVK_BAD_FILE, EXPERT ": FP8 without" },
    { KV_A "_scale_inv", "[1,3]", "[3,1]", DSVK_BAD_FILE,
      "3 x 1 scales where a matrix of 92 x 320 has 1 x 3 blocks of 128 x 128" },
    { KV_A "_scale_inv", "F32", "I32", DSVK_UNSUPPORTED, "format I32" },
};

#define DOWN "model.layers.1.mlp.experts.3.down_proj.weight"
#define SCALE_FP4 "model.layers.1.mlp.experts.3.down_proj.scale"

static const struct change int4_changes[] = {
    { DOWN "_packed", "I32", "F32", DSVK_UNSUPPORTED, DOWN "_packed: format F32, not I32" },
    { DOWN "_packed", "[128,8]", "[8,128]", DSVK_BAD_FILE,
      "shape 8 x 128, where config says 128 x 64, 8 columns a value" },
    { "", DOWN "_packed", "model.layers.1.mlp.experts.3.down_proj.weight_pocked", DSVK_BAD_FILE,
      "no tensor " DOWN },
    { "", DOWN "_scale", "model.layers.1.mlp.experts.3.down_proj.weight_skale", DSVK_BAD_FILE,
      DOWN "_packed: INT4 without scales" },
    { DOWN "_scale", "[128,2]", "[2,128]", DSVK_BAD_FILE,
      "2 x 128 scales do not divide a matrix of 128 x 64" },
    { DOWN "_scale", "[128,2]", "[256 ] ", DSVK_BAD_FILE, "256 scales do not divide" },
    { DOWN "_scale", "\"BF16\",\"shape\":[128,2]", "\"I8\",  \"shape\":[128,4]", DSVK_UNSUPPORTED,
      "format I8, not BF16, F16 or F32" },
    { DOWN "_shape", "\"I64\",\"shape\":[2]", "\"I32\",\"shape\":[4]", DSVK_BAD_FILE,
      DOWN "_shape: not the shape 128 x 64" },
};

static const struct change fp4_changes[] = {
    { DOWN "\"", "[256,24]", "[24,256]", DSVK_BAD_FILE,
      "shape 24 x 256, where config says 256 x 48, 2 columns a value" },
    { "", SCALE_FP4, "model.layers.1.mlp.experts.3.down_proj.scole", DSVK_BAD_FILE,
      DOWN ": FP4 without scales" },
    { SCALE_FP4, "[256,2]", "[128,4]", DSVK_BAD_FILE, "128 x 4 scales do not divide" },
    { SCALE_FP4, "\"F8_E8M0\"", "\"F8_E4M3\"", DSVK_UNSUPPORTED, "format F8_E4M3, not F8_E8M0" },
};

static void changed_packed_tensors_are_refused(void **state)
{
    static const struct {
        const char          *name;
        const struct change *changes;
        size_t               n;
    } kinds[] = { { "k2-int4", int4_changes, COUNT(int4_changes) },
                  { "v3-fp4", fp4_changes, COUNT(fp4_changes) } };
    (void)state;
    for (size_t k = 0; k < COUNT(kinds); k++) {
        struct dv_folder       folder;
        struct dv_test_context test;
        size_t                 bytes;
        init_folder(&folder, kinds[k].name);
        struct dv_checkpoint *checkpoint = open_folder(&test, &folder);
        assert_int_equal(dv_model_check(&test.ctx, checkpoint), DSVK_OK);
        dv_checkpoint_close(checkpoint);
        char *good = dv_folder_read(&folder, ONE_FILE, &bytes);
        for (size_t i = 0; i < kinds[k].n; i++) {
            const struct change *c = &kinds[k].changes[i];
            patch(&folder, ONE_FILE, c->after, c->find, c->replace);
            expect_refusal(&folder, c->status, c->says);
            dv_folder_write(&folder, ONE_FILE, good, bytes);
        }
        free(good);
        dv_folder_done(&folder);
    }
}

static void changed_tensors_are_refused(void **state)
{
    struct dv_folder folder;
    size_t           bytes;
    (void)state;
    init_folder(&folder, "odd-fp8");
    char *good = dv_folder_read(&folder, ONE_FILE, &bytes);
    for (size_t i = 0; i < COUNT(changes); i++) {
        patch(&folder, ONE_FILE, changes[i].after, changes[i].find, changes[i].replace);
        expect_refusal(&folder, changes[i].status, changes[i].says);
        dv_folder_write(&folder, ONE_FILE, good, bytes);
    }
    /* A configuration that says more than the tensors do. */
    patch(&folder, "config.json", "", "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 9");
    expect_refusal(&folder, DSVK_BAD_FILE, "no tensor model.layers.3.input_layernorm.weight");
    patch(&folder, "config.json", "", "\"num_hidden_layers\": 9", "\"num_hidden_layers\": 3");
    patch(&folder, "config.json", "", "\"kv_lora_rank\": 72", "\"kv_lora_rank\": 76");
    expect_refusal(&folder, DSVK_BAD_FILE, "shape 92 x 320, where config says 96 x 320");
    free(good);
    dv_folder_done(&folder);
}

/* The place of a tensor's data in the one file of a folder. */
static size_t data_offset(const struct dv_folder *folder, const char *name)
{
    struct dv_test_context test;
    struct dv_checkpoint  *checkpoint = open_folder(&test, folder);
    const unsigned char   *first      = dv_checkpoint_tensor(checkpoint, 0)->data;
    size_t                 bytes;
    for (uint32_t i = 1; i < dv_checkpoint_n_tensors(checkpoint); i++)
        if (dv_checkpoint_tensor(checkpoint, i)->data < first)
            first = dv_checkpoint_tensor(checkpoint, i)->data;
    unsigned char *file   = (unsigned char *)dv_folder_read(folder, ONE_FILE, &bytes);
    size_t         offset = 8 + file[0] + 256u * file[1] + 65536u * file[2] +
                    (size_t)(dv_checkpoint_find(checkpoint, name)->data - first);
    free(file);
    dv_checkpoint_close(checkpoint);
    return offset;
}

/* Headers are fine, and only they are looked at. */
static void expect_bad_scale(const struct dv_folder *folder, const char *says)
{
    struct dv_test_context  test;
    struct dv_matrix_file   matrix;
    struct dv_checkpoint   *checkpoint = open_folder(&test, folder);
    const struct dv_config *c          = dv_checkpoint_config(checkpoint);
    assert_int_equal(dv_model_check(&test.ctx, checkpoint), DSVK_OK);
    assert_int_equal(
        dv_checkpoint_matrix(&matrix, &test.ctx, checkpoint, KV_A, c->kv_lora + c->rope, c->hidden),
        DSVK_OK);
    assert_int_equal(test.errors, 0);
    assert_int_equal(dv_checkpoint_check_scales(&test.ctx, checkpoint, &matrix), DSVK_BAD_FILE);
    assert_int_equal(test.errors, 1);
    assert_non_null(strstr(test.line, says));
    dv_checkpoint_close(checkpoint);
}

static void bad_scales_are_refused(void **state)
{
    static const struct {
        float       value;
        const char *says;
    } cases[] = {
        { 0.0f, "scale 2 is 0" },  { -0.0f, "scale 2 is -0" },     { -0.5f, "scale 2 is -0.5" },
        { NAN, "scale 2 is nan" }, { INFINITY, "scale 2 is inf" },
    };
    struct dv_folder folder;
    size_t           bytes;
    (void)state;
    init_folder(&folder, "odd-fp8");
    size_t at   = data_offset(&folder, KV_A "_scale_inv") + 2 * sizeof(float);
    char  *data = dv_folder_read(&folder, ONE_FILE, &bytes);
    for (size_t i = 0; i < COUNT(cases); i++) {
        memcpy(data + at, &cases[i].value, sizeof cases[i].value);
        dv_folder_write(&folder, ONE_FILE, data, bytes);
        expect_bad_scale(&folder, cases[i].says);
    }
    free(data);
    dv_folder_done(&folder);
}

static void matrices_and_vectors_are_what_was_made(void **state)
{
    struct dv_test_context       test;
    struct dv_folder             folder;
    struct dv_matrix_file        matrix;
    const struct dv_tensor_file *vector;
    (void)state;
    init_folder(&folder, "k2");
    struct dv_checkpoint *checkpoint = open_folder(&test, &folder);
    assert_int_equal(dv_checkpoint_matrix(&matrix, &test.ctx, checkpoint,
                                          "model.layers.0.mlp.gate_proj.weight", 320, 128),
                     DSVK_OK);
    assert_int_equal(matrix.weight->dtype, DV_F8_E4M3);
    assert_int_equal(matrix.block_rows, 128);
    assert_int_not_equal(matrix.weight->shard, matrix.scale->shard);
    /* The largest value of a block is the largest code. */
    unsigned most = 0;
    for (unsigned i = 0; i < 128 * 128; i++)
        if (most < (matrix.weight->data[i] & 0x7Fu))
            most = matrix.weight->data[i] & 0x7Fu;
    assert_int_equal(most, 0x7E);
    assert_int_equal(dv_checkpoint_vector(&vector, &test.ctx, checkpoint, "model.norm.weight", 128),
                     DSVK_OK);
    assert_int_equal(vector->dtype, DV_BF16);
    assert_int_equal(dv_checkpoint_vector(&vector, &test.ctx, checkpoint, "model.norm.weight", 64),
                     DSVK_BAD_FILE);
    assert_null(vector);
    assert_int_equal(dv_checkpoint_matrix(&matrix, &test.ctx, checkpoint, "none", 1, 1),
                     DSVK_BAD_FILE);
    assert_null(matrix.weight);
    assert_int_equal(test.errors, 2);
    dv_checkpoint_close(checkpoint);
    dv_folder_done(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_tensors_are_refused),
        cmocka_unit_test(changed_packed_tensors_are_refused),
        cmocka_unit_test(bad_scales_are_refused),
        cmocka_unit_test(matrices_and_vectors_are_what_was_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
