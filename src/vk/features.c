/* SPDX-License-Identifier: MIT */
/* What a VkDevice is made with, of all that the physical device offers. */
#include "vk/probe.h"

static void chain_feature(struct dv_probe *p, void *structure)
{
    VkBaseOutStructure *feature = structure;
    feature->pNext              = p->features12.pNext;
    p->features12.pNext         = feature;
}

/* Cooperative matrices and the number formats that they may hold. */
static void choose_matrix_features(struct dv_probe *p, const struct dv_caps *caps)
{
    if (caps->cooperative_matrix) {
        p->features12.vulkanMemoryModel            = VK_TRUE;
        p->features12.vulkanMemoryModelDeviceScope = VK_TRUE;

        p->cooperative_matrix_features.cooperativeMatrixRobustBufferAccess = VK_FALSE;
        chain_feature(p, &p->cooperative_matrix_features);
    } else {
        p->bfloat16_features.shaderBFloat16CooperativeMatrix = VK_FALSE;
        p->float8_features.shaderFloat8CooperativeMatrix     = VK_FALSE;
    }
    if (caps->bfloat16)
        chain_feature(p, &p->bfloat16_features);
    if (caps->float8)
        chain_feature(p, &p->float8_features);
}

void dv_features_choose(struct dv_probe *p, const struct dv_caps *caps)
{
    const VkPhysicalDeviceFeatures         core = p->features.features;
    const VkPhysicalDeviceVulkan12Features v12  = p->features12;

    p->features.features = (VkPhysicalDeviceFeatures){
        .shaderInt64 = core.shaderInt64,
        .shaderInt16 = core.shaderInt16,
    };
    p->features12 = (VkPhysicalDeviceVulkan12Features){
        .sType               = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
        .bufferDeviceAddress = VK_TRUE,
        .timelineSemaphore   = VK_TRUE,
        .shaderFloat16       = v12.shaderFloat16,
        .shaderInt8          = v12.shaderInt8,
        .scalarBlockLayout   = v12.scalarBlockLayout,
    };
    p->features.pNext = &p->features12;
    if (p->has.size_control)
        chain_feature(p, &p->size_control_features);
    if (p->has.executable)
        chain_feature(p, &p->executable_features);
    if (caps->integer_dot)
        chain_feature(p, &p->integer_dot_features);
    if (caps->storage_barriers)
        chain_feature(p, &p->synchronization2_features);
    choose_matrix_features(p, caps);
}

uint32_t dv_extensions_choose(const char *names[DV_MOST_EXTENSIONS], const struct dv_probe *p,
                              const struct dv_caps *caps)
{
    uint32_t n = 0;
    if (p->has.size_control && p->properties.properties.apiVersion < VK_API_VERSION_1_3)
        names[n++] = VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME;
    if (p->has.executable)
        names[n++] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
    if (p->has.budget)
        names[n++] = VK_EXT_MEMORY_BUDGET_EXTENSION_NAME;
    if (p->has.portability)
        names[n++] = VK_KHR_PORTABILITY_SUBSET_EXTENSION_NAME; /* must be taken where it is */
    if (caps->integer_dot && p->properties.properties.apiVersion < VK_API_VERSION_1_3)
        names[n++] = VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME;
    if (caps->storage_barriers && p->properties.properties.apiVersion < VK_API_VERSION_1_3)
        names[n++] = VK_KHR_SYNCHRONIZATION_2_EXTENSION_NAME;
    if (caps->cooperative_matrix)
        names[n++] = VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME;
    if (caps->bfloat16)
        names[n++] = VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME;
    if (caps->float8)
        names[n++] = VK_EXT_SHADER_FLOAT8_EXTENSION_NAME;
    return n;
}
