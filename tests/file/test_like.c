/* SPDX-License-Identifier: MIT */
/* Checkpoints in the layout of releases, as make-checkpoint --like writes them; here with the
 * layers and formats of each, but narrow. */
#define _GNU_SOURCE /* memmem */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "file/checkpoint.h"
#include "model/model.h"
#include "support/folder.h"
#include "support/make_checkpoint.h"
#include "support/test_context.h"

static const char *const shapes[] = { "v2-lite",       "v2",      "v3", "moonlight",
                                      "glm-4.7-flash", "kimi-k2", NULL };

/* A published shape, with what makes it large reduced. */
static void narrow(struct dv_config *config, const struct dv_context *ctx, const char *name)
{
    assert_int_equal(dv_config_like(config, ctx, name), DSVK_OK);
    config->hidden     = 256;
    config->layers     = 4;
    config->heads      = 4;
    config->vocab      = 1024;
    config->kv_lora    = 128;
    config->dense_ffn  = 384;
    config->expert_ffn = 128;
    config->experts    = 16;
    config->top_k      = 4;
    if (config->q_lora)
        config->q_lora = 192;
}

static struct dv_like like_of(const struct dv_config *config, enum dv_like_format format)
{
    return (struct dv_like){ .config = config, .format = format, .seed = 7 };
}

static double mean_square(const struct dv_tensor_file *tensor)
{
    double   sum = 0;
    uint64_t n   = tensor->bytes / dv_dtype_bytes(tensor->dtype);
    for (uint64_t i = 0; i < n; i++) {
        double value = (double)dv_dtype_get(tensor->dtype, tensor->data, i);
        assert_true(isfinite(value));
        sum += value * value;
    }
    return sum / (double)n;
}

/* Values that keep activations at their size, in the format that the release has. */
static void check_values(const struct dv_checkpoint *checkpoint, enum dv_like_format format)
{
    const struct dv_config *config = dv_checkpoint_config(checkpoint);
    bool fp8 = format == DV_LIKE_FP8 || (format == DV_LIKE_PUBLISHED && config->block_rows);
    struct dv_matrix_file matrix;
    struct dv_context     ctx;
    dv_context_init(&ctx, NULL, NULL);
    assert_int_equal(dv_checkpoint_matrix(&matrix, &ctx, checkpoint,
                                          "model.layers.3.mlp.experts.15.down_proj.weight", 256,
                                          128),
                     DSVK_OK);
    double scale = matrix.scale ? mean_square(matrix.scale) : 1;
    double size  = sqrt(mean_square(matrix.weight) * scale * 128);
    if (size < 0.6 || size > 1.5)
        fail_msg("%s: root mean square %g of its inverse square root", matrix.weight->name, size);
    assert_int_equal(config->block_rows, fp8 ? 128 : 0);
    assert_int_equal(matrix.weight->dtype, fp8                     ? DV_F8_E4M3
                                           : format == DV_LIKE_F32 ? DV_F32
                                                                   : DV_BF16);
    const struct dv_tensor_file *gate =
        dv_checkpoint_find(checkpoint, "model.layers.3.mlp.gate.weight");
    assert_int_equal(gate->dtype, format == DV_LIKE_F32 ? DV_F32 : DV_BF16);
    double norm = mean_square(dv_checkpoint_find(checkpoint, "model.norm.weight"));
    assert_true(norm > 0.9 && norm < 1.1);
}

static void check_shape(const char *name, enum dv_like_format format)
{
    struct dv_test_context test;
    struct dv_folder       folder;
    struct dv_config       config;
    struct dv_checkpoint  *checkpoint;
    dv_test_context_init(&test);
    dv_folder_init(&folder);
    narrow(&config, &test.ctx, name);
    struct dv_like like = like_of(&config, format);
    like.shard_bytes    = 1000000;
    assert_int_equal(dv_make_like(&test.ctx, &like, folder.path), DSVK_OK);
    assert_int_equal(dv_checkpoint_open(&checkpoint, &test.ctx, folder.path), DSVK_OK);
    assert_int_equal(dv_model_check(&test.ctx, checkpoint), DSVK_OK);
    assert_true(dv_checkpoint_n_shards(checkpoint) > 1);
    check_values(checkpoint, format);
    dv_checkpoint_close(checkpoint);
    dv_folder_done(&folder);
    assert_int_equal(test.live, 0);
    assert_int_equal(test.errors + test.warnings, 0);
}

static void every_shape_is_a_checkpoint(void **state)
{
    (void)state;
    for (size_t i = 0; shapes[i]; i++)
        for (int format = DV_LIKE_PUBLISHED; format <= DV_LIKE_F32; format++)
            check_shape(shapes[i], (enum dv_like_format)format);
}

static void published_shapes_have_their_published_size(void **state)
{
    static const struct {
        const char *name;
        double      total, active; /* 10^9, as published; active without the embedding lookup */
    } cases[] = {
        { "v2-lite", 15.706, 2.451 },       { "v2", 235.741, 20.852 },
        { "v3", 671.026, 36.626 },          { "moonlight", 15.960, 2.579 },
        { "glm-4.7-flash", 29.943, 3.580 }, { "kimi-k2", 1026.408, 31.687 },
        { "youtu-llm", 1.962, 1.962 },
    };
    struct dv_test_context test;
    struct dv_config       config;
    (void)state;
    dv_test_context_init(&test);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t all, active;
        assert_int_equal(dv_config_like(&config, &test.ctx, cases[i].name), DSVK_OK);
        assert_int_equal(dv_model_parameters(&all, &active, &test.ctx, &config), DSVK_OK);
        double total = (double)all / 1e9;
        assert_true(total > cases[i].total - 6e-4 && total < cases[i].total + 6e-4);
        assert_true((double)active / 1e9 > cases[i].active - 6e-4 &&
                    (double)active / 1e9 < cases[i].active + 6e-4);
    }
    assert_int_equal(dv_config_like(&config, &test.ctx, "v5"), DSVK_BAD_ARGUMENT);
    assert_int_equal(test.errors, 1);
}

static char *make_and_read(uint64_t seed, uint64_t shard_bytes, const char *name, size_t *bytes)
{
    struct dv_test_context test;
    struct dv_folder       folder;
    struct dv_config       config;
    dv_test_context_init(&test);
    dv_folder_init(&folder);
    narrow(&config, &test.ctx, "v3");
    struct dv_like like = like_of(&config, DV_LIKE_FP8);
    like.seed           = seed;
    like.shard_bytes    = shard_bytes;
    assert_int_equal(dv_make_like(&test.ctx, &like, folder.path), DSVK_OK);
    char *data = dv_folder_read(&folder, name, bytes);
    dv_folder_done(&folder);
    return data;
}

/* Threads write in any order; what a tensor holds does not depend on the file it is in. */
static void bytes_depend_on_seed_and_name(void **state)
{
    size_t n, again, other, part;
    char  *first  = make_and_read(7, 0, "model.safetensors", &n);
    char  *second = make_and_read(7, 0, "model.safetensors", &again);
    char  *third  = make_and_read(8, 0, "model.safetensors", &other);
    char  *split  = make_and_read(7, n - n / 3, "model-00002-of-00002.safetensors", &part);
    (void)state;
    assert_int_equal(n, again);
    assert_int_equal(n, other);
    assert_memory_equal(first, second, n);
    assert_memory_not_equal(first, third, n);
    /* The end of the second file, wherever the first one's end. */
    assert_non_null(memmem(first, n, split + part - 4096, 4096));
    free(first);
    free(second);
    free(third);
    free(split);
}

static bool stop_at_once(void *user, uint64_t done, uint64_t total)
{
    (void)user;
    return done > total;
}

/* A limit on file sizes stands for a full disk. */
static void expect_nothing_left(bool full)
{
    struct dv_test_context test;
    struct dv_folder       folder;
    struct dv_config       config;
    struct rlimit          limit, small;
    char                   inside[128];
    dv_test_context_init(&test);
    dv_folder_init(&folder);
    snprintf(inside, sizeof inside, "%s/made", folder.path);
    narrow(&config, &test.ctx, "v3");
    struct dv_like like = like_of(&config, DV_LIKE_PUBLISHED);
    like.shard_bytes    = 2000000;
    if (!full)
        like.progress = (dsvk_progress){ .report = stop_at_once };
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small          = limit;
    small.rlim_cur = 1000000;
    signal(SIGXFSZ, SIG_IGN);
    if (full)
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    dsvk_status status = dv_make_like(&test.ctx, &like, inside);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(status, full ? DSVK_BAD_FILE : DSVK_CANCELLED);
    assert_int_equal(test.errors, full); /* cancelling is none */
    assert_true(!full || strstr(test.line, "model-00001-of-"));
    assert_int_equal(access(inside, F_OK), -1);
    dv_folder_done(&folder);
    assert_int_equal(test.live, 0);
}

static void a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    expect_nothing_left(true);
}

static void cancelling_leaves_nothing(void **state)
{
    (void)state;
    expect_nothing_left(false);
}

static void a_folder_with_files_is_refused(void **state)
{
    struct dv_test_context test;
    struct dv_folder       folder;
    struct dv_config       config;
    (void)state;
    dv_test_context_init(&test);
    dv_folder_init(&folder);
    dv_folder_write(&folder, "precious", "data", 4);
    narrow(&config, &test.ctx, "v3");
    struct dv_like like = like_of(&config, DV_LIKE_BF16);
    assert_int_equal(dv_make_like(&test.ctx, &like, folder.path), DSVK_BAD_ARGUMENT);
    assert_non_null(strstr(test.line, "not empty"));
    assert_int_equal(access(dv_folder_path(&folder, "precious"), F_OK), 0);
    dv_folder_done(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_is_a_checkpoint),
        cmocka_unit_test(published_shapes_have_their_published_size),
        cmocka_unit_test(bytes_depend_on_seed_and_name),
        cmocka_unit_test(a_full_disk_leaves_nothing),
        cmocka_unit_test(cancelling_leaves_nothing),
        cmocka_unit_test(a_folder_with_files_is_refused),
    };
    return cmocka_run_group_tests_name("like", tests, NULL, NULL);
}
