/* SPDX-License-Identifier: MIT */
/* What devices can do. The only file that may look at vendors and drivers: a quirk of one
 * becomes a missing capability here, with a case in tests/vk/caps.c. */
#include "vk/caps.h"

#include <stdio.h>
#include <string.h>

#define NEED_SHARED_BYTES 16384u
#define NEED_WORKGROUP 128u
#define NEED_PUSH_BYTES 128u

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
        { VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME, &p->has.cooperative_matrix },
        { VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME, &p->has.bfloat16 },
        { VK_EXT_SHADER_FLOAT8_EXTENSION_NAME, &p->has.float8 },
        { VK_EXT_MEMORY_BUDGET_EXTENSION_NAME, &p->has.budget },
        { VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME, &p->has.host_import },
        { VK_KHR_PORTABILITY_SUBSET_EXTENSION_NAME, &p->has.portability },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i].name) == 0)
            *known[i].has = true;
}

static dsvk_status read_extensions(struct dv_probe *p, const struct dv_instance *instance,
                                   VkPhysicalDevice physical)
{
    uint32_t n = 0;
    if (instance->vk.vkEnumerateDeviceExtensionProperties(physical, NULL, &n, NULL) != VK_SUCCESS)
        return DSVK_OK; /* such a device offers core Vulkan only */
    VkExtensionProperties *list = dv_zalloc_array(instance->ctx, n + 1, sizeof *list);
    if (!list)
        return dv_fail(instance->ctx, DSVK_NO_MEMORY, "caps: no room for %u extension names", n);
    VkResult result = instance->vk.vkEnumerateDeviceExtensionProperties(physical, NULL, &n, list);
    if (result == VK_SUCCESS || result == VK_INCOMPLETE)
        for (uint32_t i = 0; i < n; i++)
            note_extension(p, list[i].extensionName);
    dv_free(instance->ctx, list);
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
        p->has.size_control = p->has.maintenance4 = p->has.integer_dot = true;
    read_properties(p, instance, physical);
    read_features(p, instance, physical);
    read_memory(p, instance, physical);
    p->n_families = DV_MAX_QUEUE_FAMILIES;
    instance->vk.vkGetPhysicalDeviceQueueFamilyProperties(physical, &p->n_families, p->families);
    return DSVK_OK;
}

static void read_vendor(struct dv_caps *caps, uint32_t id)
{
    static const struct {
        uint32_t    id;
        const char *name;
    } vendors[] = {
        { 0x1002, "AMD" },         { 0x10de, "NVIDIA" },   { 0x8086, "Intel" },
        { 0x5143, "Qualcomm" },    { 0x106b, "Apple" },    { 0x13b5, "Arm" },
        { 0x1010, "Imagination" }, { 0x14e4, "Broadcom" }, { 0x1ae0, "Google" },
        { 0x10005, "Mesa" },
    };
    snprintf(caps->vendor, sizeof caps->vendor, "vendor 0x%04x", id);
    for (size_t i = 0; i < sizeof vendors / sizeof *vendors; i++)
        if (vendors[i].id == id)
            snprintf(caps->vendor, sizeof caps->vendor, "%s", vendors[i].name);
}

static void read_names(struct dv_caps *caps, const struct dv_probe *p)
{
    const VkPhysicalDeviceProperties *core = &p->properties.properties;
    read_vendor(caps, core->vendorID);
    snprintf(caps->name, sizeof caps->name, "%s", core->deviceName);
    for (size_t n = strlen(caps->name); n > 0 && caps->name[n - 1] == ' '; n--)
        caps->name[n - 1] = 0; /* stub devices of NVK have a blank after an empty chip name */
    snprintf(caps->driver, sizeof caps->driver, "%s%s%s", p->driver.driverName,
             p->driver.driverInfo[0] ? " " : "", p->driver.driverInfo);
    memcpy(caps->uuid, p->id.deviceUUID, sizeof caps->uuid);
    caps->api_version    = core->apiVersion;
    caps->is_software    = core->deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    caps->is_integrated  = core->deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
    caps->unified_memory = caps->is_software || caps->is_integrated;
}

static void read_heaps(struct dv_caps *caps, const struct dv_probe *p)
{
    const VkPhysicalDeviceMemoryProperties *m = &p->memory.memoryProperties;
    for (uint32_t i = 0; i < m->memoryHeapCount; i++) {
        if (!(m->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT))
            continue;
        uint64_t free = m->memoryHeaps[i].size;
        if (p->has.budget)
            free = p->budget.heapBudget[i] > p->budget.heapUsage[i]
                       ? p->budget.heapBudget[i] - p->budget.heapUsage[i]
                       : 0;
        caps->memory_total += m->memoryHeaps[i].size;
        caps->memory_free += free;
    }
}

static void read_limits(struct dv_caps *caps, const struct dv_probe *p)
{
    const VkPhysicalDeviceLimits *limits = &p->properties.properties.limits;
    caps->max_workgroup                  = limits->maxComputeWorkGroupInvocations;
    if (caps->max_workgroup > limits->maxComputeWorkGroupSize[0])
        caps->max_workgroup = limits->maxComputeWorkGroupSize[0];
    caps->max_shared_bytes = limits->maxComputeSharedMemorySize;
    caps->max_push_bytes   = limits->maxPushConstantsSize;
    for (int i = 0; i < 3; i++)
        caps->max_groups[i] = limits->maxComputeWorkGroupCount[i];
    caps->max_allocation = p->maintenance3.maxMemoryAllocationSize;
    caps->max_buffer = p->has.maintenance4 ? p->maintenance4.maxBufferSize : caps->max_allocation;
}

static void read_subgroup(struct dv_caps *caps, const struct dv_probe *p)
{
    const VkShaderStageFlags stage = VK_SHADER_STAGE_COMPUTE_BIT;
    caps->subgroup = caps->subgroup_min = caps->subgroup_max = p->subgroup.subgroupSize;
    caps->subgroup_arithmetic =
        (p->subgroup.supportedStages & stage) &&
        (p->subgroup.supportedOperations & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT);
    caps->subgroup_size_control = p->has.size_control &&
                                  p->size_control_features.subgroupSizeControl &&
                                  (p->size_control.requiredSubgroupSizeStages & stage);
    if (caps->subgroup_size_control) {
        caps->subgroup_min = p->size_control.minSubgroupSize;
        caps->subgroup_max = p->size_control.maxSubgroupSize;
    }
}

static void read_arithmetic(struct dv_caps *caps, const struct dv_probe *p)
{
    caps->int64                 = p->features.features.shaderInt64;
    caps->int16                 = p->features.features.shaderInt16;
    caps->int8                  = p->features12.shaderInt8;
    caps->float16               = p->features12.shaderFloat16;
    caps->integer_dot           = p->integer_dot_features.shaderIntegerDotProduct;
    caps->cooperative_matrix    = p->cooperative_matrix_features.cooperativeMatrix;
    caps->bfloat16              = p->bfloat16_features.shaderBFloat16Type;
    caps->float8                = p->float8_features.shaderFloat8;
    caps->executable_statistics = p->executable_features.pipelineExecutableInfo;
    caps->host_import           = p->has.host_import;
    caps->memory_budget         = p->has.budget;
}

/* A queue family for compute only, where there is one, does not compete with the desktop. */
static bool read_queue(struct dv_caps *caps, const struct dv_probe *p)
{
    bool found = false;
    for (uint32_t i = 0; i < p->n_families; i++) {
        const VkQueueFamilyProperties *family = &p->families[i];
        if (!(family->queueFlags & VK_QUEUE_COMPUTE_BIT) || family->queueCount == 0)
            continue;
        bool alone = !(family->queueFlags & VK_QUEUE_GRAPHICS_BIT);
        if (found && !alone)
            continue;
        caps->queue_family = i;
        caps->timestamp_ns =
            family->timestampValidBits ? p->properties.properties.limits.timestampPeriod : 0;
        found = true;
        if (alone)
            break;
    }
    return found;
}

/* Lavapipe with 512-bit vectors: creating any cooperative matrix pipeline crashes the process
 * (seen in 26.1 and 26.2), and from 26.1 on so does any load through a buffer address. */
static bool avoid_quirks(struct dv_caps *caps, const struct dv_probe *p)
{
    bool lavapipe = p->driver.driverID == VK_DRIVER_ID_MESA_LLVMPIPE;
    if (!lavapipe || caps->subgroup < 16)
        return true;
    caps->cooperative_matrix = false;
    return VK_API_VERSION_MAJOR(p->properties.properties.driverVersion) < 26;
}

void dv_caps_read(struct dv_caps *caps, const struct dv_probe *p)
{
    uint32_t version = p->properties.properties.apiVersion;
    *caps            = (struct dv_caps){ 0 };
    read_names(caps, p);
    read_heaps(caps, p);
    read_limits(caps, p);
    read_subgroup(caps, p);
    read_arithmetic(caps, p);
    bool has_queue       = read_queue(caps, p);
    bool has_sane_driver = avoid_quirks(caps, p);

    char  *why  = caps->why_not;
    size_t room = sizeof caps->why_not;
    if (version < VK_API_VERSION_1_2)
        snprintf(why, room, "it offers Vulkan %u.%u and 1.2 is needed",
                 VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version));
    else if (!p->features12.bufferDeviceAddress)
        snprintf(why, room, "it has no buffer device addresses");
    else if (!p->features12.timelineSemaphore)
        snprintf(why, room, "it has no timeline semaphores");
    else if (!has_queue)
        snprintf(why, room, "it has no compute queue");
    else if (caps->max_shared_bytes < NEED_SHARED_BYTES)
        snprintf(why, room, "it has %u bytes of shared memory and %u are needed",
                 caps->max_shared_bytes, NEED_SHARED_BYTES);
    else if (caps->max_workgroup < NEED_WORKGROUP)
        snprintf(why, room, "its workgroups have at most %u invocations and %u are needed",
                 caps->max_workgroup, NEED_WORKGROUP);
    else if (caps->max_push_bytes < NEED_PUSH_BYTES)
        snprintf(why, room, "it has %u bytes of push constants and %u are needed",
                 caps->max_push_bytes, NEED_PUSH_BYTES);
    else if (!has_sane_driver)
        snprintf(why, room, "this lavapipe crashes on buffer addresses with 512-bit vectors");
    caps->usable = why[0] == 0;
}
