/* SPDX-License-Identifier: MIT */
/* Asks a driver all that vk/caps.c looks at. */
#include "vk/probe.h"

#include <string.h>

static void chain(VkBaseOutStructure **last, void *structure, VkStructureType type)
{
    VkBaseOutStructure *next = structure;
    next->sType              = type;
    next->pNext              = NULL;
    (*last)->pNext           = next;
    *last                    = next;
}

static void note_extension(struct dv_probe *p, const char *name)
{
    const struct {
        const char *name;
        bool       *has;
    } known[] = {
        { VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME, &p->has.size_control },
        { VK_KHR_MAINTENANCE_4_EXTENSION_NAME, &p->has.maintenance4 },
        { VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME, &p->has.executable },
        { VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME, &p->has.integer_dot },
        { VK_KHR_SYNCHRONIZATION_2_EXTENSION_NAME, &p->has.synchronization2 },
        { VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME, &p->has.cooperative_matrix },
        { VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME, &p->has.bfloat16 },
        { VK_EXT_SHADER_FLOAT8_EXTENSION_NAME, &p->has.float8 },
        { VK_EXT_MEMORY_BUDGET_EXTENSION_NAME, &p->has.budget },
        { VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME, &p->has.host_import },
        { VK_KHR_GLOBAL_PRIORITY_EXTENSION_NAME, &p->has.global_priority },
        { VK_EXT_MEMORY_PRIORITY_EXTENSION_NAME, &p->has.memory_priority },
        { VK_EXT_PAGEABLE_DEVICE_LOCAL_MEMORY_EXTENSION_NAME, &p->has.pageable },
        { VK_KHR_PORTABILITY_SUBSET_EXTENSION_NAME, &p->has.portability },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i].name) == 0)
            *known[i].has = true;
}

static dsvk_status read_extensions(struct dv_probe *p, const struct dv_instance *instance,
                                   VkPhysicalDevice physical)
{
    uint32_t               n    = 0;
    VkExtensionProperties *list = NULL;
    VkResult result = instance->vk.vkEnumerateDeviceExtensionProperties(physical, NULL, &n, NULL);
    if (result == VK_SUCCESS) {
        list = dv_zalloc_array(instance->ctx, n + 1, sizeof *list);
        if (!list)
            return dv_fail(instance->ctx, DSVK_NO_MEMORY, "caps: no room for %u extension names",
                           n);
        result = instance->vk.vkEnumerateDeviceExtensionProperties(physical, NULL, &n, list);
    } else {
        n = 0; /* such a device offers core Vulkan only */
    }
    if (result == VK_SUCCESS || result == VK_INCOMPLETE)
        for (uint32_t i = 0; i < n; i++)
            note_extension(p, list[i].extensionName);
    dv_free(instance->ctx, list);
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY)
        return dv_fail(instance->ctx, DSVK_NO_MEMORY,
                       "caps: the driver has no host memory to list its extensions");
    return DSVK_OK;
}

static void read_properties(struct dv_probe *p, const struct dv_instance *instance,
                            VkPhysicalDevice physical)
{
    VkBaseOutStructure *last = (VkBaseOutStructure *)&p->properties;
    last->sType              = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    chain(&last, &p->id, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES);
    chain(&last, &p->subgroup, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES);
    chain(&last, &p->driver, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES);
    chain(&last, &p->maintenance3, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES);
    if (p->has.maintenance4)
        chain(&last, &p->maintenance4, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES);
    if (p->has.size_control)
        chain(&last, &p->size_control,
              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES);
    instance->vk.vkGetPhysicalDeviceProperties2(physical, &p->properties);
}

static void read_features(struct dv_probe *p, const struct dv_instance *instance,
                          VkPhysicalDevice physical)
{
    VkBaseOutStructure *last = (VkBaseOutStructure *)&p->features;
    last->sType              = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
    chain(&last, &p->features12, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
    if (p->has.size_control)
        chain(&last, &p->size_control_features,
              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES);
    if (p->has.executable)
        chain(&last, &p->executable_features,
              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR);
    if (p->has.integer_dot)
        chain(&last, &p->integer_dot_features,
              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES);
    if (p->has.synchronization2)
        chain(&last, &p->synchronization2_features,
              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SYNCHRONIZATION_2_FEATURES);
    if (p->has.cooperative_matrix)
        chain(&last, &p->cooperative_matrix_features,
              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR);
    if (p->has.bfloat16)
        chain(&last, &p->bfloat16_features,
              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_BFLOAT16_FEATURES_KHR);
    if (p->has.float8)
        chain(&last, &p->float8_features,
              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT8_FEATURES_EXT);
    instance->vk.vkGetPhysicalDeviceFeatures2(physical, &p->features);
}

/* The shapes that matrix units have. Out of memory is all that a driver may say but OK; one that
 * says anything else has none that can be used. */
static dsvk_status read_coop(struct dv_probe *p, const struct dv_instance *instance,
                             VkPhysicalDevice physical)
{
    if (!p->cooperative_matrix_features.cooperativeMatrix ||
        !instance->vk.vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)
        return DSVK_OK;
    p->n_coop = DV_MAX_COOP;
    for (uint32_t i = 0; i < DV_MAX_COOP; i++)
        p->coop[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
    VkResult result = instance->vk.vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR(
        physical, &p->n_coop, p->coop);
    if (result == VK_SUCCESS || result == VK_INCOMPLETE)
        return DSVK_OK;
    p->n_coop = 0;
    if (result != VK_ERROR_OUT_OF_HOST_MEMORY && result != VK_ERROR_OUT_OF_DEVICE_MEMORY)
        return DSVK_OK;
    return dv_fail(instance->ctx, DSVK_NO_MEMORY,
                   "caps: no memory to list the shapes of cooperative matrices");
}

static void read_memory(struct dv_probe *p, const struct dv_instance *instance,
                        VkPhysicalDevice physical)
{
    VkBaseOutStructure *last = (VkBaseOutStructure *)&p->memory;
    last->sType              = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2;
    if (p->has.budget)
        chain(&last, &p->budget, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
    instance->vk.vkGetPhysicalDeviceMemoryProperties2(physical, &p->memory);
}

dsvk_status dv_probe_read(struct dv_probe *p, const struct dv_instance *instance,
                          VkPhysicalDevice physical)
{
    dsvk_status status;
    memset(p, 0, sizeof *p);
    instance->vk.vkGetPhysicalDeviceProperties(physical, &p->properties.properties);
    uint32_t version = p->properties.properties.apiVersion;
    if (version < VK_API_VERSION_1_2)
        return DSVK_OK; /* the structures below are core 1.2 */
    TRY(read_extensions(p, instance, physical));
    if (version >= VK_API_VERSION_1_3)
        p->has.size_control = p->has.maintenance4 = p->has.integer_dot = p->has.synchronization2 =
            true;
    read_properties(p, instance, physical);
    read_features(p, instance, physical);
    TRY(read_coop(p, instance, physical));
    read_memory(p, instance, physical);
    p->n_families = DV_MAX_QUEUE_FAMILIES;
    instance->vk.vkGetPhysicalDeviceQueueFamilyProperties(physical, &p->n_families, p->families);
    return DSVK_OK;
}
