/* SPDX-License-Identifier: MIT */
/* A device that gives way to others on the same hardware, by what the driver offers for it. */
#ifndef DV_VK_BACKGROUND_H
#define DV_VK_BACKGROUND_H

#include "vk/device.h"
#include "vk/probe.h"

/* What goes into the chains of vkCreateDevice, and lives until that returns. */
struct dv_background {
    VkDeviceQueueGlobalPriorityCreateInfoKHR             queue;
    VkPhysicalDeviceMemoryPriorityFeaturesEXT            memory;
    VkPhysicalDevicePageableDeviceLocalMemoryFeaturesEXT pageable;
};

/* Adds to `info`, to its only queue and to its extensions what there is. */
void dv_background_choose(struct dv_background *b, struct dv_device *dev, struct dv_probe *p,
                          VkDeviceQueueCreateInfo *queue, VkDeviceCreateInfo *info,
                          const char *extensions[DV_MOST_EXTENSIONS]);

/* A line of the log, once each time that more of the device is in use by this process than the
 * driver leaves it, so that it moves memory out; at most once a second it is asked. `now`: ns. */
void dv_device_watch_budget(struct dv_device *dev, uint64_t now);

#endif
