/* SPDX-License-Identifier: MIT */
#include "support/test_context.h"

#include <stdio.h>
#include <stdlib.h>

static void write_line(void *user, dsvk_log_level level, const char *line)
{
    struct dv_test_context *test = user;
    if (level == DSVK_LOG_ERROR)
        test->errors++;
    else if (level == DSVK_LOG_WARN)
        test->warnings++;
    snprintf(test->line, sizeof test->line, "%s", line);
}

static void *resize(void *user, void *memory, size_t bytes)
{
    struct dv_test_context *test = user;
    if (bytes == 0) {
        free(memory);
        test->live--;
        return NULL;
    }
    if (++test->calls == test->fail_at)
        return NULL;
    void *block = realloc(memory, bytes);
    if (block && !memory)
        test->live++;
    test->total += bytes;
    return block;
}

void dv_test_context_init(struct dv_test_context *test)
{
    dsvk_log       log       = { .write = write_line, .user = test, .level = DSVK_LOG_WARN };
    dsvk_allocator allocator = { .resize = resize, .user = test };
    *test                    = (struct dv_test_context){ 0 };
    dv_context_init(&test->ctx, &log, &allocator);
}

void dv_test_context_reset(struct dv_test_context *test)
{
    test->errors = test->warnings = test->calls = test->fail_at = 0;
    test->total                                                 = 0;
    test->line[0]                                               = 0;
}
