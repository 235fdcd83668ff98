/* SPDX-License-Identifier: MIT */
/* What devices can do. The only file that may look at vendors and drivers: a quirk of one
 * becomes a missing capability here, with a case in tests/vk/caps.c. */
#include "vk/probe.h"

#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "vk/memory.h"

#define NEED_SHARED_BYTES 16384u
#define NEED_WORKGROUP 128u
#define NEED_PUSH_BYTES 128u

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

static struct dv_heap read_heap(const struct dv_probe *p, uint32_t i)
{
    const VkPhysicalDeviceMemoryProperties *m = &p->memory.memoryProperties;

    struct dv_heap heap = { .size  = m->memoryHeaps[i].size,
                            .free  = m->memoryHeaps[i].size,
                            .local = m->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT };
    if (p->has.budget)
        heap.free = dv_budget_left(&p->budget, i);
    for (uint32_t t = 0; t < m->memoryTypeCount; t++)
        if (m->memoryTypes[t].heapIndex == i)
            heap.visible |= m->memoryTypes[t].propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
    return heap;
}

/* The heap of a memory type; without such a type `other`. */
static uint32_t heap_of(const VkPhysicalDeviceMemoryProperties *m, uint32_t type, uint32_t other)
{
    return type < m->memoryTypeCount ? m->memoryTypes[type].heapIndex : other;
}

static void read_heaps(struct dv_caps *caps, const struct dv_probe *p)
{
    const VkPhysicalDeviceMemoryProperties *m = &p->memory.memoryProperties;
    caps->n_heaps                             = dv_min(m->memoryHeapCount, VK_MAX_MEMORY_HEAPS);
    for (uint32_t i = 0; i < caps->n_heaps; i++) {
        caps->heaps[i] = read_heap(p, i);
        if (!caps->heaps[i].local)
            continue;
        caps->memory_total += caps->heaps[i].size;
        caps->memory_free += caps->heaps[i].free;
    }
    uint32_t largest    = dv_memory_heap(m);
    uint32_t type       = dv_memory_type(m, UINT32_MAX, DV_MEMORY_DEVICE);
    caps->device_heap   = heap_of(m, type, largest < caps->n_heaps ? largest : 0);
    caps->device_mapped = type < m->memoryTypeCount && (m->memoryTypes[type].propertyFlags &
                                                        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
    caps->host_heap =
        heap_of(m, dv_memory_type(m, UINT32_MAX, DV_MEMORY_UPLOAD), caps->device_heap);
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
    caps->full_subgroups = p->has.size_control && p->size_control_features.computeFullSubgroups;
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
    caps->storage_barriers      = p->synchronization2_features.synchronization2;
    caps->integer_dot           = p->integer_dot_features.shaderIntegerDotProduct;
    caps->bfloat16              = p->bfloat16_features.shaderBFloat16Type;
    caps->float8                = p->float8_features.shaderFloat8;
    caps->executable_statistics = p->executable_features.pipelineExecutableInfo;
    caps->host_import           = p->has.host_import;
    caps->memory_budget         = p->has.budget;
}

static bool is_side(uint32_t size, uint32_t most)
{
    return size > 0 && size <= most && (size & (size - 1)) == 0;
}

static uint32_t volume(const struct dv_coop_shape *s)
{
    return s->m * s->n * s->k;
}

/* Shapes are of use only with the Vulkan memory model, which their SPIR-V asks for; and where that
 * is on, atomics of any kernel ask for its device scope. */
static void read_shapes(struct dv_caps *caps, const struct dv_probe *p)
{
    const struct {
        VkComponentTypeKHR component;
        bool               offered;
    } types[DV_N_COOP_TYPES] = {
        [DV_COOP_F16]  = { VK_COMPONENT_TYPE_FLOAT16_KHR, caps->float16 },
        [DV_COOP_BF16] = { VK_COMPONENT_TYPE_BFLOAT16_KHR,
                           p->bfloat16_features.shaderBFloat16CooperativeMatrix },
        [DV_COOP_E4M3] = { VK_COMPONENT_TYPE_FLOAT8_E4M3_EXT,
                           p->float8_features.shaderFloat8CooperativeMatrix },
    };
    caps->cooperative_matrix = p->cooperative_matrix_features.cooperativeMatrix &&
                               p->features12.vulkanMemoryModel &&
                               p->features12.vulkanMemoryModelDeviceScope;
    for (uint32_t i = 0; caps->cooperative_matrix && i < p->n_coop; i++) {
        const VkCooperativeMatrixPropertiesKHR *c     = &p->coop[i];
        struct dv_coop_shape                    shape = { c->MSize, c->NSize, c->KSize };
        if (c->scope != VK_SCOPE_SUBGROUP_KHR || c->CType != VK_COMPONENT_TYPE_FLOAT32_KHR ||
            c->ResultType != VK_COMPONENT_TYPE_FLOAT32_KHR || !is_side(shape.m, 16) ||
            !is_side(shape.n, 16) || !is_side(shape.k, 32))
            continue;
        for (int t = 0; t < DV_N_COOP_TYPES; t++)
            if (types[t].offered && c->AType == types[t].component &&
                c->BType == types[t].component && volume(&shape) > volume(&caps->coop[t]))
                caps->coop[t] = shape;
    }
}

static void forget_shapes(struct dv_caps *caps)
{
    caps->cooperative_matrix = false;
    memset(caps->coop, 0, sizeof caps->coop);
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

/* Lavapipe 22.3 loads for each lane, 26.1 and 26.2 once, and is a tenth as fast; others were not
 * measured. AMD's hardware
 * shifts packed 16-bit integers since GFX9, which is also the first with float16 in its drivers;
 * NVIDIA's takes them apart. A thread of Intel's has 128 registers, however wide its subgroup. */
static void read_habits(struct dv_caps *caps, const struct dv_probe *p)
{
    caps->scalar_loads = p->driver.driverID == VK_DRIVER_ID_MESA_LLVMPIPE &&
                         VK_API_VERSION_MAJOR(p->properties.properties.driverVersion) >= 26;
    caps->slow = p->driver.driverID == VK_DRIVER_ID_MESA_LLVMPIPE &&
                 VK_API_VERSION_MAJOR(p->properties.properties.driverVersion) <= 22;
    caps->compiles_late = caps->is_software;
    caps->few_registers = p->properties.properties.vendorID == 0x8086;
    caps->packed_int16 =
        p->properties.properties.vendorID == 0x1002 && caps->int16 && caps->float16;
}

/* ANV before 26 advertises cooperative matrices on hardware without matrix units, where it emulates
 * them; those with subgroups of at least 16 (Xe2) do have them.
 * Lavapipe with 512-bit vectors: creating any cooperative matrix pipeline crashes the process
 * (seen in 26.1 and 26.2), and from 26.1 on so does any load through a buffer address. */
static bool avoid_quirks(struct dv_caps *caps, const struct dv_probe *p)
{
    bool lavapipe = p->driver.driverID == VK_DRIVER_ID_MESA_LLVMPIPE;
    bool anv      = p->driver.driverID == VK_DRIVER_ID_INTEL_OPEN_SOURCE_MESA;
    bool before26 = VK_API_VERSION_MAJOR(p->properties.properties.driverVersion) < 26;
    if (anv && before26 && caps->subgroup_min < 16)
        forget_shapes(caps);
    if (!lavapipe || caps->subgroup < 16)
        return true;
    forget_shapes(caps);
    return before26;
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
    read_shapes(caps, p);
    read_habits(caps, p);
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
