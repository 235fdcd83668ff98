/* SPDX-License-Identifier: MIT */
/* Recorded command buffers: dispatches, barriers and copies. Only global memory barriers are
 * used, between compute, transfer and host; parameters go into push constants. */
#include "vk/commands.h"

#include <assert.h>

#define COMPUTE VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT
#define INDIRECT VK_PIPELINE_STAGE_DRAW_INDIRECT_BIT
#define TRANSFER VK_PIPELINE_STAGE_TRANSFER_BIT
#define HOST VK_PIPELINE_STAGE_HOST_BIT

dsvk_status dv_commands_new(struct dv_commands **out, struct dv_device *dev)
{
    dsvk_status status;
    *out = NULL;
    TRY(dv_device_check(dev, "making a command buffer"));
    struct dv_commands *commands = dv_zalloc(dev->ctx, sizeof *commands);
    if (!commands)
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "commands: no room for its header");
    commands->dev                = dev;
    VkCommandPoolCreateInfo pool = {
        .sType            = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .queueFamilyIndex = dev->queue_family,
    };
    VkResult result = dev->vk.vkCreateCommandPool(dev->handle, &pool, NULL, &commands->pool);
    TRY_OR(fail, dv_device_result(dev, result, "making a command pool"));
    VkCommandBufferAllocateInfo info = {
        .sType              = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool        = commands->pool,
        .level              = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    result = dev->vk.vkAllocateCommandBuffers(dev->handle, &info, &commands->handle);
    TRY_OR(fail, dv_device_result(dev, result, "making a command buffer"));
    *out = commands;
    return DSVK_OK;
fail:
    dv_commands_free(commands);
    return status;
}

void dv_commands_free(struct dv_commands *commands)
{
    if (!commands)
        return;
    struct dv_device *dev = commands->dev;
    if (commands->queries && !dev->hung)
        dev->vk.vkDestroyQueryPool(dev->handle, commands->queries, NULL);
    if (commands->pool && !dev->hung)
        dev->vk.vkDestroyCommandPool(dev->handle, commands->pool, NULL);
    dv_free(dev->ctx, commands);
}

dsvk_status dv_commands_begin(struct dv_commands *commands)
{
    struct dv_device *dev = commands->dev;
    dsvk_status       status;
    TRY(dv_device_check(dev, "beginning a recording"));
    VkResult result = dev->vk.vkResetCommandPool(dev->handle, commands->pool, 0);
    TRY(dv_device_result(dev, result, "clearing a recording"));
    VkCommandBufferBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT, /* may be queued twice */
    };
    result = dev->vk.vkBeginCommandBuffer(commands->handle, &info);
    TRY(dv_device_result(dev, result, "beginning a recording"));
    /* Barriers reach back over earlier submissions: this one makes them visible here. */
    dv_commands_barrier_all(commands);
    commands->n_dispatches  = 0;
    commands->n_barriers    = 0;
    commands->queries_reset = false;
    return DSVK_OK;
}

dsvk_status dv_commands_end(struct dv_commands *commands)
{
    struct dv_device *dev = commands->dev;
    return dv_device_result(dev, dev->vk.vkEndCommandBuffer(commands->handle),
                            "ending a recording");
}

static void bind(struct dv_commands *commands, const struct dv_pipeline *pipeline, const void *push)
{
    struct dv_device *dev = commands->dev;
    dev->vk.vkCmdBindPipeline(commands->handle, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->handle);
    if (pipeline->params.push_bytes > 0)
        dev->vk.vkCmdPushConstants(commands->handle, dev->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                                   pipeline->params.push_bytes, push);
    commands->n_dispatches++;
}

void dv_commands_dispatch(struct dv_commands *commands, const struct dv_pipeline *pipeline,
                          const void *push, uint32_t x, uint32_t y, uint32_t z)
{
    struct dv_device *dev = commands->dev;
    assert(x <= dev->caps.max_groups[0] && y <= dev->caps.max_groups[1] &&
           z <= dev->caps.max_groups[2]);
    bind(commands, pipeline, push);
    dev->vk.vkCmdDispatch(commands->handle, x, y, z);
}

void dv_commands_dispatch_indirect(struct dv_commands *commands, const struct dv_pipeline *pipeline,
                                   const void *push, const struct dv_buffer *buffer,
                                   uint64_t offset)
{
    assert(offset % 4 == 0 && offset + sizeof(VkDispatchIndirectCommand) <= buffer->bytes);
    bind(commands, pipeline, push);
    commands->dev->vk.vkCmdDispatchIndirect(commands->handle, buffer->handle, offset);
}

/* Of storage alone: no kernel writes constants, which a GPU may keep in a cache of their own. */
static bool storage_barrier(struct dv_commands *commands)
{
    const struct VolkDeviceTable *vk    = &commands->dev->vk;
    PFN_vkCmdPipelineBarrier2     write = vk->vkCmdPipelineBarrier2KHR;
    if (!write)
        write = vk->vkCmdPipelineBarrier2; /* of Vulkan 1.3 */
    if (!commands->dev->caps.storage_barriers || !write)
        return false;
    const VkMemoryBarrier2 memory = {
        .sType         = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
        .srcStageMask  = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
        .srcAccessMask = VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT,
        .dstStageMask  = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
        .dstAccessMask = VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT,
    };
    write(commands->handle, &(VkDependencyInfo){ .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
                                                 .memoryBarrierCount = 1,
                                                 .pMemoryBarriers    = &memory });
    commands->n_barriers++;
    return true;
}

static void barrier(struct dv_commands *commands, VkPipelineStageFlags from,
                    VkAccessFlags from_access, VkPipelineStageFlags to, VkAccessFlags to_access)
{
    commands->dev->vk.vkCmdPipelineBarrier(commands->handle, from, to, 0, 1,
                                           &(VkMemoryBarrier){
                                               .sType         = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                               .srcAccessMask = from_access,
                                               .dstAccessMask = to_access,
                                           },
                                           0, NULL, 0, NULL);
    commands->n_barriers++;
}

void dv_commands_barrier(struct dv_commands *commands)
{
    if (!storage_barrier(commands))
        barrier(commands, COMPUTE, VK_ACCESS_SHADER_WRITE_BIT, COMPUTE,
                VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
}

void dv_commands_barrier_all(struct dv_commands *commands)
{
    barrier(commands, COMPUTE | INDIRECT | TRANSFER,
            VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
            COMPUTE | INDIRECT | TRANSFER | HOST,
            VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                VK_ACCESS_INDIRECT_COMMAND_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT |
                VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT);
}

void dv_commands_copy(struct dv_commands *commands, const struct dv_buffer *from,
                      uint64_t from_offset, const struct dv_buffer *to, uint64_t to_offset,
                      uint64_t bytes)
{
    assert(from_offset + bytes <= from->bytes && to_offset + bytes <= to->bytes);
    commands->dev->vk.vkCmdCopyBuffer(commands->handle, from->handle, to->handle, 1,
                                      &(VkBufferCopy){ from_offset, to_offset, bytes });
}
