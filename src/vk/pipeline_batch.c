/* SPDX-License-Identifier: MIT */
/* Many pipelines at once, on all cores: compiling them is most of the time until a first token.
 * Drivers lock the cache themselves; all that is ours is done before and after the threads run. */
#include "vk/pipeline_parts.h"

#include "base/stop.h"

#include <stdatomic.h>
#include <stdio.h>

#include "os/os.h"

#define DOING_BYTES 160

struct job {
    struct dv_pipeline   *pipeline;
    struct dv_spirv_facts facts;
    VkResult              result;
};

struct batch {
    struct dv_device *dev;
    struct job       *jobs;
    uint32_t          n;
    /* The caller's thread reports behind each pipeline of its own; all ask the stop. */
    const dsvk_progress *progress;
    bool                 told;
    const char          *caller; /* its `thread` */
    atomic_uint          done;
    atomic_bool          cancelled;
};

static _Thread_local char thread; /* its address tells threads apart */

static bool is_planned(const struct batch *batch, const struct dv_pipeline_params *params)
{
    for (uint32_t i = 0; i < batch->n; i++)
        if (dv_pipeline_is_same(&batch->jobs[i].pipeline->params, params))
            return true;
    return dv_pipeline_find(batch->dev, params) != NULL;
}

static dsvk_status add_job(struct batch *batch, const struct dv_pipeline_params *params)
{
    dsvk_status               status;
    struct dv_device         *dev = batch->dev;
    struct job               *job = &batch->jobs[batch->n];
    struct dv_pipeline_params resolved;
    TRY(dv_pipeline_resolve(&resolved, &job->facts, dev, params));
    if (is_planned(batch, &resolved))
        return DSVK_OK;
    job->pipeline = dv_zalloc(dev->ctx, sizeof *job->pipeline);
    if (!job->pipeline)
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "pipeline: %s: no room for its header",
                       resolved.kernel);
    job->pipeline->params = resolved;
    batch->n++;
    return DSVK_OK;
}

static void report(struct batch *batch)
{
    uint32_t done = atomic_load(&batch->done);
    if (batch->told && batch->n > 0 && !atomic_load(&batch->cancelled) &&
        &thread == batch->caller && !dv_goes_on(batch->progress, done, batch->n) && done < batch->n)
        atomic_store(&batch->cancelled, true);
}

static void compile(void *user, uint32_t i)
{
    struct batch *batch = user;
    struct job   *job   = &batch->jobs[i];
    job->result         = VK_NOT_READY;
    if (dv_is_stopped(batch->progress))
        atomic_store(&batch->cancelled, true);
    if (atomic_load(&batch->cancelled))
        return;
    job->result = dv_pipeline_compile(&job->pipeline->handle, batch->dev, &job->pipeline->params,
                                      &job->facts, 0);
    atomic_fetch_add(&batch->done, 1);
    report(batch);
}

/* Gives the device what was made; the first failure is told, once. */
static dsvk_status collect(struct batch *batch)
{
    dsvk_status       status = DSVK_OK;
    struct dv_device *dev    = batch->dev;
    char              doing[DOING_BYTES];
    for (uint32_t i = 0; i < batch->n; i++) {
        struct job *job = &batch->jobs[i];
        if (job->result == VK_SUCCESS) {
            job->pipeline->next = dev->pipelines;
            dev->pipelines      = job->pipeline;
            continue;
        }
        snprintf(doing, sizeof doing, "compiling %s", job->pipeline->params.kernel);
        if (status == DSVK_OK && job->result != VK_NOT_READY)
            status = dv_device_result(dev, job->result, doing);
        dv_free(dev->ctx, job->pipeline);
    }
    if (status == DSVK_OK && atomic_load(&batch->cancelled))
        status = dv_fail(dev->ctx, DSVK_CANCELLED, "cancelled after %u of %u kernels",
                         atomic_load(&batch->done), batch->n);
    return status;
}

dsvk_status dv_pipeline_make_all(struct dv_device *dev, const struct dv_pipeline_params *first,
                                 size_t stride, uint32_t n, const dsvk_progress *progress)
{
    dsvk_status  status;
    struct batch batch = { .dev = dev, .progress = progress, .caller = &thread };
    batch.told         = !dev->caps.compiles_late; /* else this is the quick part */
    TRY(dv_device_check(dev, "making pipelines"));
    batch.jobs = dv_zalloc_array(dev->ctx, (size_t)n + 1, sizeof *batch.jobs);
    if (!batch.jobs)
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "pipeline: no memory for a list of %u", n);
    for (uint32_t i = 0; i < n; i++)
        TRY_OR(fail, add_job(&batch, (const void *)((const char *)first + i * stride)));
    report(&batch);
    dv_parallel(0, batch.n, compile, &batch);
    report(&batch); /* other threads may have ended last */
    status  = collect(&batch);
    batch.n = 0;
fail:
    for (uint32_t i = 0; i < batch.n; i++)
        dv_free(dev->ctx, batch.jobs[i].pipeline);
    dv_free(dev->ctx, batch.jobs);
    return status;
}
