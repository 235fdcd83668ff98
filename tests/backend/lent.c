/* SPDX-License-Identifier: MIT */
/* What an engine with buffers of its own has. */
#include "backend/lent.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void take_line(void *user, dsvk_log_level level, const char *line)
{
    struct lent *l = user;
    if (level != DSVK_LOG_ERROR)
        return;
    l->errors++;
    snprintf(l->line, sizeof l->line, "%s", line);
}

void lent_expect(struct lent *l, const char *words)
{
    char why[512];
    dsvk_device_why(l->device, why, sizeof why);
    if (l->errors != (words != NULL) || (words && !strstr(l->line, words)))
        fail_msg("%u lines, the last is \"%s\", expected \"%s\"", l->errors, l->line,
                 words ? words : "");
    if (words)
        assert_string_equal(why, l->line);
    l->errors = 0;
}

static void make_device(struct lent *l, const dsvk_allocator *allocator)
{
    dsvk_vulkan_wishes *wishes;
    dsvk_vulkan_import  given = application_lend(&l->app);
    assert_int_equal(dsvk_vulkan_wishes_new(&wishes, &given), DSVK_OK);
    l->app.family = wishes->queue_family;
    application_make(&l->app, wishes->features, wishes->extensions, wishes->n_extensions);
    given              = application_lend(&l->app);
    given.features     = wishes->features;
    given.extensions   = wishes->extensions;
    given.n_extensions = wishes->n_extensions;
    given.log          = (dsvk_log){ take_line, l, DSVK_LOG_ERROR };
    if (allocator)
        given.allocator = *allocator;
    assert_int_equal(dsvk_device_import(&l->device, &given), DSVK_OK);
    dsvk_vulkan_wishes_free(wishes);
}

static void find_types(struct lent *l)
{
    VkPhysicalDeviceMemoryProperties memory;
    VkMemoryPropertyFlags            wanted =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    PFN_vkGetPhysicalDeviceMemoryProperties read =
        (PFN_vkGetPhysicalDeviceMemoryProperties)l->app.get(l->app.instance,
                                                            "vkGetPhysicalDeviceMemoryProperties");
    read(l->app.physical, &memory);
    for (uint32_t i = 0; i < memory.memoryTypeCount; i++)
        if ((memory.memoryTypes[i].propertyFlags & wanted) == wanted)
            l->mapped_types |= 1u << i;
}

void lent_open(struct lent *l, const dsvk_allocator *allocator)
{
    memset(l, 0, sizeof *l);
    application_begin(&l->app);
    find_types(l);
    make_device(l, allocator);
#define F(name)                                                                                    \
    l->name = (PFN_vk##name)l->app.GetDeviceProcAddr(l->app.device, "vk" #name);                   \
    assert_non_null(l->name);
    LENT_FUNCTIONS(F)
#undef F
    VkSemaphoreTypeCreateInfo type = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                       .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE };
    VkSemaphoreCreateInfo     info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
                                       .pNext = &type };
    assert_int_equal(l->CreateSemaphore(l->app.device, &info, NULL, &l->timeline), VK_SUCCESS);
}

void lent_close(struct lent *l)
{
    /* Mesa 22's queues look at semaphores once more behind their last signal. */
    l->app.DeviceWaitIdle(l->app.device);
    dsvk_device_close(l->device);
    assert_int_equal(l->app.held, 0);
    l->DestroySemaphore(l->app.device, l->timeline, NULL);
    application_end(&l->app);
}

static uint32_t memory_type(uint32_t allowed)
{
    uint32_t type = 0;
    while (!(allowed >> type & 1))
        type++;
    return type;
}

/* Of the first types that the buffer may have one is mapped. */
static void allocate(struct lent *l, struct lent_buffer *b)
{
    VkMemoryRequirements      need;
    VkResult                  result  = VK_ERROR_UNKNOWN;
    VkMemoryAllocateFlagsInfo address = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
                                          .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT };
    l->GetBufferMemoryRequirements(l->app.device, b->handle, &need);
    for (uint32_t left = need.memoryTypeBits; left && result != VK_SUCCESS; left &= left - 1) {
        VkMemoryAllocateInfo info = { .sType           = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                      .pNext           = &address,
                                      .allocationSize  = need.size,
                                      .memoryTypeIndex = memory_type(left) };
        if (!(l->mapped_types >> info.memoryTypeIndex & 1))
            continue;
        result = l->AllocateMemory(l->app.device, &info, NULL, &b->memory);
    }
    assert_int_equal(result, VK_SUCCESS);
    assert_int_equal(l->BindBufferMemory(l->app.device, b->handle, b->memory, 0), VK_SUCCESS);
    void *mapped;
    assert_int_equal(l->MapMemory(l->app.device, b->memory, 0, VK_WHOLE_SIZE, 0, &mapped),
                     VK_SUCCESS);
    b->mapped = mapped;
}

struct lent_buffer lent_buffer(struct lent *l, uint64_t bytes)
{
    struct lent_buffer b    = { .bytes = bytes };
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size  = bytes,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                 VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT,
    };
    assert_int_equal(l->CreateBuffer(l->app.device, &info, NULL, &b.handle), VK_SUCCESS);
    allocate(l, &b);
    b.address = l->GetBufferDeviceAddress(
        l->app.device,
        &(VkBufferDeviceAddressInfo){ .sType  = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
                                      .buffer = b.handle });
    for (uint64_t i = 0; i < bytes / 4; i++)
        b.mapped[i] = NAN;
    return b;
}

void lent_buffer_free(struct lent *l, struct lent_buffer *b)
{
    l->DestroyBuffer(l->app.device, b->handle, NULL);
    l->FreeMemory(l->app.device, b->memory, NULL);
}

/* ---- copies ---- */

static void barrier(struct lent *l, VkCommandBuffer commands)
{
    VkMemoryBarrier all = { .sType         = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                            .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                            .dstAccessMask = VK_ACCESS_HOST_READ_BIT };
    l->CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0,
                          1, &all, 0, NULL, 0, NULL);
}

static VkCommandBuffer record(struct lent *l, struct lent_copy *copy)
{
    VkCommandBuffer         commands;
    VkCommandPoolCreateInfo pool = { .sType            = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                     .queueFamilyIndex = l->app.family };
    assert_int_equal(l->app.CreateCommandPool(l->app.device, &pool, NULL, &copy->pool), VK_SUCCESS);
    VkCommandBufferAllocateInfo one   = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                          .commandPool        = copy->pool,
                                          .commandBufferCount = 1 };
    VkCommandBufferBeginInfo    begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
    VkBufferCopy                all   = { .size = copy->bytes };
    assert_int_equal(l->app.AllocateCommandBuffers(l->app.device, &one, &commands), VK_SUCCESS);
    assert_int_equal(l->app.BeginCommandBuffer(commands, &begin), VK_SUCCESS);
    l->CmdCopyBuffer(commands, copy->from->handle, copy->to->handle, 1, &all);
    barrier(l, commands);
    assert_int_equal(l->app.EndCommandBuffer(commands), VK_SUCCESS);
    return commands;
}

void lent_copy(struct lent *l, struct lent_copy *copy)
{
    VkCommandBuffer               commands = record(l, copy);
    VkPipelineStageFlags          stage    = VK_PIPELINE_STAGE_TRANSFER_BIT;
    VkTimelineSemaphoreSubmitInfo values   = {
          .sType                     = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
          .waitSemaphoreValueCount   = 1,
          .pWaitSemaphoreValues      = &copy->wait,
          .signalSemaphoreValueCount = 1,
          .pSignalSemaphoreValues    = &copy->signal,
    };
    VkSubmitInfo info = { .sType                = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                          .pNext                = &values,
                          .waitSemaphoreCount   = 1,
                          .pWaitSemaphores      = &l->timeline,
                          .pWaitDstStageMask    = &stage,
                          .commandBufferCount   = 1,
                          .pCommandBuffers      = &commands,
                          .signalSemaphoreCount = 1,
                          .pSignalSemaphores    = &l->timeline };
    application_lock(&l->app);
    assert_int_equal(l->app.QueueSubmit(l->app.queue, 1, &info, VK_NULL_HANDLE), VK_SUCCESS);
    application_unlock(&l->app);
}

void lent_copy_free(struct lent *l, struct lent_copy *copy)
{
    l->app.DestroyCommandPool(l->app.device, copy->pool, NULL);
}

void lent_wait(struct lent *l, uint64_t value)
{
    VkSemaphoreWaitInfo info = { .sType          = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                 .semaphoreCount = 1,
                                 .pSemaphores    = &l->timeline,
                                 .pValues        = &value };
    assert_int_equal(l->WaitSemaphores(l->app.device, &info, 600000000000u), VK_SUCCESS);
}
