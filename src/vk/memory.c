/* SPDX-License-Identifier: MIT */
/* Buffers and their memory: the only file that allocates device memory. One allocation a
 * buffer: the planner makes few and large ones, and drivers allow 4096. */
#include "vk/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "base/text.h"

#define DOING_BYTES 160
#define ADDRESS_ALIGN 256u

static dsvk_status check_size(struct dv_device *dev, uint64_t bytes, enum dv_memory kind,
                              const char *what)
{
    const struct dv_caps *caps  = &dev->caps;
    uint64_t              limit = dv_min(caps->max_buffer, caps->max_allocation);
    if (bytes == 0)
        return dv_fail(dev->ctx, DSVK_BAD_ARGUMENT, "memory: %s: a buffer of 0 bytes", what);
    if (bytes > limit)
        return dv_fail(dev->ctx, DSVK_NO_VRAM,
                       "memory: %s: %" PRIu64 " bytes, the device allows %" PRIu64
                       " in one allocation",
                       what, bytes, limit);
    uint64_t free = dev->bytes_limit > dev->bytes_used ? dev->bytes_limit - dev->bytes_used : 0;
    if (kind == DV_MEMORY_DEVICE && dev->bytes_limit && bytes > free)
        return dv_fail(dev->ctx, DSVK_NO_VRAM,
                       "memory: %s: %" PRIu64 " bytes, of the limit of %" PRIu64 " only %" PRIu64
                       " are free",
                       what, bytes, dev->bytes_limit, free);
    return DSVK_OK;
}

static bool no_memory(VkResult result)
{
    return result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY ||
           result == VK_ERROR_TOO_MANY_OBJECTS || result == VK_ERROR_MEMORY_MAP_FAILED;
}

/* The driver's answer as a status. No host memory for the device is no failure of the caller's. */
static dsvk_status answer(struct dv_device *dev, enum dv_memory kind, VkResult result,
                          const char *doing)
{
    if (kind == DV_MEMORY_HOST && no_memory(result))
        return DSVK_NO_VRAM;
    return dv_device_result(dev, result, doing);
}

static dsvk_status create_buffer(struct dv_buffer *buffer, enum dv_memory kind, const char *doing)
{
    struct dv_device  *dev  = buffer->dev;
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size  = dv_round_up(buffer->bytes, 4), /* fills are in words */
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT |
                 VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                 VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT,
        .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
    };
    VkResult result = dev->vk.vkCreateBuffer(dev->handle, &info, NULL, &buffer->handle);
    return answer(dev, kind, result, doing);
}

/* Memory of a type for the buffer, mapped where the host can see it; all of it or none. */
static VkResult take(struct dv_buffer *buffer, uint32_t type, VkDeviceSize bytes, bool mapped)
{
    struct dv_device                     *dev      = buffer->dev;
    VkMemoryPropertyFlags                 has      = dev->memory.memoryTypes[type].propertyFlags;
    VkDeviceMemory                        memory   = VK_NULL_HANDLE;
    const VkMemoryPriorityAllocateInfoEXT priority = {
        .sType    = VK_STRUCTURE_TYPE_MEMORY_PRIORITY_ALLOCATE_INFO_EXT,
        .priority = dev->memory_priority,
    };
    const VkMemoryAllocateFlagsInfo address = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
        .pNext = dev->memory_priority > 0 ? &priority : NULL,
        .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
    };
    const VkMemoryAllocateInfo info = {
        .sType           = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .pNext           = &address,
        .allocationSize  = bytes,
        .memoryTypeIndex = type,
    };
    VkResult result = dev->vk.vkAllocateMemory(dev->handle, &info, NULL, &memory);
    if (result != VK_SUCCESS)
        return result;
    if (mapped && has & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) {
        result = dev->vk.vkMapMemory(dev->handle, memory, 0, VK_WHOLE_SIZE, 0, &buffer->mapped);
        if (result != VK_SUCCESS) {
            buffer->mapped = NULL;
            dev->vk.vkFreeMemory(dev->handle, memory, NULL);
            return result;
        }
        buffer->cached = has & VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    }
    buffer->memory = memory;
    return VK_SUCCESS;
}

/* Drivers may have less memory that the host sees than the heap is large. What it does not see is
 * filled through staging memory. */
static VkResult take_either(struct dv_buffer *buffer, const VkMemoryRequirements *need,
                            uint32_t type, const char *doing)
{
    struct dv_device *dev    = buffer->dev;
    VkResult          result = take(buffer, type, need->size, !dev->unmapped);
    uint32_t          hidden = dv_memory_type_hidden(&dev->memory, need->memoryTypeBits);
    if (!no_memory(result) || hidden == type || hidden == DV_NO_TYPE)
        return result;
    dv_log(dev->ctx, DSVK_LOG_DEBUG, "memory: %s: not where the host sees it", doing);
    return take(buffer, hidden, need->size, false);
}

/* A window into device memory may be full; the memory of the host does as well. */
static VkResult take_step(struct dv_buffer *buffer, const VkMemoryRequirements *need, uint32_t type,
                          const char *doing)
{
    struct dv_device *dev    = buffer->dev;
    VkResult          result = take(buffer, type, need->size, true);
    uint32_t          other  = dv_memory_type(&dev->memory, need->memoryTypeBits, DV_MEMORY_UPLOAD);
    if (!no_memory(result) || other == type || other == DV_NO_TYPE)
        return result;
    dv_log(dev->ctx, DSVK_LOG_DEBUG, "memory: %s: in host memory", doing);
    return take(buffer, other, need->size, true);
}

static dsvk_status allocate(struct dv_buffer *buffer, enum dv_memory kind, bool zero,
                            const char *doing)
{
    struct dv_device    *dev = buffer->dev;
    dsvk_status          status;
    VkMemoryRequirements need;
    dev->vk.vkGetBufferMemoryRequirements(dev->handle, buffer->handle, &need);
    uint32_t type = dv_memory_type(&dev->memory, need.memoryTypeBits, kind);
    if (type == DV_NO_TYPE && kind == DV_MEMORY_HOST)
        return DSVK_NO_VRAM;
    if (type == DV_NO_TYPE)
        return dv_fail(dev->ctx, DSVK_UNSUPPORTED, "memory: %s: the device has no such memory type",
                       doing);
    VkResult result = kind == DV_MEMORY_DEVICE ? take_either(buffer, &need, type, doing)
                      : kind == DV_MEMORY_STEP ? take_step(buffer, &need, type, doing)
                                               : take(buffer, type, need.size, true);
    TRY(answer(dev, kind, result, doing));
    buffer->counted = kind == DV_MEMORY_DEVICE;
    if (buffer->counted)
        dev->bytes_used += buffer->bytes;
    result = dev->vk.vkBindBufferMemory(dev->handle, buffer->handle, buffer->memory, 0);
    TRY(answer(dev, kind, result, doing));
    if (zero && buffer->mapped)
        memset(buffer->mapped, 0, (size_t)buffer->bytes);
    return DSVK_OK;
}

dsvk_status dv_buffer_new(struct dv_buffer **out, struct dv_device *dev, uint64_t bytes,
                          enum dv_memory memory, const char *what)
{
    dsvk_status status;
    char        doing[DOING_BYTES], size[DV_SIZE_BYTES];
    bool        zero = memory != DV_MEMORY_RAW && memory != DV_MEMORY_HOST;
    snprintf(doing, sizeof doing, "allocating %s MiB for %s", dv_text_fixed(size, dv_mib(bytes), 3),
             what);
    *out = NULL;
    if (memory == DV_MEMORY_RAW)
        memory = DV_MEMORY_DEVICE;
    TRY(dv_device_check(dev, doing));
    TRY(check_size(dev, bytes, memory, what));
    struct dv_buffer *buffer = dv_zalloc(dev->ctx, sizeof *buffer);
    if (!buffer)
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "memory: %s: no room for its header", what);
    buffer->dev   = dev;
    buffer->bytes = bytes;
    TRY_OR(fail, create_buffer(buffer, memory, doing));
    TRY_OR(fail, allocate(buffer, memory, zero, doing));
    buffer->address = dev->vk.vkGetBufferDeviceAddress(
        dev->handle,
        &(VkBufferDeviceAddressInfo){ .sType  = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
                                      .buffer = buffer->handle });
    if (buffer->address % ADDRESS_ALIGN) {
        status =
            dv_fail(dev->ctx, DSVK_UNSUPPORTED,
                    "memory: %s: the driver put it at 0x%" PRIx64 ", which is no multiple of %u",
                    what, buffer->address, ADDRESS_ALIGN);
        goto fail;
    }
    *out = buffer;
    return DSVK_OK;
fail:
    dv_buffer_free(buffer);
    return status;
}

void dv_buffer_free(struct dv_buffer *buffer)
{
    if (!buffer)
        return;
    struct dv_device *dev = buffer->dev;
    if (buffer->counted)
        dev->bytes_used -= buffer->bytes;
    if (buffer->handle && !dev->hung)
        dev->vk.vkDestroyBuffer(dev->handle, buffer->handle, NULL);
    if (buffer->memory && !dev->hung)
        dev->vk.vkFreeMemory(dev->handle, buffer->memory, NULL); /* ends the mapping too */
    dv_free(dev->ctx, buffer);
}
