/* SPDX-License-Identifier: MIT */
/* Allocator and log, which every function that may fail gets by its context. Allocations, and
 * messages, go through here alone, so that a caller's allocator sees each of them and nothing is
 * printed. */
#include "base/context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* A line longer than this is cut; file names are the only long parts. */
#define LINE_BYTES DV_WHY_BYTES

static void *libc_resize(void *user, void *memory, size_t bytes)
{
    (void)user;
    if (bytes == 0) {
        free(memory);
        return NULL;
    }
    return realloc(memory, bytes);
}

void dv_context_init(struct dv_context *ctx, const dsvk_log *log, const dsvk_allocator *allocator)
{
    *ctx = (struct dv_context){ .allocator = { .resize = libc_resize } };
    if (log)
        ctx->log = *log;
    if (allocator && allocator->resize)
        ctx->allocator = *allocator;
}

void *dv_alloc(const struct dv_context *ctx, size_t bytes)
{
    return bytes ? ctx->allocator.resize(ctx->allocator.user, NULL, bytes) : NULL;
}

void *dv_zalloc(const struct dv_context *ctx, size_t bytes)
{
    void *memory = dv_alloc(ctx, bytes);
    if (memory)
        memset(memory, 0, bytes);
    return memory;
}

void *dv_zalloc_array(const struct dv_context *ctx, size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / size)
        return NULL;
    return dv_zalloc(ctx, n * size);
}

void *dv_realloc(const struct dv_context *ctx, void *memory, size_t bytes)
{
    return ctx->allocator.resize(ctx->allocator.user, memory, bytes);
}

void dv_free(const struct dv_context *ctx, void *memory)
{
    if (memory)
        ctx->allocator.resize(ctx->allocator.user, memory, 0);
}

char *dv_strdup(const struct dv_context *ctx, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char  *copy  = dv_alloc(ctx, bytes);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

static bool is_wanted(const struct dv_context *ctx, dsvk_log_level level)
{
    return ctx->log.write && level <= ctx->log.level;
}

/* One message is one line, whatever a file name or a driver put into it. */
static void format_line(char line[LINE_BYTES], const char *format, va_list args)
{
    vsnprintf(line, LINE_BYTES, format, args);
    dv_text_clean(line);
}

dsvk_status dv_fail(const struct dv_context *ctx, dsvk_status status, const char *format, ...)
{
    char           line[LINE_BYTES];
    va_list        args;
    dsvk_log_level level = status == DSVK_CANCELLED ? DSVK_LOG_INFO : DSVK_LOG_ERROR;
    if (!is_wanted(ctx, level) && !ctx->why)
        return status;
    va_start(args, format);
    format_line(line, format, args);
    va_end(args);
    if (ctx->why)
        dv_why_set(ctx->why, line);
    if (is_wanted(ctx, level))
        ctx->log.write(ctx->log.user, level, line);
    return status;
}

void dv_log(const struct dv_context *ctx, dsvk_log_level level, const char *format, ...)
{
    char    line[LINE_BYTES];
    va_list args;
    if (!is_wanted(ctx, level))
        return;
    va_start(args, format);
    format_line(line, format, args);
    va_end(args);
    ctx->log.write(ctx->log.user, level, line);
}

static void keep_line(void *user, dsvk_log_level level, const char *line)
{
    struct dv_capture *capture = user;
    if (level == DSVK_LOG_ERROR)
        snprintf(capture->line, sizeof capture->line, "%s", line);
    else
        dv_log(capture->outer, level, "%s", line);
}

void dv_capture(struct dv_capture *capture, const struct dv_context *ctx)
{
    capture->ctx           = *ctx;
    capture->ctx.why       = NULL;
    capture->ctx.log.write = keep_line;
    capture->ctx.log.user  = capture;
    capture->outer         = ctx;
    capture->line[0]       = 0;
    if (capture->ctx.log.level < DSVK_LOG_ERROR || !ctx->log.write)
        capture->ctx.log.level = DSVK_LOG_ERROR;
}
