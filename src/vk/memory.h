/* SPDX-License-Identifier: MIT */
/* Buffers: the only place that allocates device memory.
 *
 * Threads: those of the device; several may write to different parts of `mapped`. */
#ifndef DV_VK_MEMORY_H
#define DV_VK_MEMORY_H

#include "vk/device.h"

enum dv_memory {
    DV_MEMORY_DEVICE,   /* device-local; mapped too where that heap is and while the driver can */
    DV_MEMORY_UPLOAD,   /* host-visible, coherent: the host writes, the device reads */
    DV_MEMORY_STEP,     /* like UPLOAD, but device-local where the host can write there */
    DV_MEMORY_READBACK, /* host-visible, coherent, cached where there is such: the reverse */
    DV_MEMORY_RAW,      /* like DEVICE but not zeroed: the caller writes before it reads */
    DV_MEMORY_HOST,     /* like READBACK but not zeroed: host memory that kernels read in place */
};

#define DV_NO_TYPE UINT32_MAX

/* The largest device-local heap, so never a window of 256 MiB; DV_NO_TYPE: there is none. */
uint32_t dv_memory_heap(const VkPhysicalDeviceMemoryProperties *memory);
/* The memory type, among those of the bits `allowed`, that buffers of a kind get, or DV_NO_TYPE. */
uint32_t dv_memory_type(const VkPhysicalDeviceMemoryProperties *memory, uint32_t allowed,
                        enum dv_memory kind);
/* The same for device memory that the host does not see. */
uint32_t dv_memory_type_hidden(const VkPhysicalDeviceMemoryProperties *memory, uint32_t allowed);

struct dv_buffer {
    struct dv_device *dev;
    VkBuffer          handle;
    VkDeviceMemory    memory;
    uint64_t          address; /* multiple of 256 */
    uint64_t          bytes;
    void             *mapped;  /* NULL when the host cannot see it */
    bool              cached;  /* mapped, and fast to read for the host */
    bool              counted; /* in dev->bytes_used */
};

/* One allocation, one buffer: storage, indirect, transfer source and target, device address. Zeroed
 * where the host can see it, but for RAW and HOST; elsewhere the caller writes before it reads.
 * NO_VRAM with the numbers when bytes_limit or the driver says no. `what` names it in messages.
 * Fails with BAD_ARGUMENT for 0 bytes. For HOST, without which there is another way, NO_VRAM comes
 * without a line when the driver has no such memory. */
dsvk_status dv_buffer_new(struct dv_buffer **out, struct dv_device *dev, uint64_t bytes,
                          enum dv_memory memory, const char *what);
void        dv_buffer_free(struct dv_buffer *buffer);

#endif
