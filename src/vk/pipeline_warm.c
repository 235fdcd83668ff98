/* SPDX-License-Identifier: MIT */
/* Drivers that run on the CPU compile a kernel when it is first dispatched, long after its pipeline
 * was made. A dispatch of no workgroups is enough for that, and makes the wait one that can be
 * shown and cancelled. */
#include "vk/pipeline_parts.h"
#include "vk/stream.h"

#include "base/stop.h"

#define POLL_NS 50000000u

struct warming {
    struct dv_stream    *stream;
    struct dv_commands  *commands;
    const dsvk_progress *progress;
    uint32_t             done, total;
};

static bool goes_on(const struct warming *w)
{
    return dv_goes_on(w->progress, w->done, w->total);
}

static dsvk_status warm(struct warming *w, struct dv_pipeline *pipeline)
{
    static const unsigned char nothing[128];
    dsvk_status                status;
    struct dv_device          *dev = w->stream->dev;
    uint64_t                   value;
    bool                       ended = false, wanted = true;
    TRY(dv_commands_begin(w->commands));
    dv_commands_dispatch(w->commands, pipeline, nothing, 0, 0, 0);
    TRY(dv_commands_end(w->commands));
    TRY(dv_stream_submit(w->stream, w->commands, &value));
    for (uint64_t ns = 0; !ended && wanted && ns < dev->wait_ns; ns += POLL_NS) {
        TRY(dv_stream_poll(&ended, w->stream, value, POLL_NS));
        wanted = ended || goes_on(w);
    }
    TRY(dv_stream_wait(w->stream, value, 0)); /* also when cancelled: it uses the commands */
    pipeline->warm = true;
    w->done++;
    if (wanted && (goes_on(w) || w->done == w->total))
        return DSVK_OK;
    return dv_fail(dev->ctx, DSVK_CANCELLED, "cancelled after %u of %u kernels", w->done, w->total);
}

/* Those that were not dispatched yet, each once; all were made. */
static dsvk_status list(struct dv_pipeline **cold, uint32_t *n_cold, struct dv_device *dev,
                        const struct dv_pipeline_params *first, size_t stride, uint32_t n)
{
    dsvk_status status;
    *n_cold = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct dv_pipeline *pipeline;
        uint32_t            k = 0;
        TRY(dv_pipeline_get(&pipeline, dev, (const void *)((const char *)first + i * stride)));
        while (k < *n_cold && cold[k] != pipeline)
            k++;
        if (k == *n_cold && !pipeline->warm)
            cold[(*n_cold)++] = pipeline;
    }
    return DSVK_OK;
}

dsvk_status dv_pipeline_warm_all(struct dv_stream *stream, const struct dv_pipeline_params *first,
                                 size_t stride, uint32_t n, const dsvk_progress *progress)
{
    dsvk_status       status;
    struct dv_device *dev = stream->dev;
    struct warming    w   = { .stream = stream, .progress = progress };
    if (!dev->caps.compiles_late || !dv_is_watched(progress))
        return DSVK_OK;
    struct dv_pipeline **cold = dv_zalloc_array(dev->ctx, (size_t)n + 1, sizeof *cold);
    if (!cold)
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "pipeline: no memory for a list of %u", n);
    TRY_OR(fail, list(cold, &w.total, dev, first, stride, n));
    TRY_OR(fail, dv_commands_new(&w.commands, dev));
    if (w.total > 0 && !goes_on(&w))
        status = dv_fail(dev->ctx, DSVK_CANCELLED, "cancelled before %u kernels", w.total);
    for (uint32_t i = 0; status == DSVK_OK && i < w.total; i++)
        status = warm(&w, cold[i]);
fail:
    dv_commands_free(w.commands);
    dv_free(dev->ctx, cold);
    return status;
}
