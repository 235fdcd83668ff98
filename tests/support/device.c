/* SPDX-License-Identifier: MIT */
/* A device as tests use it: validated where layers are installed, with its log counted. A test
 * ends as failed where validation had something to say. */
#include "support/device.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
/* Drivers stay loaded, so that the leak checker can name them: lsan.supp. */
__attribute__((visibility("default"))) int dlclose(void *library);
int                                        dlclose(void *library)
{
    (void)library;
    return 0;
}
#endif

static void count_line(void *user, dsvk_log_level level, const char *line)
{
    struct test_device *t = user;
    if (strstr(line, "Internal Warning")) /* GPU-assisted validation talks of its own needs */
        return;
    bool validation = strncmp(line, "validation: ", 12) == 0;
    if (validation && t->ignores_layer)
        return;
    t->errors += level == DSVK_LOG_ERROR;
    t->warnings += level == DSVK_LOG_WARN;
    if (!t->quiet || validation || getenv("DSVK_TEST_VERBOSE"))
        fprintf(stderr, "%s: %s\n", level == DSVK_LOG_ERROR ? "error" : "warning", line);
    snprintf(t->line, sizeof t->line, "%s", line);
}

void test_device_context(struct test_device *t, const dsvk_allocator *allocator)
{
    dv_context_init(&t->ctx, &(dsvk_log){ count_line, t, DSVK_LOG_WARN }, allocator);
}

static bool wants_validation(void)
{
    const char *layers = getenv("VK_INSTANCE_LAYERS");
    return getenv("DSVK_TEST_VALIDATE") || (layers && strstr(layers, "validation"));
}

bool test_device_open_instance(struct test_device *t)
{
    memset(t, 0, sizeof *t);
    test_device_context(t, NULL);
    return dv_instance_new(&t->instance, &t->ctx, wants_validation()) == DSVK_OK;
}

bool test_device_open(struct test_device *t)
{
    uint32_t index;
    if (test_device_open_instance(t) &&
        dv_instance_find(&index, t->instance, getenv("DSVK_TEST_DEVICE")) == DSVK_OK &&
        dv_device_new(&t->dev, t->instance, index) == DSVK_OK &&
        dv_stream_new(&t->stream, t->dev) == DSVK_OK)
        return true;
    test_device_close(t);
    return false;
}

bool test_device_close(struct test_device *t)
{
    dv_stream_free(t->stream);
    dv_device_free(t->dev);
    dv_instance_free(t->instance);
    t->stream   = NULL;
    t->dev      = NULL;
    t->instance = NULL;
    return t->errors == 0 && t->warnings == 0;
}

static bool unclean;

int test_teardown(bool clean)
{
    unclean = unclean || !clean;
    return clean ? 0 : -1;
}

int test_result(int failed)
{
    return failed || unclean;
}

void test_device_expect(struct test_device *t)
{
    t->quiet = true;
}

unsigned test_device_expected(struct test_device *t)
{
    unsigned n  = t->warnings ? UINT_MAX : t->errors;
    t->quiet    = false;
    t->errors   = 0;
    t->warnings = 0;
    return n;
}
