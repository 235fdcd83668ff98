/* SPDX-License-Identifier: MIT */
/* The device under test, and models loaded from made checkpoints on it. Warnings are counted,
 * since a test that passes with unexpected ones has not passed. */
#include "model/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "file/config.h"
#include "support/device.h"
#include "support/make_checkpoint.h"
#include "support/test_context.h"

static dsvk_device *device;
static unsigned     lines;
static bool         quiet;
static char         line_kept[512];

static void take_line(void *user, dsvk_log_level level, const char *line)
{
    (void)user;
    (void)level;
    if (strstr(line, "Internal Warning")) /* GPU-assisted validation talks of its own needs */
        return;
    lines++;
    snprintf(line_kept, sizeof line_kept, "%s", line);
    if (!quiet || getenv("DSVK_TEST_VERBOSE"))
        print_error("%s\n", line);
}

static const dsvk_log test_log = { .write = take_line, .level = DSVK_LOG_WARN };

int device_setup(void **state)
{
    const char *layers = getenv("VK_INSTANCE_LAYERS");

    dsvk_device_params params = { .which    = getenv("DSVK_TEST_DEVICE"),
                                  .log      = test_log,
                                  .validate = getenv("DSVK_TEST_VALIDATE") ||
                                              (layers && strstr(layers, "validation")) };
    (void)state;
    if (dsvk_device_open(&device, &params) != DSVK_OK)
        return -1;
    print_message("device: %s\n", dsvk_device_describe(device)->name);
    return 0;
}

int device_teardown(void **state)
{
    (void)state;
    if (!device)
        return -1;
    bool freed = dsvk_device_bytes(device) == 0;
    dsvk_device_close(device);
    if (!freed || lines > 0)
        print_error("%u lines in the log%s\n", lines, freed ? "" : "; device memory is left");
    return test_teardown(freed && lines == 0);
}

dsvk_device *device_under_test(void)
{
    return device;
}

void device_as_hardware(bool on)
{
    static bool software;
    if (on)
        software = device->dev->caps.is_software;
    device->dev->caps.is_software = !on && software;
}

bool device_has_matrix_units(void)
{
    return dv_prefers_f16(&device->dev->caps);
}

void subject_init(struct subject *subject, const char *name)
{
    struct dv_test_context test;
    struct dv_config       config;
    *subject = (struct subject){ .name = name };
    dv_test_context_init(&test);
    dv_folder_init(&subject->folder);
    assert_int_equal(dv_make_checkpoint(&test.ctx, name, 1, subject->folder.path), DSVK_OK);
    assert_int_equal(dv_config_read(&config, &test.ctx, subject->folder.path), DSVK_OK);
    subject->vocab = config.vocab;
}

void subject_done(struct subject *subject)
{
    dv_folder_done(&subject->folder);
}

dsvk_model *load(const struct subject *subject, dsvk_math math, bool no_fuse)
{
    dsvk_model *model;
    assert_int_equal(dsvk_model_open(&model, &(dsvk_model_params){ .folder = subject->folder.path,
                                                                   .log    = test_log }),
                     DSVK_OK);
    assert_int_equal(
        dsvk_model_load(model, device,
                        &(dsvk_load_params){ .run = { .math = math, .no_fuse = no_fuse } }),
        DSVK_OK);
    return model;
}

dsvk_session *session(dsvk_model *model, uint32_t context, uint32_t chunk, dsvk_cache cache)
{
    dsvk_session       *s;
    dsvk_session_params params = {
        .context = context, .chunk = chunk, .cache = cache, .exact_prefix = true
    };
    assert_int_equal(dsvk_session_new(&s, model, &params), DSVK_OK);
    return s;
}

void choose_form(dsvk_session *s, uint32_t materialise_from)
{
    struct dv_session *session = s->session;
    session->materialise_from =
        materialise_from ? materialise_from : dv_size_materialise_from(&session->setup);
    session->cache->form |= UINT64_C(1) << 63; /* shares with sessions that the test made so */
    session->cache->form += (uint64_t)session->materialise_from << 32;
}

void sync(dsvk_session *s, const uint32_t *tokens, size_t n)
{
    assert_int_equal(dsvk_session_sync(s, tokens, n, NULL), DSVK_OK);
    assert_int_equal(dsvk_session_tokens(s), n);
}

float *logits(dsvk_session *s, uint32_t vocab)
{
    float *row = malloc(vocab * sizeof *row);
    assert_non_null(row);
    assert_int_equal(dsvk_session_logits(s, row), DSVK_OK);
    return row;
}

struct rows {
    float   *data;
    uint32_t vocab;
    size_t   n;
};

static void take_row(void *user, size_t position, const float *row)
{
    struct rows *rows = user;
    assert_int_equal(position, rows->n++);
    memcpy(rows->data + position * rows->vocab, row, rows->vocab * sizeof *row);
}

float *score(dsvk_session *s, const uint32_t *tokens, size_t n, uint32_t vocab)
{
    struct rows rows = { .data = malloc(n * vocab * sizeof(float)), .vocab = vocab };
    assert_non_null(rows.data);
    dsvk_score_rows wanted = { .logits = take_row, .user = &rows };
    assert_int_equal(dsvk_session_score(s, tokens, n, &wanted, NULL), DSVK_OK);
    assert_int_equal(rows.n, n);
    return rows.data;
}

void expect_lines(void)
{
    quiet = true;
    lines = 0;
}

unsigned expected_lines(void)
{
    unsigned n = lines;
    quiet      = false;
    lines      = 0;
    return n;
}

const char *last_line(void)
{
    return line_kept;
}

void make_tokens(uint32_t *tokens, size_t n, uint32_t vocab, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        seed      = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        tokens[i] = i == 0 ? 0 : 5 + (uint32_t)(seed >> 33) % (vocab - 5);
    }
}

int for_each_checkpoint(int argc, char **argv, const char *what, void (*test)(void **state))
{
    struct CMUnitTest tests[16];
    static char       names[16][64];
    size_t            n = 0;
    for (size_t i = 0; dv_make_checkpoint_names[i]; i++) {
        const char *name = dv_make_checkpoint_names[i];
        bool        want = argc < 2;
        for (int k = 1; k < argc; k++)
            want = want || strcmp(argv[k], name) == 0;
        if (!want || n == 16)
            continue;
        snprintf(names[n], sizeof names[n], "%s_%s", name, what);

        tests[n] = (struct CMUnitTest){ .name          = names[n],
                                        .test_func     = test,
                                        .initial_state = (void *)(uintptr_t)name };
        n++;
    }
    /* cmocka_run_group_tests() takes the size of an array of its own. */
    return test_result(_cmocka_run_group_tests(what, tests, n, device_setup, device_teardown));
}
