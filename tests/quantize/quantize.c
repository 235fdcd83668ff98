/* SPDX-License-Identifier: MIT */
/* Checkpoints written with converted weights: on the device they would be what converting on load
 * makes of the first, byte for byte; and nothing is left of one that failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/os.h"
#include "quantize/quantize.h"
#include "support/folder.h"
#include "support/make_checkpoint.h"
#include "support/test_context.h"

static struct dv_checkpoint *open_folder(struct dv_test_context *test, const char *path)
{
    struct dv_checkpoint *checkpoint;
    if (dv_checkpoint_open(&checkpoint, &test->ctx, path) != DSVK_OK ||
        dv_model_check(&test->ctx, checkpoint) != DSVK_OK)
        fail_msg("%s", test->line);
    return checkpoint;
}

struct fixture {
    struct dv_test_context test;
    struct dv_folder       in, out;
    struct dv_checkpoint  *checkpoint;
    struct dv_graph       *roles;
};

static void setup(struct fixture *f, const char *name)
{
    dv_test_context_init(&f->test);
    dv_folder_init(&f->in);
    assert_int_equal(dv_make_checkpoint(&f->test.ctx, name, 1, f->in.path), DSVK_OK);
    assert_true(snprintf(f->out.path, sizeof f->out.path, "%s.out", f->in.path) > 0);
    f->checkpoint = open_folder(&f->test, f->in.path);
    assert_int_equal(dv_model_roles(&f->roles, &f->test.ctx, dv_checkpoint_config(f->checkpoint)),
                     DSVK_OK);
}

static void teardown(struct fixture *f)
{
    dv_graph_free(f->roles);
    dv_checkpoint_close(f->checkpoint);
    dv_folder_done(&f->in);
    assert_int_equal(f->test.live, 0);
}

/* Names and shapes of the recipe v3-bf16 and v3: tests/support/make_checkpoint.c. */
static const struct matrix {
    const char *name;
    uint32_t    rows, cols;
} matrices[] = {
    { "model.embed_tokens.weight", 512, 256 },
    { "lm_head.weight", 512, 256 },
    { "model.layers.0.self_attn.q_a_proj.weight", 192, 256 },
    { "model.layers.0.self_attn.kv_a_proj_with_mqa.weight", 80, 256 },
    { "model.layers.3.self_attn.o_proj.weight", 256, 128 },
    { "model.layers.0.mlp.down_proj.weight", 256, 320 },
    { "model.layers.1.mlp.gate.weight", 16, 256 },
    { "model.layers.2.mlp.shared_experts.up_proj.weight", 48, 256 },
    { "model.layers.2.mlp.experts.15.gate_proj.weight", 48, 256 },
    { "model.layers.2.mlp.experts.15.down_proj.weight", 256, 48 },
};

/* The packed bytes of a matrix from a checkpoint, free(). */
static unsigned char *packed(struct fixture *f, const struct dv_checkpoint *checkpoint,
                             const struct dv_conversion *to, const struct matrix *m,
                             uint64_t *bytes)
{
    struct dv_weight_source source = { .checkpoint = checkpoint };
    struct dv_layout_source part;
    struct dv_layout        layout;
    struct dv_weight_info   info = { .kind        = DV_WEIGHT_MATRIX,
                                     .name        = m->name,
                                     .rows        = m->rows,
                                     .cols        = m->cols,
                                     .slices      = 1,
                                     .tensor_cols = m->cols,
                                     .n_parts     = 1,
                                     .parts       = { { m->name, m->rows } } };
    if (dv_source_matrix(&part, &f->test.ctx, &source, m->name, m->rows, m->cols) != DSVK_OK)
        fail_msg("%s", f->test.line);
    part.converted =
        dv_formats_target(&part.target, to, dv_model_role(f->roles, m->name), part.dtype, m->cols);
    if (dv_layout_of(&layout, &f->test.ctx, &info, &part) != DSVK_OK)
        fail_msg("%s", f->test.line);
    unsigned char *data = malloc(layout.bytes);
    assert_non_null(data);
    dv_layout_pack(data, &layout, &info, &part);
    *bytes = layout.bytes;
    return data;
}

static void expect_same_weights(struct fixture *f, const struct dv_conversion *to)
{
    static const struct dv_conversion keep    = { 0 };
    struct dv_checkpoint             *written = open_folder(&f->test, f->out.path);
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
        const struct matrix *m = &matrices[i];
        uint64_t             n, n_written;
        unsigned char       *a = packed(f, f->checkpoint, to, m, &n);
        unsigned char       *b = packed(f, written, &keep, m, &n_written);
        assert_int_equal(n, n_written);
        if (memcmp(a, b, n) != 0)
            fail_msg("%s: %s differs in format %d, head %d", f->in.path, m->name, (int)to->weights,
                     (int)to->head);
        free(a);
        free(b);
    }
    if (to->weights != DSVK_WEIGHTS_BF16)
        assert_true(dv_checkpoint_bytes(written) <= dv_checkpoint_bytes(f->checkpoint));
    assert_int_equal(dv_checkpoint_config(written)->mtp_layers,
                     dv_checkpoint_config(f->checkpoint)->mtp_layers);
    dv_checkpoint_close(written);
}

/* A format that changes nothing is refused with a word, before anything is written. */
static bool expect_change(struct fixture *f, const struct dv_conversion *to)
{
    char                 text[96];
    struct dv_quantizing q = { .checkpoint = f->checkpoint, .to = *to, .roles = f->roles };
    if (dv_quantize_changes(text, &q))
        return true;
    dv_test_context_reset(&f->test);
    assert_int_equal(dv_quantize(&f->test.ctx, f->checkpoint, to, f->out.path, NULL),
                     DSVK_BAD_ARGUMENT);
    assert_non_null(strstr(f->test.line, "no weight would change: all matrices are "));
    assert_non_null(strstr(f->test.line, text));
    assert_int_equal(f->test.errors, 1);
    assert_false(dv_file_exists(f->out.path));
    return false;
}

enum { N_HEADS = DSVK_HEAD_FP8 + 1, N_CONVERSIONS = N_HEADS * (DSVK_WEIGHTS_FP4 + 1) };

static void written_weights_are_those_of_loading(void **state)
{
    static const char *const names[] = { "v3-bf16", "v3", "v3-fp4", "fp8-64" };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct fixture f;
        setup(&f, names[i]);
        for (int k = 1; k < N_CONVERSIONS; k++) {
            struct dv_conversion to = { (dsvk_weights)(k / N_HEADS), (dsvk_head)(k % N_HEADS) };
            if (dv_formats_keep(&to) || (i > 0 && to.head != DSVK_HEAD_AUTO) ||
                !expect_change(&f, &to))
                continue;
            if (dv_quantize(&f.test.ctx, f.checkpoint, &to, f.out.path, NULL) != DSVK_OK)
                fail_msg("%s", f.test.line);
            expect_same_weights(&f, &to);
            size_t bytes;
            free(dv_folder_read(&f.out, "tokenizer.json", &bytes));
            free(dv_folder_read(&f.out, "generation_config.json", &bytes));
            dv_folder_done(&f.out);
        }
        teardown(&f);
    }
}

/* FP8 that is kept has the blocks of the checkpoint, whether or not its config names them. */
static void kept_blocks_are_not_renamed(void **state)
{
    const struct dv_conversion to = { DSVK_WEIGHTS_FP4, DSVK_HEAD_KEEP }; /* FP8 made anew: 128 */
    (void)state;
    for (int named = 0; named < 2; named++) {
        struct fixture f;
        setup(&f, "fp8-64");
        if (!named) {
            size_t bytes;
            char  *config = dv_folder_read(&f.in, "config.json", &bytes);
            char  *word   = strstr(config, "weight_block_size");
            assert_non_null(word);
            word[0] = 'W';
            dv_folder_write(&f.in, "config.json", config, bytes);
            free(config);
            dv_checkpoint_close(f.checkpoint);
            f.checkpoint = open_folder(&f.test, f.in.path);
        }
        assert_int_equal(dv_quantize(&f.test.ctx, f.checkpoint, &to, f.out.path, NULL), DSVK_OK);
        expect_same_weights(&f, &to);
        struct dv_checkpoint *written = open_folder(&f.test, f.out.path);
        assert_int_equal(dv_checkpoint_config(written)->block_rows, named ? 64 : 0);
        assert_int_equal(dv_checkpoint_config(written)->block_cols, named ? 64 : 0);
        dv_checkpoint_close(written);
        dv_folder_done(&f.out);
        teardown(&f);
    }
}

/* While it plans, where `user` is NULL, or after the first bytes. */
static bool stop_early(void *user, uint64_t done, uint64_t total)
{
    (void)total;
    return user && done == 0;
}

static void expect_nothing(const struct fixture *f)
{
    char partial[100];
    snprintf(partial, sizeof partial, "%s.partial", f->out.path);
    if (dv_file_exists(f->out.path) || dv_file_exists(partial))
        fail_msg("something is left");
}

static void nothing_is_left_of_a_failure(void **state)
{
    struct fixture f;
    (void)state;
    setup(&f, "v3-bf16");
    for (int late = 0; late < 2; late++) {
        dsvk_progress progress = { .report = stop_early, .user = late ? &f : NULL };
        assert_int_equal(dv_quantize(&f.test.ctx, f.checkpoint,
                                     &(struct dv_conversion){ DSVK_WEIGHTS_INT4, DSVK_HEAD_AUTO },
                                     f.out.path, &progress),
                         DSVK_CANCELLED);
        expect_nothing(&f);
    }
    /* Memory that ends somewhere. */
    for (unsigned at = 1; at < 600; at = at < 20 ? at + 1 : at * 2) {
        dv_test_context_reset(&f.test);
        f.test.fail_at = at;
        if (dv_quantize(&f.test.ctx, f.checkpoint,
                        &(struct dv_conversion){ DSVK_WEIGHTS_FP4, DSVK_HEAD_AUTO }, f.out.path,
                        NULL) == DSVK_OK)
            fail_msg("allocation %u failed and nobody said so", at);
        assert_int_equal(f.test.errors, 1);
        expect_nothing(&f);
    }
    f.test.fail_at = 0;
    dv_test_context_reset(&f.test);
    /* What is there stays. */
    assert_int_equal(dv_quantize(&f.test.ctx, f.checkpoint,
                                 &(struct dv_conversion){ DSVK_WEIGHTS_FP8, DSVK_HEAD_AUTO },
                                 f.in.path, NULL),
                     DSVK_BAD_FILE);
    assert_non_null(strstr(f.test.line, "is there already"));
    assert_int_equal(dv_quantize(&f.test.ctx, f.checkpoint,
                                 &(struct dv_conversion){ DSVK_WEIGHTS_FP8, DSVK_HEAD_AUTO },
                                 dv_folder_path(&f.in, "config.json/x"), NULL),
                     DSVK_BAD_FILE);
    dv_checkpoint_close(open_folder(&f.test, f.in.path));
    teardown(&f);
}

static bool shorten(void *user, uint64_t done, uint64_t total)
{
    FILE *file = fopen(dv_folder_path(user, "model.safetensors"), "wb"); /* the same file, empty */
    (void)done;
    (void)total;
    assert_non_null(file);
    fclose(file);
    return true;
}

static void a_file_that_gets_shorter_is_a_failure(void **state)
{
    struct fixture f;
    (void)state;
#if defined(_WIN32) /* what is mapped cannot be made shorter there */
    skip();
#endif
    setup(&f, "v3-bf16");
    assert_int_equal(dv_quantize(&f.test.ctx, f.checkpoint,
                                 &(struct dv_conversion){ DSVK_WEIGHTS_INT4, DSVK_HEAD_AUTO },
                                 f.out.path, &(dsvk_progress){ .report = shorten, .user = &f.in }),
                     DSVK_BAD_FILE);
    assert_non_null(strstr(f.test.line, "has become shorter"));
    expect_nothing(&f);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_weights_are_those_of_loading),
        cmocka_unit_test(kept_blocks_are_not_renamed),
        cmocka_unit_test(nothing_is_left_of_a_failure),
        cmocka_unit_test(a_file_that_gets_shorter_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
