/* SPDX-License-Identifier: MIT */
/* Submissions and waits. Every wait has an end: a device that never answers is lost. */
#include "vk/stream.h"

#include <inttypes.h>

#include "base/text.h"
#include "os/os.h"

#define FREE_TIMEOUT_NS 10000000000u

dsvk_status dv_stream_reopen(struct dv_stream *stream)
{
    struct dv_device         *dev  = stream->dev;
    VkSemaphoreTypeCreateInfo type = {
        .sType         = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
        .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
    };
    VkSemaphoreCreateInfo info = { VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &type, 0 };
    VkResult result = dev->vk.vkCreateSemaphore(dev->handle, &info, NULL, &stream->timeline);
    if (result != VK_SUCCESS)
        stream->timeline = VK_NULL_HANDLE;
    return dv_device_result(dev, result, "making a stream");
}

dsvk_status dv_stream_new(struct dv_stream **out, struct dv_device *dev)
{
    dsvk_status status;
    *out = NULL;
    TRY(dv_device_check(dev, "making a stream"));
    struct dv_stream *stream = dv_zalloc(dev->ctx, sizeof *stream);
    if (!stream)
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "stream: no room for its header");
    stream->dev = dev;
    status      = dv_stream_reopen(stream);
    if (status != DSVK_OK) {
        dv_free(dev->ctx, stream);
        return status;
    }
    stream->next = dev->streams;
    dev->streams = stream;
    *out         = stream;
    return DSVK_OK;
}

static VkResult wait(struct dv_stream *stream, uint64_t value, uint64_t timeout_ns)
{
    struct dv_device   *dev  = stream->dev;
    VkSemaphoreWaitInfo info = {
        .sType          = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
        .semaphoreCount = 1,
        .pSemaphores    = &stream->timeline,
        .pValues        = &value,
    };
    return dev->vk.vkWaitSemaphores(dev->handle, &info, timeout_ns);
}

/* A wait that cannot be made (the driver may be out of memory) says nothing of the work, so it is
 * tried again. A lost device runs nothing any more, as Vulkan's "Lost Device" says; it is asked
 * twice. */
void dv_stream_settle(struct dv_stream *stream)
{
    struct dv_device *dev    = stream->dev;
    VkResult          result = VK_TIMEOUT;
    uint64_t          start  = dv_time_ns();
    if (stream->completed == stream->submitted || dev->hung)
        return;
    uint32_t lost = 0;
    do {
        result = wait(stream, stream->submitted, FREE_TIMEOUT_NS);
        lost += result == VK_ERROR_DEVICE_LOST;
    } while (result != VK_SUCCESS && result != VK_TIMEOUT && lost < 2 &&
             dv_time_ns() - start < FREE_TIMEOUT_NS);
    if (result == VK_SUCCESS || result == VK_ERROR_DEVICE_LOST)
        stream->completed = stream->submitted;
    else
        dev->lost = dev->hung = true;
}

void dv_device_settle(struct dv_device *dev)
{
    for (struct dv_stream *stream = dev->streams; stream; stream = stream->next)
        dv_stream_settle(stream);
}

void dv_stream_trim(struct dv_stream *stream)
{
    for (size_t i = 0; i < sizeof stream->staging / sizeof *stream->staging; i++) {
        dv_buffer_free(stream->staging[i]);
        stream->staging[i] = NULL;
    }
}

void dv_stream_shut(struct dv_stream *stream)
{
    struct dv_device *dev = stream->dev;
    dv_commands_free(stream->staging_commands);
    dv_stream_trim(stream);
    if (stream->timeline && !dev->hung)
        dev->vk.vkDestroySemaphore(dev->handle, stream->timeline, NULL);
    *stream = (struct dv_stream){ .dev = dev, .next = stream->next };
}

void dv_stream_free(struct dv_stream *stream)
{
    if (!stream)
        return;
    struct dv_device  *dev  = stream->dev;
    struct dv_stream **link = &dev->streams;
    dv_stream_settle(stream);
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    dv_stream_shut(stream);
    dv_free(dev->ctx, stream);
}

/* With the lock, where others submit to the queue, too. */
static dsvk_status submit(struct dv_device *dev, const VkSubmitInfo *info)
{
    if (dev->lock)
        dev->lock(dev->lock_user);
    VkResult result = dev->vk.vkQueueSubmit(dev->queue, 1, info, VK_NULL_HANDLE);
    if (dev->unlock)
        dev->unlock(dev->lock_user);
    return dv_device_result(dev, result, "submitting work");
}

/* A submission with all that it points to. */
struct batch {
    VkSemaphore                   semaphores[DV_MOST_SIGNALS + 1];
    uint64_t                      values[DV_MOST_SIGNALS + 1];
    VkPipelineStageFlags          stages[DV_MOST_SIGNALS];
    VkTimelineSemaphoreSubmitInfo reached;
    VkSubmitInfo                  info;
};

/* Whose signals are those of others, and the stream's own. */
static void fill(struct batch *b, const struct dv_signals *waits, const struct dv_signals *signals,
                 const struct dv_signals *own)
{
    for (uint32_t i = 0; i < waits->n; i++)
        b->stages[i] = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    for (uint32_t i = 0; i < signals->n; i++) {
        b->semaphores[i] = signals->semaphores[i];
        b->values[i]     = signals->values[i];
    }
    b->semaphores[signals->n]             = own->semaphores[0];
    b->values[signals->n]                 = own->values[0];
    VkTimelineSemaphoreSubmitInfo reached = {
        .sType                     = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .waitSemaphoreValueCount   = waits->n,
        .pWaitSemaphoreValues      = waits->values,
        .signalSemaphoreValueCount = signals->n + 1,
        .pSignalSemaphoreValues    = b->values,
    };
    b->reached = reached;
    b->info    = (VkSubmitInfo){ .sType                = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                 .pNext                = &b->reached,
                                 .waitSemaphoreCount   = waits->n,
                                 .pWaitSemaphores      = waits->semaphores,
                                 .pWaitDstStageMask    = b->stages,
                                 .commandBufferCount   = 1,
                                 .signalSemaphoreCount = signals->n + 1,
                                 .pSignalSemaphores    = b->semaphores };
}

dsvk_status dv_stream_submit_between(struct dv_stream *stream, struct dv_commands *commands,
                                     const struct dv_signals *waits,
                                     const struct dv_signals *signals, uint64_t *value)
{
    struct dv_device *dev = stream->dev;
    dsvk_status       status;
    uint64_t          next = stream->submitted + 1;
    struct batch      b;
    struct dv_signals own = { &stream->timeline, &next, 1 };
    if (value)
        *value = 0;
    TRY(dv_device_check(dev, "submitting work"));
    fill(&b, waits, signals, &own);
    b.info.pCommandBuffers = &commands->handle;
    TRY(submit(dev, &b.info));
    stream->submitted = next;
    dev->n_submits++;
    if (value)
        *value = next;
    return DSVK_OK;
}

dsvk_status dv_stream_submit(struct dv_stream *stream, struct dv_commands *commands,
                             uint64_t *value)
{
    static const struct dv_signals none = { 0 };
    return dv_stream_submit_between(stream, commands, &none, &none, value);
}

dsvk_status dv_stream_poll(bool *done, struct dv_stream *stream, uint64_t value,
                           uint64_t timeout_ns)
{
    struct dv_device *dev = stream->dev;
    dsvk_status       status;
    *done = false;
    TRY(dv_device_check(dev, "waiting for work"));
    *done = value <= stream->completed;
    if (*done)
        return DSVK_OK;
    if (value > stream->submitted)
        return dv_fail(dev->ctx, DSVK_BAD_ARGUMENT,
                       "stream: waiting for submission %" PRIu64 " of %" PRIu64, value,
                       stream->submitted);
    VkResult result = wait(stream, value, timeout_ns);
    if (result == VK_TIMEOUT)
        return DSVK_OK;
    /* The work may still run: it must have ended before the caller frees what it uses. */
    if (result != VK_SUCCESS)
        dv_stream_settle(stream);
    TRY(dv_device_result(dev, result, "waiting for work"));
    stream->completed = value;
    *done             = true;
    return DSVK_OK;
}

dsvk_status dv_stream_wait(struct dv_stream *stream, uint64_t value, uint64_t timeout_ns)
{
    struct dv_device *dev = stream->dev;
    dsvk_status       status;
    bool              done;
    if (timeout_ns == 0)
        timeout_ns = dev->wait_ns;
    TRY(dv_stream_poll(&done, stream, value, timeout_ns));
    if (done)
        return DSVK_OK;
    char seconds[DV_SIZE_BYTES];
    dev->lost = dev->hung = true;
    return dv_fail(dev->ctx, DSVK_DEVICE_LOST, "stream: \"%s\" did not finish its work in %s s",
                   dev->caps.name, dv_text_fixed(seconds, (double)timeout_ns * 1e-9, 3));
}
