/* SPDX-License-Identifier: MIT */
/* Giving way: a queue of low priority, and memory that the driver moves out before that of others;
 * and noticing that it has. */
#include "vk/background.h"

#include "base/text.h"

#define LOW 0.25f                      /* 0.5 is what applications have that say nothing */
#define SECOND_NS UINT64_C(1000000000) /* between two looks at the budget */

static void choose_memory(struct dv_background *b, struct dv_probe *p,
                          const char *extensions[DV_MOST_EXTENSIONS], uint32_t *n)
{
    b->memory = (VkPhysicalDeviceMemoryPriorityFeaturesEXT){
        .sType          = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PRIORITY_FEATURES_EXT,
        .pNext          = p->features.pNext,
        .memoryPriority = VK_TRUE,
    };
    p->features.pNext  = &b->memory;
    extensions[(*n)++] = VK_EXT_MEMORY_PRIORITY_EXTENSION_NAME;
    if (!p->has.pageable)
        return;
    b->pageable = (VkPhysicalDevicePageableDeviceLocalMemoryFeaturesEXT){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PAGEABLE_DEVICE_LOCAL_MEMORY_FEATURES_EXT,
        .pNext = p->features.pNext,
        .pageableDeviceLocalMemory = VK_TRUE,
    };
    p->features.pNext  = &b->pageable;
    extensions[(*n)++] = VK_EXT_PAGEABLE_DEVICE_LOCAL_MEMORY_EXTENSION_NAME;
}

void dv_background_choose(struct dv_background *b, struct dv_device *dev, struct dv_probe *p,
                          VkDeviceQueueCreateInfo *queue, VkDeviceCreateInfo *info,
                          const char *extensions[DV_MOST_EXTENSIONS])
{
    dev->memory_priority = 0;
    if (p->has.global_priority) {
        b->queue = (VkDeviceQueueGlobalPriorityCreateInfoKHR){
            .sType          = VK_STRUCTURE_TYPE_DEVICE_QUEUE_GLOBAL_PRIORITY_CREATE_INFO_KHR,
            .globalPriority = VK_QUEUE_GLOBAL_PRIORITY_LOW_KHR,
        };
        queue->pNext                              = &b->queue;
        extensions[info->enabledExtensionCount++] = VK_KHR_GLOBAL_PRIORITY_EXTENSION_NAME;
    }
    if (p->has.memory_priority) {
        choose_memory(b, p, extensions, &info->enabledExtensionCount);
        dev->memory_priority = LOW;
    }
    dv_log(dev->ctx, DSVK_LOG_DEBUG,
           "device: in the background, with %s queue of low priority and %s",
           p->has.global_priority ? "a" : "no",
           !p->has.memory_priority ? "memory as of others"
           : p->has.pageable       ? "memory that is moved out first"
                                   : "memory of low priority");
}

void dv_device_watch_budget(struct dv_device *dev, uint64_t now)
{
    if (!dev->caps.memory_budget || now < dev->budget_next)
        return;
    dev->budget_next                                 = now + SECOND_NS;
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT
    };
    VkPhysicalDeviceMemoryProperties2 memory = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, .pNext = &budget
    };
    dev->instance->vk.vkGetPhysicalDeviceMemoryProperties2(dev->physical, &memory);
    uint64_t left = budget.heapBudget[dev->caps.device_heap];
    uint64_t used = budget.heapUsage[dev->caps.device_heap];
    bool     over = used > left && dev->bytes_used > 0;
    char     a[DV_SIZE_BYTES], b[DV_SIZE_BYTES];
    if (over && !dev->over_budget) {
        dv_text_size_pair(a, used, b, left);
        dv_log(
            dev->ctx, DSVK_LOG_WARN,
            "device: this process has %s of \"%s\", which leaves it %s now: memory is moved out, "
            "and passes take longer",
            a, dev->caps.name, b);
    }
    dev->over_budget = over;
}
