/* SPDX-License-Identifier: MIT */
/* The logical device, with the features that kernels use and no other. A lost device is
 * remembered: every later call answers DEVICE_LOST at once. */
#include "vk/device_parts.h"

#include <string.h>

#include "vk/background.h"
#include "vk/cache_file.h"
#include "vk/stream.h"

#define PUSH_BYTES 128u /* what every device has */
#define WAIT_NS 60000000000u
/* Software devices compile kernels inside the first submission that uses them, and share the
 * processor with everyone: 75 s were seen for one pass on a busy machine. */
#define SOFTWARE_WAIT_NS 600000000000u

static const char *result_name(VkResult result)
{
#define NAME(x)                                                                                    \
    case x:                                                                                        \
        return #x;
    switch (result) {
        NAME(VK_NOT_READY)
        NAME(VK_TIMEOUT)
        NAME(VK_INCOMPLETE)
        NAME(VK_ERROR_INITIALIZATION_FAILED)
        NAME(VK_ERROR_LAYER_NOT_PRESENT)
        NAME(VK_ERROR_EXTENSION_NOT_PRESENT)
        NAME(VK_ERROR_FEATURE_NOT_PRESENT)
        NAME(VK_ERROR_INCOMPATIBLE_DRIVER)
        NAME(VK_ERROR_FRAGMENTED_POOL)
        NAME(VK_ERROR_OUT_OF_POOL_MEMORY)
        NAME(VK_ERROR_FRAGMENTATION)
        NAME(VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS)
        NAME(VK_PIPELINE_COMPILE_REQUIRED)
        NAME(VK_ERROR_INVALID_SHADER_NV)
        NAME(VK_ERROR_UNKNOWN)
    default:
        return "an unknown VkResult";
    }
#undef NAME
}

dsvk_status dv_device_result(struct dv_device *dev, VkResult result, const char *doing)
{
    switch (result) {
    case VK_SUCCESS:
        return DSVK_OK;
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
        return dv_fail(dev->ctx, DSVK_NO_VRAM, "device: %s: out of device memory", doing);
    case VK_ERROR_OUT_OF_HOST_MEMORY:
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "device: %s: the driver is out of host memory",
                       doing);
    case VK_ERROR_MEMORY_MAP_FAILED: /* address space of this process: worth another try later */
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "device: %s: the driver cannot map memory", doing);
    case VK_ERROR_TOO_MANY_OBJECTS:
        return dv_fail(dev->ctx, DSVK_NO_VRAM, "device: %s: the device has too many allocations",
                       doing);
    case VK_ERROR_DEVICE_LOST:
        /* What is queued must have ended before anyone frees what it uses. A device that is
         * really lost answers at once. */
        if (!dev->lost)
            dv_device_settle(dev);
        dev->lost = true;
        return dv_fail(dev->ctx, DSVK_DEVICE_LOST, "device: %s: \"%s\" was lost", doing,
                       dev->caps.name);
    default:
        return dv_fail(dev->ctx, DSVK_UNSUPPORTED, "device: %s: %s (%d)", doing,
                       result_name(result), (int)result);
    }
}

dsvk_status dv_device_check(struct dv_device *dev, const char *doing)
{
    if (dev->lost)
        return dv_fail(dev->ctx, DSVK_DEVICE_LOST, "device: %s: \"%s\" was lost earlier", doing,
                       dev->caps.name);
    return DSVK_OK;
}

/* A driver may refuse a priority that it has, even a low one. */
static VkResult create_or_without_priority(struct dv_device *dev, const VkDeviceCreateInfo *info,
                                           VkDeviceQueueCreateInfo *queue)
{
    PFN_vkCreateDevice make   = dev->instance->vk.vkCreateDevice;
    VkResult           result = make(dev->physical, info, NULL, &dev->handle);
    bool refused = result == VK_ERROR_NOT_PERMITTED_KHR || /* or by a driver that offers it */
                   result == VK_ERROR_INITIALIZATION_FAILED;
    if (!refused || !queue->pNext)
        return result;
    dv_log(dev->ctx, DSVK_LOG_DEBUG, "device: the driver permits no queue of low priority");
    queue->pNext = NULL;
    return make(dev->physical, info, NULL, &dev->handle);
}

static dsvk_status create(struct dv_device *dev, struct dv_probe *probe)
{
    const struct dv_instance *instance = dev->instance;
    dsvk_status               status;
    const char               *extensions[DV_MOST_EXTENSIONS];
    struct dv_background      background;
    VkDeviceQueueCreateInfo   queue = { .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO };
    VkDeviceCreateInfo        info  = { .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO };
    queue.queueFamilyIndex          = dev->queue_family;
    queue.queueCount                = 1;
    queue.pQueuePriorities          = &(float){ 0.5f };
    info.pNext                      = &probe->features;
    info.queueCreateInfoCount       = 1;
    info.pQueueCreateInfos          = &queue;
    info.ppEnabledExtensionNames    = extensions;
    info.enabledExtensionCount      = dv_extensions_choose(extensions, probe, &dev->caps);
    dv_features_choose(probe, &dev->caps);
    if (dev->background)
        dv_background_choose(&background, dev, probe, &queue, &info, extensions);
    VkResult result = create_or_without_priority(dev, &info, &queue);
    if (result != VK_SUCCESS) {
        dev->handle = VK_NULL_HANDLE;
        return dv_device_result(dev, result, "opening it");
    }
    TRY(dv_device_table_load(&dev->vk, dev->ctx, dev->handle, instance->vk.vkGetDeviceProcAddr));
    dev->vk.vkGetDeviceQueue(dev->handle, dev->queue_family, 0, &dev->queue);
    return DSVK_OK;
}

dsvk_status dv_device_make_shared(struct dv_device *dev)
{
    dsvk_status               status;
    VkPipelineCacheCreateInfo cache = { .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO };
    VkResult result = dev->vk.vkCreatePipelineCache(dev->handle, &cache, NULL, &dev->cache);
    TRY(dv_device_result(dev, result, "making a pipeline cache"));
    VkPushConstantRange        range  = { VK_SHADER_STAGE_COMPUTE_BIT, 0, PUSH_BYTES };
    VkPipelineLayoutCreateInfo layout = {
        .sType                  = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges    = &range,
    };
    result = dev->vk.vkCreatePipelineLayout(dev->handle, &layout, NULL, &dev->layout);
    return dv_device_result(dev, result, "making the pipeline layout");
}

static void read_key(struct dv_pipeline_key *key, const struct dv_probe *probe)
{
    const VkPhysicalDeviceProperties *p = &probe->properties.properties;

    *key = (struct dv_pipeline_key){ .vendor         = p->vendorID,
                                     .device         = p->deviceID,
                                     .driver         = (uint32_t)probe->driver.driverID,
                                     .driver_version = p->driverVersion };
    memcpy(key->uuid, p->pipelineCacheUUID, sizeof key->uuid);
}

dsvk_status dv_device_meet(struct dv_device *dev, struct dv_probe *probe,
                           const struct dv_caps *caps)
{
    dsvk_status status;
    dev->caps         = *caps;
    dev->queue_family = caps->queue_family;
    dev->wait_ns      = caps->is_software ? SOFTWARE_WAIT_NS : WAIT_NS;
    TRY(dv_probe_read(probe, dev->instance, dev->physical));
    dev->memory = probe->memory.memoryProperties;
    read_key(&dev->key, probe);
    return DSVK_OK;
}

dsvk_status dv_device_create(struct dv_device *dev, const struct dv_caps *caps)
{
    dsvk_status      status;
    struct dv_probe *probe = dv_zalloc(dev->ctx, sizeof *probe);
    if (!probe)
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "device: no room for what it answers");
    TRY_OR(fail, dv_device_meet(dev, probe, caps));
    TRY_OR(fail, create(dev, probe));
    status = dv_device_make_shared(dev);
fail:
    dv_free(dev->ctx, probe);
    return status;
}

dsvk_status dv_device_new(struct dv_device **out, struct dv_instance *instance, uint32_t index)
{
    return dv_device_new_beside(out, instance, index, false);
}

dsvk_status dv_device_new_beside(struct dv_device **out, struct dv_instance *instance,
                                 uint32_t index, bool background)
{
    const struct dv_context *ctx = instance->ctx;
    dsvk_status              status;
    *out = NULL;
    if (index >= instance->n_physical)
        return dv_fail(ctx, DSVK_NO_DEVICE, "device: there is no device %u, only %u of them", index,
                       instance->n_physical);
    if (!instance->caps[index].usable)
        return dv_fail(ctx, DSVK_UNSUPPORTED, "device: \"%s\": %s", instance->caps[index].name,
                       instance->caps[index].why_not);
    struct dv_device *dev = dv_zalloc(ctx, sizeof *dev);
    if (!dev)
        return dv_fail(ctx, DSVK_NO_MEMORY, "device: no room for its header");
    dev->ctx        = ctx;
    dev->instance   = instance;
    dev->physical   = instance->physical[index];
    dev->background = background;
    status          = dv_device_create(dev, &instance->caps[index]);
    if (status == DSVK_OK)
        *out = dev;
    else
        dv_device_free(dev);
    return status;
}

void dv_device_destroy(struct dv_device *dev)
{
    if (dev->hung) /* a driver with running work must also stay loaded */
        dev->instance->hung = true;
    while (dev->pipelines) {
        struct dv_pipeline *pipeline = dev->pipelines;
        dev->pipelines               = pipeline->next;
        if (!dev->hung)
            dev->vk.vkDestroyPipeline(dev->handle, pipeline->handle, NULL);
        dv_free(dev->ctx, pipeline);
    }
    if (dev->layout && !dev->hung)
        dev->vk.vkDestroyPipelineLayout(dev->handle, dev->layout, NULL);
    if (dev->cache && !dev->hung)
        dev->vk.vkDestroyPipelineCache(dev->handle, dev->cache, NULL);
    if (dev->handle && dev->vk.vkDestroyDevice && !dev->hung && !dev->lent)
        dev->vk.vkDestroyDevice(dev->handle, NULL);
    dev->layout = VK_NULL_HANDLE;
    dev->cache  = VK_NULL_HANDLE;
    dev->handle = VK_NULL_HANDLE;
}

void dv_device_free(struct dv_device *dev)
{
    if (!dev)
        return;
    if (!dev->hung)
        dv_cache_file_save(dev);
    dv_cache_file_free(dev);
    dv_device_destroy(dev);
    dv_free(dev->ctx, dev);
}
