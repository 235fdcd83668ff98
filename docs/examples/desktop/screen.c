/* SPDX-License-Identifier: MIT */
/* Frames without shaders: the image is cleared, then glyphs are copied into it. One frame is under
 * way at a time, so that its time is known. */
#include <stdio.h>

#include "desktop.h"

/* ---- memory that the host sees ---- */

static uint32_t find_type(const struct screen *s, uint32_t allowed)
{
    const VkMemoryPropertyFlags wanted =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties(s->device->physical, &memory);
    uint32_t i = 0;
    while (!(allowed >> i & 1) || (memory.memoryTypes[i].propertyFlags & wanted) != wanted)
        i++; /* Vulkan promises one */
    return i;
}

static bool make_memory(const struct screen *s, struct memory *m, VkDeviceSize bytes,
                        VkBufferUsageFlags usage)
{
    VkDevice             device = s->device->handle;
    VkMemoryRequirements needs;
    VkBufferCreateInfo   info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                  .size  = bytes,
                                  .usage = usage };
    if (!device_check(vkCreateBuffer(device, &info, NULL, &m->buffer), "making a buffer"))
        return false;
    vkGetBufferMemoryRequirements(device, m->buffer, &needs);
    VkMemoryAllocateInfo what = { .sType           = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                  .allocationSize  = needs.size,
                                  .memoryTypeIndex = find_type(s, needs.memoryTypeBits) };
    void                *data;
    if (!device_check(vkAllocateMemory(device, &what, NULL, &m->memory), "allocating") ||
        !device_check(vkBindBufferMemory(device, m->buffer, m->memory, 0), "binding memory") ||
        !device_check(vkMapMemory(device, m->memory, 0, VK_WHOLE_SIZE, 0, &data), "mapping"))
        return false;
    m->data = data;
    return true;
}

static void free_memory(VkDevice device, struct memory *m)
{
    vkDestroyBuffer(device, m->buffer, NULL);
    vkFreeMemory(device, m->memory, NULL);
}

/* ---- making ---- */

static bool make_swapchain(struct screen *s)
{
    struct device           *d = s->device;
    VkSurfaceCapabilitiesKHR can;
    vkGetPhysicalDeviceSurfaceCapabilitiesKHR(d->physical, d->surface, &can);
    s->size                       = can.currentExtent;
    VkSwapchainCreateInfoKHR info = {
        .sType            = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
        .surface          = d->surface,
        .minImageCount    = can.minImageCount > 3 ? can.minImageCount : 3,
        .imageFormat      = VK_FORMAT_B8G8R8A8_UNORM, /* desktops have it */
        .imageColorSpace  = VK_COLOR_SPACE_SRGB_NONLINEAR_KHR,
        .imageExtent      = s->size,
        .imageArrayLayers = 1,
        .imageUsage       = VK_IMAGE_USAGE_TRANSFER_DST_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
        .preTransform     = can.currentTransform,
        .compositeAlpha   = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR,
        .presentMode      = VK_PRESENT_MODE_FIFO_KHR,
        .clipped          = VK_TRUE,
    };
    s->n_images = MOST_IMAGES;
    return device_check(vkCreateSwapchainKHR(d->handle, &info, NULL, &s->swapchain),
                        "making a swapchain") &&
           vkGetSwapchainImagesKHR(d->handle, s->swapchain, &s->n_images, s->images) == VK_SUCCESS;
}

static bool make_objects(struct screen *s)
{
    VkDevice                device = s->device->handle;
    VkSemaphoreCreateInfo   plain  = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO };
    VkFenceCreateInfo       fence  = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
    VkCommandPoolCreateInfo pool   = { .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO };
    pool.queueFamilyIndex          = s->device->family;
    bool fine = vkCreateSemaphore(device, &plain, NULL, &s->acquired) == VK_SUCCESS &&
                vkCreateFence(device, &fence, NULL, &s->fence) == VK_SUCCESS &&
                vkCreateCommandPool(device, &pool, NULL, &s->pool) == VK_SUCCESS;
    for (uint32_t i = 0; fine && i < s->n_images; i++)
        fine = vkCreateSemaphore(device, &plain, NULL, &s->drawn[i]) == VK_SUCCESS;
    VkCommandBufferAllocateInfo one = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO };
    one.commandPool                 = s->pool;
    one.commandBufferCount          = 1;
    return fine && vkAllocateCommandBuffers(device, &one, &s->commands) == VK_SUCCESS;
}

bool screen_make(struct screen *s, struct device *device, uint32_t glyph_bytes)
{
    *s        = (struct screen){ .device = device };
    bool fine = make_swapchain(s) && make_objects(s) &&
                make_memory(s, &s->glyphs, glyph_bytes, VK_BUFFER_USAGE_TRANSFER_SRC_BIT) &&
                make_memory(s, &s->picture, (VkDeviceSize)s->size.width * s->size.height * 4,
                            VK_BUFFER_USAGE_TRANSFER_DST_BIT);
    if (!fine)
        fprintf(stderr, "desktop: the screen cannot be made\n");
    return fine;
}

void screen_unmake(struct screen *s)
{
    if (!s->device || !s->device->handle)
        return;
    VkDevice device = s->device->handle;
    SDL_LockMutex(s->device->lock);
    vkQueueWaitIdle(s->device->queue);
    SDL_UnlockMutex(s->device->lock);
    free_memory(device, &s->picture);
    free_memory(device, &s->glyphs);
    vkDestroyCommandPool(device, s->pool, NULL);
    vkDestroyFence(device, s->fence, NULL);
    vkDestroySemaphore(device, s->acquired, NULL);
    for (uint32_t i = 0; i < s->n_images; i++)
        vkDestroySemaphore(device, s->drawn[i], NULL);
    vkDestroySwapchainKHR(device, s->swapchain, NULL);
    *s = (struct screen){ 0 };
}

/* ---- a frame ---- */

static void move_image(const struct screen *s, VkImage image, const VkImageMemoryBarrier *to)
{
    VkImageMemoryBarrier barrier = *to;
    bool                 shown   = to->newLayout == VK_IMAGE_LAYOUT_PRESENT_SRC_KHR;
    barrier.sType                = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER;
    barrier.srcQueueFamilyIndex  = VK_QUEUE_FAMILY_IGNORED;
    barrier.dstQueueFamilyIndex  = VK_QUEUE_FAMILY_IGNORED;
    barrier.image                = image;
    barrier.subresourceRange = (VkImageSubresourceRange){ VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 };
    vkCmdPipelineBarrier(s->commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                         shown ? VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT
                               : VK_PIPELINE_STAGE_TRANSFER_BIT,
                         0, 0, NULL, 0, NULL, 1, &barrier);
}

static void copy_picture(const struct screen *s, VkImage image)
{
    VkBufferImageCopy whole = { .imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
                                .imageExtent      = { s->size.width, s->size.height, 1 } };
    VkMemoryBarrier   seen  = { .sType         = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                                .dstAccessMask = VK_ACCESS_HOST_READ_BIT };
    vkCmdCopyImageToBuffer(s->commands, image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                           s->picture.buffer, 1, &whole);
    vkCmdPipelineBarrier(s->commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0,
                         1, &seen, 0, NULL, 0, NULL);
}

static void record(const struct screen *s, VkImage image, const struct cells *cells, bool keep)
{
    const VkImageLayout      writing = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
    VkCommandBufferBeginInfo begin   = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                         .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT };
    VkImageSubresourceRange  whole   = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 };
    VkClearColorValue        paper   = { .float32 = { 24 / 255.f, 24 / 255.f, 24 / 255.f, 1 } };
    vkBeginCommandBuffer(s->commands, &begin);
    move_image(s, image,
               &(VkImageMemoryBarrier){ .dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                                        .oldLayout     = VK_IMAGE_LAYOUT_UNDEFINED,
                                        .newLayout     = writing });
    vkCmdClearColorImage(s->commands, image, writing, &paper, 1, &whole);
    move_image(s, image,
               &(VkImageMemoryBarrier){ .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                                        .dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                                        .oldLayout     = writing,
                                        .newLayout     = writing });
    vkCmdCopyBufferToImage(s->commands, s->glyphs.buffer, image, writing, cells->n, cells->copies);
    move_image(s, image,
               &(VkImageMemoryBarrier){ .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                                        .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT,
                                        .oldLayout     = writing,
                                        .newLayout     = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL });
    if (keep)
        copy_picture(s, image);
    move_image(s, image,
               &(VkImageMemoryBarrier){ .oldLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                                        .newLayout = VK_IMAGE_LAYOUT_PRESENT_SRC_KHR });
    vkEndCommandBuffer(s->commands);
}

/* The only two uses of the queue, each with the lock. */
static VkResult submit_and_present(struct screen *s, uint32_t index)
{
    VkPipelineStageFlags copies = VK_PIPELINE_STAGE_TRANSFER_BIT;
    VkSubmitInfo         info   = { .sType                = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                    .waitSemaphoreCount   = 1,
                                    .pWaitSemaphores      = &s->acquired,
                                    .pWaitDstStageMask    = &copies,
                                    .commandBufferCount   = 1,
                                    .pCommandBuffers      = &s->commands,
                                    .signalSemaphoreCount = 1,
                                    .pSignalSemaphores    = &s->drawn[index] };
    VkPresentInfoKHR     show   = { .sType              = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                                    .waitSemaphoreCount = 1,
                                    .pWaitSemaphores    = &s->drawn[index],
                                    .swapchainCount     = 1,
                                    .pSwapchains        = &s->swapchain,
                                    .pImageIndices      = &index };
    SDL_LockMutex(s->device->lock);
    VkResult result = vkQueueSubmit(s->device->queue, 1, &info, s->fence);
    SDL_UnlockMutex(s->device->lock);
    if (result != VK_SUCCESS)
        return result;
    SDL_LockMutex(s->device->lock);
    VkResult shown = vkQueuePresentKHR(s->device->queue, &show);
    SDL_UnlockMutex(s->device->lock);
    result = vkWaitForFences(s->device->handle, 1, &s->fence, VK_TRUE, UINT64_MAX);
    if (result == VK_SUCCESS)
        result = vkResetFences(s->device->handle, 1, &s->fence);
    return result != VK_SUCCESS ? result : shown;
}

VkResult screen_frame(struct screen *s, const struct cells *cells, bool keep_picture)
{
    uint32_t index;
    VkResult result = vkAcquireNextImageKHR(s->device->handle, s->swapchain, UINT64_MAX,
                                            s->acquired, VK_NULL_HANDLE, &index);
    if (result != VK_SUCCESS && result != VK_SUBOPTIMAL_KHR)
        return result;
    vkResetCommandPool(s->device->handle, s->pool, 0);
    record(s, s->images[index], cells, keep_picture);
    return submit_and_present(s, index);
}

bool screen_write_picture(const struct screen *s, const char *name)
{
    FILE *file = fopen(name, "wb");
    if (!file) {
        perror(name);
        return false;
    }
    fprintf(file, "P6\n%u %u\n255\n", s->size.width, s->size.height);
    for (uint32_t i = 0; i < s->size.width * s->size.height; i++) {
        const uint8_t *pixel = s->picture.data + (size_t)i * 4;
        fwrite((uint8_t[3]){ pixel[2], pixel[1], pixel[0] }, 1, 3, file);
    }
    return fclose(file) == 0;
}
