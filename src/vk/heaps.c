/* SPDX-License-Identifier: MIT */
/* Which heap and which type of memory each kind of buffer comes from. */
#include "vk/memory.h"
#include "vk/probe.h"

#include "base/size.h"

#define BUFFER_BYTES (UINT64_C(1) << 30)

enum {
    LOCAL    = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
    VISIBLE  = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
    COHERENT = VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
    CACHED   = VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
};

uint64_t dv_budget_left(const VkPhysicalDeviceMemoryBudgetPropertiesEXT *budget, uint32_t heap)
{
    return budget->heapBudget[heap] > budget->heapUsage[heap]
               ? budget->heapBudget[heap] - budget->heapUsage[heap]
               : 0;
}

void dv_device_read_budget(struct dv_device *dev, bool shrink)
{
    struct dv_caps *caps = &dev->caps;
    if (!caps->memory_budget)
        return;
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT
    };
    VkPhysicalDeviceMemoryProperties2 memory = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, .pNext = &budget
    };
    dev->instance->vk.vkGetPhysicalDeviceMemoryProperties2(dev->physical, &memory);
    for (uint32_t i = 0; i < caps->n_heaps; i++)
        caps->heaps[i].free = dv_budget_left(&budget, i);
    uint64_t now = dev->bytes_used + caps->heaps[caps->device_heap].free;
    if (!shrink && now < dev->bytes_budget)
        return;
    if (dev->bytes_limit == dev->bytes_budget)
        dev->bytes_limit = now;
    dev->bytes_budget = now;
}

uint32_t dv_memory_heap(const VkPhysicalDeviceMemoryProperties *memory)
{
    uint32_t best = DV_NO_TYPE;
    for (uint32_t i = 0; i < memory->memoryHeapCount; i++)
        if ((memory->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) &&
            (best == DV_NO_TYPE || memory->memoryHeaps[i].size > memory->memoryHeaps[best].size))
            best = i;
    return best;
}

/* The first type (drivers list faster ones first) with all flags of `with` and none of
 * `without`; types with flags that we do not know need features that we do not enable. */
static uint32_t find_type(const VkPhysicalDeviceMemoryProperties *memory, uint32_t allowed,
                          uint32_t heap, VkMemoryPropertyFlags with, VkMemoryPropertyFlags without)
{
    without |= ~(VkMemoryPropertyFlags)(LOCAL | VISIBLE | COHERENT | CACHED);
    for (uint32_t i = 0; i < memory->memoryTypeCount; i++) {
        VkMemoryPropertyFlags flags = memory->memoryTypes[i].propertyFlags;
        if ((allowed >> i & 1) && (flags & with) == with && !(flags & without) &&
            (heap == DV_NO_TYPE || memory->memoryTypes[i].heapIndex == heap))
            return i;
    }
    return DV_NO_TYPE;
}

/* Device memory comes from the largest device-local heap, so never from a small window of 256
 * MiB; where that heap is mapped as a whole, the host writes to it directly. The step block is
 * small enough for the window. */
uint32_t dv_memory_type(const VkPhysicalDeviceMemoryProperties *memory, uint32_t allowed,
                        enum dv_memory kind)
{
    static const struct {
        VkMemoryPropertyFlags with, without;
    } wishes[][3] = {
        [DV_MEMORY_DEVICE]   = { { LOCAL | VISIBLE | COHERENT, 0 }, { LOCAL, 0 }, { 0, 0 } },
        [DV_MEMORY_UPLOAD]   = { { VISIBLE | COHERENT, LOCAL | CACHED },
                                 { VISIBLE | COHERENT, LOCAL },
                                 { VISIBLE | COHERENT, 0 } },
        [DV_MEMORY_STEP]     = { { LOCAL | VISIBLE | COHERENT, CACHED },
                                 { VISIBLE | COHERENT, LOCAL | CACHED },
                                 { VISIBLE | COHERENT, 0 } },
        [DV_MEMORY_READBACK] = { { VISIBLE | COHERENT | CACHED, LOCAL },
                                 { VISIBLE | COHERENT | CACHED, 0 },
                                 { VISIBLE | COHERENT, 0 } },
    };
    if (kind == DV_MEMORY_RAW)
        kind = DV_MEMORY_DEVICE;
    if (kind == DV_MEMORY_HOST)
        kind = DV_MEMORY_READBACK;
    uint32_t heap = kind == DV_MEMORY_DEVICE ? dv_memory_heap(memory) : DV_NO_TYPE;
    for (int i = 0; i < 3; i++) {
        uint32_t type =
            find_type(memory, allowed, heap, wishes[kind][i].with, wishes[kind][i].without);
        if (type != DV_NO_TYPE)
            return type;
    }
    return DV_NO_TYPE;
}

uint32_t dv_memory_type_hidden(const VkPhysicalDeviceMemoryProperties *memory, uint32_t allowed)
{
    return find_type(memory, allowed, dv_memory_heap(memory), LOCAL, VISIBLE);
}

uint64_t dv_caps_buffer_bytes(const struct dv_caps *caps)
{
    uint64_t limit = dv_min(caps->max_allocation, caps->max_buffer);
    return dv_min(limit, BUFFER_BYTES);
}
