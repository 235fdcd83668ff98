/* SPDX-License-Identifier: MIT */
/* A device that an application has made, and lends: what it enabled is what there is, and nothing
 * of it is destroyed. */
#ifndef DV_VK_ADOPT_H
#define DV_VK_ADOPT_H

#include "vk/device.h"

struct dv_probe;

struct dv_lent {
    PFN_vkGetInstanceProcAddr        get;
    VkInstance                       instance;
    uint32_t                         api_version; /* that the instance was made for */
    VkPhysicalDevice                 physical;
    VkDevice                         device;
    VkQueue                          queue;
    uint32_t                         queue_family;
    const VkPhysicalDeviceFeatures2 *features; /* enabled, with a chain */
    const char *const               *extensions;
    uint32_t                         n_extensions;
};

/* Leaves in a probe what was enabled. UNSUPPORTED, with its name, where what is needed was not. */
dsvk_status dv_probe_narrow(struct dv_probe *probe, const struct dv_context *ctx,
                            const struct dv_lent *lent);

/* An instance with the one device. */
dsvk_status dv_instance_adopt(struct dv_instance **out, const struct dv_context *ctx,
                              const struct dv_lent *lent);
dsvk_status dv_device_adopt(struct dv_device **out, struct dv_instance *instance,
                            const struct dv_lent *lent);
/* A lent device that was lost and is shut (dv_device_shut) goes on with another one of the same
 * physical device. BAD_ARGUMENT for one that offers something else; it is then as before. */
dsvk_status dv_device_adopt_again(struct dv_device *dev, const struct dv_lent *lent);

#endif
