/* SPDX-License-Identifier: MIT */
/* What an application enabled of what a device offers: its chain of features is read structure by
 * structure, since a feature may stand in one of its own or in that of a version. */
#include <string.h>

#include "vk/adopt.h"
#include "vk/probe.h"

/* All that kernels may use and that has to be enabled. */
struct enabled {
    VkBool32 int64, int16;
    VkBool32 address, timeline, float16, int8, scalar, memory_model, memory_model_device;
    VkBool32 size_control, full_subgroups, integer_dot, executable, synchronization2;
    VkBool32 matrix, bfloat16, bfloat16_matrix, float8, float8_matrix;
};

static void read_versions(struct enabled *e, const VkBaseInStructure *s)
{
    if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES) {
        const VkPhysicalDeviceVulkan12Features *f = (const void *)s;
        e->address |= f->bufferDeviceAddress;
        e->timeline |= f->timelineSemaphore;
        e->float16 |= f->shaderFloat16;
        e->int8 |= f->shaderInt8;
        e->scalar |= f->scalarBlockLayout;
        e->memory_model |= f->vulkanMemoryModel;
        e->memory_model_device |= f->vulkanMemoryModelDeviceScope;
    } else if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES) {
        const VkPhysicalDeviceVulkan13Features *f = (const void *)s;
        e->size_control |= f->subgroupSizeControl;
        e->full_subgroups |= f->computeFullSubgroups;
        e->integer_dot |= f->shaderIntegerDotProduct;
        e->synchronization2 |= f->synchronization2;
    }
}

/* A case for each structure: its type, its name without "VkPhysicalDevice" and "Features", what is
 * behind them, and which of its features goes where. */
#define STRUCTURE(TYPE, NAME, SUFFIX, ...)                                                         \
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_##TYPE: {                                               \
        const VkPhysicalDevice##NAME##Features##SUFFIX *f = (const void *)s;                       \
        __VA_ARGS__;                                                                               \
        break;                                                                                     \
    }

static void read_structure(struct enabled *e, const VkBaseInStructure *s)
{
    switch ((int)s->sType) { /* newer ones are no members of an older header's enum */
        STRUCTURE(BUFFER_DEVICE_ADDRESS_FEATURES, BufferDeviceAddress, ,
                  e->address |= f->bufferDeviceAddress)
        STRUCTURE(TIMELINE_SEMAPHORE_FEATURES, TimelineSemaphore, ,
                  e->timeline |= f->timelineSemaphore)
        STRUCTURE(SHADER_FLOAT16_INT8_FEATURES, ShaderFloat16Int8, , e->float16 |= f->shaderFloat16,
                  e->int8 |= f->shaderInt8)
        STRUCTURE(SCALAR_BLOCK_LAYOUT_FEATURES, ScalarBlockLayout, ,
                  e->scalar |= f->scalarBlockLayout)
        STRUCTURE(VULKAN_MEMORY_MODEL_FEATURES, VulkanMemoryModel, ,
                  e->memory_model |= f->vulkanMemoryModel,
                  e->memory_model_device |= f->vulkanMemoryModelDeviceScope)
        STRUCTURE(SUBGROUP_SIZE_CONTROL_FEATURES, SubgroupSizeControl, ,
                  e->size_control |= f->subgroupSizeControl,
                  e->full_subgroups |= f->computeFullSubgroups)
        STRUCTURE(SHADER_INTEGER_DOT_PRODUCT_FEATURES, ShaderIntegerDotProduct, ,
                  e->integer_dot |= f->shaderIntegerDotProduct)
        STRUCTURE(SYNCHRONIZATION_2_FEATURES, Synchronization2, ,
                  e->synchronization2 |= f->synchronization2)
        STRUCTURE(PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR, PipelineExecutableProperties, KHR,
                  e->executable |= f->pipelineExecutableInfo)
        STRUCTURE(COOPERATIVE_MATRIX_FEATURES_KHR, CooperativeMatrix, KHR,
                  e->matrix |= f->cooperativeMatrix)
        STRUCTURE(SHADER_BFLOAT16_FEATURES_KHR, ShaderBfloat16, KHR,
                  e->bfloat16 |= f->shaderBFloat16Type,
                  e->bfloat16_matrix |= f->shaderBFloat16CooperativeMatrix)
        STRUCTURE(SHADER_FLOAT8_FEATURES_EXT, ShaderFloat8, EXT, e->float8 |= f->shaderFloat8,
                  e->float8_matrix |= f->shaderFloat8CooperativeMatrix)
    default:
        read_versions(e, s);
    }
}

static struct enabled read_enabled(const VkPhysicalDeviceFeatures2 *features)
{
    struct enabled e = { .int64 = features->features.shaderInt64,
                         .int16 = features->features.shaderInt16 };
    for (const VkBaseInStructure *s = features->pNext; s; s = s->pNext)
        read_structure(&e, s);
    return e;
}

static void narrow_features(struct dv_probe *p, const struct enabled *e)
{
    VkPhysicalDeviceVulkan12Features *v12 = &p->features12;
    p->features.features.shaderInt64 &= e->int64;
    p->features.features.shaderInt16 &= e->int16;
    v12->bufferDeviceAddress &= e->address;
    v12->timelineSemaphore &= e->timeline;
    v12->shaderFloat16 &= e->float16;
    v12->shaderInt8 &= e->int8;
    v12->scalarBlockLayout &= e->scalar;
    v12->vulkanMemoryModel &= e->memory_model;
    v12->vulkanMemoryModelDeviceScope &= e->memory_model_device;
    p->size_control_features.subgroupSizeControl &= e->size_control;
    p->size_control_features.computeFullSubgroups &= e->full_subgroups;
    p->integer_dot_features.shaderIntegerDotProduct &= e->integer_dot;
    p->synchronization2_features.synchronization2 &= e->synchronization2;
    p->executable_features.pipelineExecutableInfo &= e->executable;
    p->cooperative_matrix_features.cooperativeMatrix &= e->matrix;
    p->bfloat16_features.shaderBFloat16Type &= e->bfloat16;
    p->bfloat16_features.shaderBFloat16CooperativeMatrix &= e->bfloat16_matrix;
    p->float8_features.shaderFloat8 &= e->float8;
    p->float8_features.shaderFloat8CooperativeMatrix &= e->float8_matrix;
}

static bool lists(const struct dv_lent *lent, const char *name)
{
    for (uint32_t i = 0; i < lent->n_extensions; i++)
        if (strcmp(lent->extensions[i], name) == 0)
            return true;
    return false;
}

/* What may be asked of the physical device alone, such as its budget, needs nothing enabled. */
static void narrow_extensions(struct dv_probe *p, const struct dv_lent *lent)
{
    bool core13         = p->properties.properties.apiVersion >= VK_API_VERSION_1_3;
    p->has.size_control = core13 || lists(lent, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
    p->has.integer_dot  = core13 || lists(lent, VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
    p->has.synchronization2   = core13 || lists(lent, VK_KHR_SYNCHRONIZATION_2_EXTENSION_NAME);
    p->has.executable         = lists(lent, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME);
    p->has.cooperative_matrix = lists(lent, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
    p->has.bfloat16           = lists(lent, VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME);
    p->has.float8             = lists(lent, VK_EXT_SHADER_FLOAT8_EXTENSION_NAME);
    p->has.host_import &= lists(lent, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
    /* A feature without its extension is no feature. */
    p->size_control_features.subgroupSizeControl &= p->has.size_control;
    p->size_control_features.computeFullSubgroups &= p->has.size_control;
    p->integer_dot_features.shaderIntegerDotProduct &= p->has.integer_dot;
    p->synchronization2_features.synchronization2 &= p->has.synchronization2;
    p->executable_features.pipelineExecutableInfo &= p->has.executable;
    p->cooperative_matrix_features.cooperativeMatrix &= p->has.cooperative_matrix;
    p->bfloat16_features.shaderBFloat16Type &= p->has.bfloat16;
    p->bfloat16_features.shaderBFloat16CooperativeMatrix &= p->has.bfloat16;
    p->float8_features.shaderFloat8 &= p->has.float8;
    p->float8_features.shaderFloat8CooperativeMatrix &= p->has.float8;
}

static dsvk_status narrow_queue(struct dv_probe *p, const struct dv_context *ctx,
                                const struct dv_lent *lent)
{
    uint32_t family = lent->queue_family;
    if (family >= p->n_families)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT,
                       "import: there is no queue family %u, only %u of them", family,
                       p->n_families);
    if (!(p->families[family].queueFlags & VK_QUEUE_COMPUTE_BIT))
        return dv_fail(ctx, DSVK_UNSUPPORTED, "import: queues of family %u do not compute", family);
    for (uint32_t i = 0; i < p->n_families; i++)
        p->families[i].queueCount = i == family;
    return DSVK_OK;
}

static dsvk_status need(const struct dv_probe *p, const struct dv_context *ctx,
                        const struct enabled *e)
{
    const struct {
        const char *name;
        VkBool32    enabled, offered;
    } needed[] = {
        { "bufferDeviceAddress", e->address, p->features12.bufferDeviceAddress },
        { "timelineSemaphore", e->timeline, p->features12.timelineSemaphore },
        { "scalarBlockLayout", e->scalar, p->features12.scalarBlockLayout },
    };
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (needed[i].offered && !needed[i].enabled)
            return dv_fail(ctx, DSVK_UNSUPPORTED,
                           "import: the device was made without the feature %s, which \"%s\" has",
                           needed[i].name, p->properties.properties.deviceName);
    return DSVK_OK;
}

dsvk_status dv_probe_narrow(struct dv_probe *p, const struct dv_context *ctx,
                            const struct dv_lent *lent)
{
    dsvk_status    status;
    struct enabled e = read_enabled(lent->features);
    if (p->properties.properties.apiVersion > lent->api_version)
        p->properties.properties.apiVersion = lent->api_version;
    if (p->properties.properties.apiVersion < VK_API_VERSION_1_2)
        return DSVK_OK; /* nothing else was read; dv_caps_read() says so */
    TRY(need(p, ctx, &e));
    TRY(narrow_queue(p, ctx, lent));
    narrow_features(p, &e);
    narrow_extensions(p, lent);
    return DSVK_OK;
}
