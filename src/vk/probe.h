/* SPDX-License-Identifier: MIT */
/* What a driver answers about a device, raw, and what we make of it. Two steps, so that tests
 * can fake any device. */
#ifndef DV_VK_PROBE_H
#define DV_VK_PROBE_H

#include "vk/instance.h"

#define DV_MAX_QUEUE_FAMILIES 16
#define DV_MAX_COOP 128 /* the longest list seen has 20 */

/* The structures are chained by pNext: a probe must not be copied. */
struct dv_probe {
    VkPhysicalDeviceProperties2                             properties;
    VkPhysicalDeviceIDProperties                            id;
    VkPhysicalDeviceSubgroupProperties                      subgroup;
    VkPhysicalDeviceDriverProperties                        driver;
    VkPhysicalDeviceMaintenance3Properties                  maintenance3;
    VkPhysicalDeviceMaintenance4Properties                  maintenance4;
    VkPhysicalDeviceSubgroupSizeControlProperties           size_control;
    VkPhysicalDeviceFeatures2                               features;
    VkPhysicalDeviceVulkan12Features                        features12;
    VkPhysicalDeviceSubgroupSizeControlFeatures             size_control_features;
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR executable_features;
    VkPhysicalDeviceShaderIntegerDotProductFeatures         integer_dot_features;
    VkPhysicalDeviceSynchronization2Features                synchronization2_features;
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR            cooperative_matrix_features;
    VkPhysicalDeviceShaderBfloat16FeaturesKHR               bfloat16_features;
    VkPhysicalDeviceShaderFloat8FeaturesEXT                 float8_features;
    VkPhysicalDeviceMemoryProperties2                       memory;
    VkPhysicalDeviceMemoryBudgetPropertiesEXT               budget;
    VkQueueFamilyProperties                                 families[DV_MAX_QUEUE_FAMILIES];
    uint32_t                                                n_families;
    VkCooperativeMatrixPropertiesKHR                        coop[DV_MAX_COOP];
    uint32_t                                                n_coop;
    struct {
        bool size_control, maintenance4, executable, integer_dot, cooperative_matrix, bfloat16,
            float8, budget, host_import, portability, global_priority, memory_priority, pageable,
            synchronization2;
    } has; /* the extension, or its core version where it was promoted */
};

/* NO_MEMORY, or OK: a device that answers too little has an api version below 1.2. */
dsvk_status dv_probe_read(struct dv_probe *probe, const struct dv_instance *instance,
                          VkPhysicalDevice physical);
void        dv_caps_read(struct dv_caps *caps, const struct dv_probe *probe);

#define DV_MOST_EXTENSIONS 12
/* For vkCreateDevice: leaves in the probe's chain of features, which begins with p->features, only
 * what kernels use; and names the extensions that they need. */
void     dv_features_choose(struct dv_probe *p, const struct dv_caps *caps);
uint32_t dv_extensions_choose(const char *names[DV_MOST_EXTENSIONS], const struct dv_probe *p,
                              const struct dv_caps *caps);

/* Bytes of a heap that the process may still take (vk/heaps.c). */
uint64_t dv_budget_left(const VkPhysicalDeviceMemoryBudgetPropertiesEXT *budget, uint32_t heap);

#endif
