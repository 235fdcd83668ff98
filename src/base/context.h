/* SPDX-License-Identifier: MIT */
/* The log and the allocator that every maker is given. A context outlives all objects made
 * with it; it is read-only after its creation, so threads may share it. */
#ifndef DV_BASE_CONTEXT_H
#define DV_BASE_CONTEXT_H

#include <stdarg.h>

#include "base/why.h"
#include "dsvk/base.h"

struct dv_context {
    dsvk_log       log;
    dsvk_allocator allocator;
    struct dv_why *why; /* keeps the last failure, too; NULL: nobody asks */
};

#if defined(__MINGW32__) /* whose own printf is that of C11, where Windows' is not */
#define DV_PRINTF(text, first) __attribute__((format(gnu_printf, text, first)))
#elif defined(__GNUC__)
#define DV_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define DV_PRINTF(text, first)
#endif

/* NULL params parts mean: silent, C library allocator. */
void dv_context_init(struct dv_context *ctx, const dsvk_log *log, const dsvk_allocator *allocator);

/* NULL when memory is exhausted or bytes is 0. The caller frees with dv_free(). */
void *dv_alloc(const struct dv_context *ctx, size_t bytes);
void *dv_zalloc(const struct dv_context *ctx, size_t bytes);
/* n * size with overflow check; zeroed. */
void *dv_zalloc_array(const struct dv_context *ctx, size_t n, size_t size);
/* As realloc; on failure NULL and `memory` is untouched. bytes > 0. */
void *dv_realloc(const struct dv_context *ctx, void *memory, size_t bytes);
void  dv_free(const struct dv_context *ctx, void *memory);
/* A copy of a C string, or NULL. */
char *dv_strdup(const struct dv_context *ctx, const char *text);

/* Writes one error line ("module: object: what was wrong, with the numbers") and returns
 * `status`: the innermost site that knows calls it, everyone above passes the status on. CANCELLED
 * is no error: its line is INFO. */
dsvk_status dv_fail(const struct dv_context *ctx, dsvk_status status, const char *format, ...)
    DV_PRINTF(3, 4);
void dv_log(const struct dv_context *ctx, dsvk_log_level level, const char *format, ...)
    DV_PRINTF(3, 4);

/* A context whose error line is kept instead of logged, for what may turn out not to matter; other
 * lines go on as they did. Nothing that outlives it may be made with it. */
struct dv_capture {
    struct dv_context        ctx;
    const struct dv_context *outer;
    char                     line[512]; /* "" when there was none */
};
void dv_capture(struct dv_capture *capture, const struct dv_context *ctx);

/* Both need a local `dsvk_status status`. TRY returns, TRY_OR jumps to a visible label. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != DSVK_OK)                                                                     \
            return status;                                                                         \
    } while (0)
#define TRY_OR(label, call)                                                                        \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != DSVK_OK)                                                                     \
            goto label;                                                                            \
    } while (0)

#endif
