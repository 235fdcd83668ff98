/* SPDX-License-Identifier: MIT */
/* Opens the demonstration model for one test, or for a group. */
#include "demo_group.h"

#include <stdio.h>

static void count(void *user, dsvk_log_level level, const char *line)
{
    struct demo_log *log = user;
    log->errors += level == DSVK_LOG_ERROR;
    fprintf(stderr, "  log %d: %s\n", (int)level, line);
}

dsvk_log demo_log_sink(struct demo_log *log)
{
    return (dsvk_log){ .write = count, .user = log, .level = DSVK_LOG_WARN };
}

struct demo demo_open(struct demo_log *log, bool load)
{
    return demo_open_folder(log, DSVK_DEMO, load);
}

struct demo demo_open_folder(struct demo_log *log, const char *folder, bool load)
{
    struct demo        opened  = { 0 };
    dsvk_model_params  model   = { .folder = folder, .log = demo_log_sink(log) };
    dsvk_device_params device  = { .log = demo_log_sink(log) };
    dsvk_load_params   loading = { .run.math = DSVK_MATH_AUTO };

    assert_int_equal(dsvk_model_open(&opened.model, &model), DSVK_OK);
    if (load) {
        assert_int_equal(dsvk_device_open(&opened.device, &device), DSVK_OK);
        assert_int_equal(dsvk_model_load(opened.model, opened.device, &loading), DSVK_OK);
    }
    return opened;
}

void demo_close(struct demo *opened)
{
    dsvk_model_close(opened->model);
    dsvk_device_close(opened->device);
}

struct demo     demo;
struct demo_log demo_messages;

int open_demo(void **state)
{
    (void)state;
    demo = demo_open(&demo_messages, true);
    return 0;
}

int open_demo_words(void **state)
{
    (void)state;
    demo = demo_open(&demo_messages, false);
    return 0;
}

int close_demo(void **state)
{
    (void)state;
    demo_close(&demo);
    return 0;
}
