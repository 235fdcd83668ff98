/* SPDX-License-Identifier: MIT */
/* The device of an application for us, and ours for an application. */
#include <stddef.h>

#include "api/handles.h"
#include "dsvk/vulkan.h"
#include "vk/adopt.h"
#include "vk/wish.h"

#define SHARED_SLICE_US 4000u /* a quarter of a frame at 60 Hz */

static const VkPhysicalDeviceVulkan12Features needed12 = {
    .sType               = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
    .bufferDeviceAddress = VK_TRUE,
    .timelineSemaphore   = VK_TRUE,
    .scalarBlockLayout   = VK_TRUE,
};
static const VkPhysicalDeviceFeatures2 needed = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
    .pNext = (void *)(uintptr_t)&needed12,
};

/* What is looked at before there is a device. */
static dsvk_status read_instance(struct dv_lent *lent, const struct dv_context *ctx,
                                 const dsvk_vulkan_import *params)
{
    dsvk_status status;
    *lent = (struct dv_lent){
        .get         = params->get,
        .instance    = params->instance,
        .api_version = params->api_version ? params->api_version : VK_API_VERSION_1_2,
        .physical    = params->physical,
        .features    = &needed,
    };
    if (!params->instance || !params->physical)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "import: no %s is given",
                       params->instance ? "physical device" : "instance");
    if (!lent->get)
        TRY(dv_loader_open(&lent->get, ctx));
    return DSVK_OK;
}

static bool says_who_submits(const dsvk_vulkan_import *params)
{
    bool locks = params->lock && params->unlock;
    bool half  = !params->lock != !params->unlock;
    return !half && params->queue_is_ours + params->queue_locks_itself + locks == 1;
}

static dsvk_status read_import(struct dv_lent *lent, const struct dv_context *ctx,
                               const dsvk_vulkan_import *params)
{
    dsvk_status status;
    TRY(read_instance(lent, ctx, params));
    if (!params->device || !params->queue)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "import: no %s is given",
                       params->device ? "queue" : "device");
    if (!says_who_submits(params))
        return dv_fail(ctx, DSVK_BAD_ARGUMENT,
                       "import: one of lock with unlock, queue_is_ours and queue_locks_itself has "
                       "to say who else submits to the queue");
    if (!params->extensions && params->n_extensions > 0)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "import: the list of %u extensions is missing",
                       params->n_extensions);
    lent->device       = params->device;
    lent->queue        = params->queue;
    lent->queue_family = params->queue_family;
    lent->extensions   = params->extensions;
    lent->n_extensions = params->n_extensions;
    if (params->features)
        lent->features = params->features;
    return DSVK_OK;
}

static void take_lock(struct dv_device *dev, const dsvk_vulkan_import *params)
{
    dev->lock      = params->lock;
    dev->unlock    = params->unlock;
    dev->lock_user = params->user;
}

dsvk_status dsvk_device_import(dsvk_device **out, const dsvk_vulkan_import *params)
{
    dsvk_status    status;
    struct dv_lent lent;
    dsvk_device   *device;
    if (!out)
        return DSVK_BAD_ARGUMENT;
    *out = NULL;
    if (!params)
        return DSVK_BAD_ARGUMENT;
    TRY(dv_handle_device(&device, &params->log, &params->allocator));
    TRY_OR(fail, read_import(&lent, &device->ctx, params));
    TRY_OR(fail, dv_instance_adopt(&device->instance, &device->ctx, &lent));
    TRY_OR(fail, dv_device_adopt(&device->dev, device->instance, &lent));
    take_lock(device->dev, params);
    uint32_t usual = params->queue_is_ours ? DV_USUAL_SLICE_US : SHARED_SLICE_US;
    TRY_OR(fail, dv_handle_begin(device, params->pipeline_cache, params->memory_limit,
                                 params->slice_us ? params->slice_us : usual));
    if (!params->queue_is_ours)
        dv_pace_set(device->pace, &(dsvk_pace){ .share = 1 });
    *out = device;
    return DSVK_OK;
fail:
    dsvk_device_close(device);
    return status;
}

/* ---- after a loss ---- */

static dsvk_status adopt_again(struct dv_device *dev, const void *with)
{
    dsvk_status               status;
    const dsvk_vulkan_import *again = with;
    struct dv_lent            lent;
    TRY(read_import(&lent, dev->ctx, again));
    TRY(dv_device_adopt_again(dev, &lent));
    take_lock(dev, again);
    return DSVK_OK;
}

dsvk_status dsvk_device_recover_imported(dsvk_device *device, const dsvk_vulkan_import *again,
                                         const dsvk_recover_params *params)
{
    struct dv_reopening how = { .reopen = adopt_again, .with = again, .lent = true };
    if (!device || !again)
        return DSVK_BAD_ARGUMENT;
    return dv_recover(device, &how, params);
}

/* ---- wishes ---- */

struct wishes {
    struct dv_context      ctx;
    struct dv_device_wish *wish;
    dsvk_vulkan_wishes     given;
};

dsvk_status dsvk_vulkan_wishes_new(dsvk_vulkan_wishes **out, const dsvk_vulkan_import *params)
{
    dsvk_status       status;
    struct dv_context ctx;
    struct dv_lent    lent;
    if (!out)
        return DSVK_BAD_ARGUMENT;
    *out = NULL;
    if (!params)
        return DSVK_BAD_ARGUMENT;
    dv_context_init(&ctx, &params->log, &params->allocator);
    TRY(read_instance(&lent, &ctx, params));
    struct wishes *w = dv_zalloc(&ctx, sizeof *w);
    if (!w)
        return dv_fail(&ctx, DSVK_NO_MEMORY, "import: no memory for wishes");
    w->ctx = ctx;
    status = dv_device_wish_new(&w->wish, &w->ctx, &lent);
    if (status != DSVK_OK) {
        dv_free(&ctx, w);
        return status;
    }
    w->given = (dsvk_vulkan_wishes){
        .features     = &w->wish->probe.features,
        .extensions   = w->wish->extensions,
        .n_extensions = w->wish->n_extensions,
        .queue_family = w->wish->queue_family,
    };
    *out = &w->given;
    return DSVK_OK;
}

void dsvk_vulkan_wishes_free(dsvk_vulkan_wishes *wishes)
{
    if (!wishes)
        return;
    struct wishes    *w   = (struct wishes *)((char *)wishes - offsetof(struct wishes, given));
    struct dv_context ctx = w->ctx;
    dv_free(&ctx, w->wish);
    dv_free(&ctx, w);
}

/* ---- our own ---- */

static void enter(void *lock)
{
    dv_monitor_enter(lock);
}

static void leave(void *lock)
{
    dv_monitor_leave(lock);
}

void dv_handle_lock(dsvk_device *device)
{
    device->dev->lock      = enter;
    device->dev->unlock    = leave;
    device->dev->lock_user = device->queue_lock;
}

void dsvk_device_vulkan(const dsvk_device *device, dsvk_vulkan_handles *handles)
{
    const struct dv_device *dev = device->dev;
    *handles                    = (dsvk_vulkan_handles){
                           .get          = dev->instance->vk.vkGetInstanceProcAddr,
                           .instance     = dev->instance->handle,
                           .physical     = dev->physical,
                           .device       = dev->handle,
                           .queue        = dev->queue,
                           .queue_family = dev->queue_family,
    };
}

void dsvk_device_lock_queue(const dsvk_device *device)
{
    if (device->dev->lock)
        device->dev->lock(device->dev->lock_user);
}

void dsvk_device_unlock_queue(const dsvk_device *device)
{
    if (device->dev->unlock)
        device->dev->unlock(device->dev->lock_user);
}
