/* SPDX-License-Identifier: MIT */
#include "demo.h"

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
    struct demo        demo    = { 0 };
    dsvk_model_params  model   = { .folder = folder, .log = demo_log_sink(log) };
    dsvk_device_params device  = { .log = demo_log_sink(log) };
    dsvk_load_params   loading = { .run.math = DSVK_MATH_AUTO };

    assert_int_equal(dsvk_model_open(&demo.model, &model), DSVK_OK);
    if (load) {
        assert_int_equal(dsvk_device_open(&demo.device, &device), DSVK_OK);
        assert_int_equal(dsvk_model_load(demo.model, demo.device, &loading), DSVK_OK);
    }
    return demo;
}

void demo_close(struct demo *demo)
{
    dsvk_model_close(demo->model);
    dsvk_device_close(demo->device);
}
