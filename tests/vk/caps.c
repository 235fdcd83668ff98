/* SPDX-License-Identifier: MIT */
/* Devices that nobody here owns: properties are faked, one oddity each. */
#include "test.h"

#include "fake_probe.h"
#include "modules.h"

#define GIB ((uint64_t)1 << 30)

void fake_probe(struct dv_probe *p)
{
    memset(p, 0, sizeof *p);
    VkPhysicalDeviceProperties *core = &p->properties.properties;
    core->apiVersion                 = VK_API_VERSION_1_2;
    core->vendorID                   = 0x1002;
    core->deviceType                 = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
    snprintf(core->deviceName, sizeof core->deviceName, "Fake 9000");
    core->limits = (VkPhysicalDeviceLimits){
        .maxComputeSharedMemorySize     = 16384,
        .maxComputeWorkGroupInvocations = 128,
        .maxComputeWorkGroupSize        = { 128, 128, 64 },
        .maxComputeWorkGroupCount       = { 65535, 65535, 65535 },
        .maxPushConstantsSize           = 128,
        .timestampPeriod                = 10,
    };
    p->maintenance3.maxMemoryAllocationSize    = 2 * GIB;
    p->subgroup.subgroupSize                   = 64;
    p->subgroup.supportedStages                = VK_SHADER_STAGE_COMPUTE_BIT;
    p->subgroup.supportedOperations            = VK_SUBGROUP_FEATURE_ARITHMETIC_BIT;
    p->features12.bufferDeviceAddress          = VK_TRUE;
    p->features12.timelineSemaphore            = VK_TRUE;
    p->features12.vulkanMemoryModel            = VK_TRUE;
    p->features12.vulkanMemoryModelDeviceScope = VK_TRUE;
    p->families[0] =
        (VkQueueFamilyProperties){ .queueFlags = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT,
                                   .queueCount = 1,
                                   .timestampValidBits = 64 };
    p->n_families                              = 1;
    p->memory.memoryProperties.memoryHeapCount = 2;
    p->memory.memoryProperties.memoryHeaps[0]  = (VkMemoryHeap){ 16 * GIB, 0 };
    p->memory.memoryProperties.memoryHeaps[1] =
        (VkMemoryHeap){ 8 * GIB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT };
}

static void caps_of_a_minimal_device(void **state)
{
    struct dv_probe p;
    struct dv_caps  caps;
    (void)state;
    fake_probe(&p);
    dv_caps_read(&caps, &p);
    assert_true(caps.usable);
    assert_string_equal(caps.why_not, "");
    assert_string_equal(caps.name, "Fake 9000");
    assert_string_equal(caps.vendor, "AMD");
    assert_false(caps.is_software || caps.is_integrated || caps.unified_memory);
    assert_true(caps.memory_total == 8 * GIB && caps.memory_free == 8 * GIB);
    assert_true(caps.max_buffer == 2 * GIB);
    assert_int_equal(caps.subgroup, 64);
    assert_true(caps.subgroup_arithmetic);
    assert_false(caps.subgroup_size_control || caps.int64 || caps.float16 || caps.memory_budget ||
                 caps.cooperative_matrix || caps.scalar_loads || caps.packed_int16);
    assert_true(caps.timestamp_ns > 9.9f);
}

enum lack { VERSION, ADDRESS, TIMELINE, QUEUE, SHARED, WORKGROUP, WORKGROUP_X, PUSH, N_LACKS };

static void take_away(struct dv_probe *p, enum lack lack)
{
    VkPhysicalDeviceLimits *limits = &p->properties.properties.limits;
    switch (lack) {
    case VERSION:
        p->properties.properties.apiVersion = VK_API_VERSION_1_1;
        break;
    case ADDRESS:
        p->features12.bufferDeviceAddress = VK_FALSE;
        break;
    case TIMELINE:
        p->features12.timelineSemaphore = VK_FALSE;
        break;
    case QUEUE:
        p->families[0].queueFlags = VK_QUEUE_TRANSFER_BIT;
        break;
    case SHARED:
        limits->maxComputeSharedMemorySize = 16383;
        break;
    case WORKGROUP:
        limits->maxComputeWorkGroupInvocations = 127;
        break;
    case WORKGROUP_X:
        limits->maxComputeWorkGroupSize[0] = 64;
        break;
    default:
        limits->maxPushConstantsSize = 127;
    }
}

static void caps_say_what_is_lacking(void **state)
{
    static const char *const why[N_LACKS] = {
        [VERSION]     = "it offers Vulkan 1.1 and 1.2 is needed",
        [ADDRESS]     = "it has no buffer device addresses",
        [TIMELINE]    = "it has no timeline semaphores",
        [QUEUE]       = "it has no compute queue",
        [SHARED]      = "it has 16383 bytes of shared memory and 16384 are needed",
        [WORKGROUP]   = "its workgroups have at most 127 invocations and 128 are needed",
        [WORKGROUP_X] = "its workgroups have at most 64 invocations and 128 are needed",
        [PUSH]        = "it has 127 bytes of push constants and 128 are needed",
    };
    (void)state;
    for (int lack = 0; lack < N_LACKS; lack++) {
        struct dv_probe p;
        struct dv_caps  caps;
        fake_probe(&p);
        take_away(&p, (enum lack)lack);
        dv_caps_read(&caps, &p);
        assert_false(caps.usable);
        assert_string_equal(caps.why_not, why[lack]);
    }
}

static void caps_prefer_a_queue_for_compute_only(void **state)
{
    struct dv_probe p;
    struct dv_caps  caps;
    (void)state;
    fake_probe(&p);
    p.families[1] =
        (VkQueueFamilyProperties){ .queueFlags = VK_QUEUE_TRANSFER_BIT, .queueCount = 2 };
    p.families[2] =
        (VkQueueFamilyProperties){ .queueFlags = VK_QUEUE_COMPUTE_BIT, .queueCount = 4 };
    p.n_families = 3;
    dv_caps_read(&caps, &p);
    assert_int_equal(caps.queue_family, 2);
    assert_true(caps.timestamp_ns <= 0); /* that family has no timestamps */
    p.families[2].queueCount = 0;
    dv_caps_read(&caps, &p);
    assert_int_equal(caps.queue_family, 0);
}

static void caps_read_the_budget(void **state)
{
    struct dv_probe p;
    struct dv_caps  caps;
    (void)state;
    fake_probe(&p);
    p.has.budget           = true;
    p.budget.heapBudget[1] = 6 * GIB;
    p.budget.heapUsage[1]  = 1 * GIB;
    p.budget.heapBudget[0] = 16 * GIB; /* host memory does not count */
    dv_caps_read(&caps, &p);
    assert_true(caps.memory_free == 5 * GIB && caps.memory_total == 8 * GIB);
    p.budget.heapUsage[1] = 7 * GIB; /* others took more than our share */
    dv_caps_read(&caps, &p);
    assert_true(caps.memory_free == 0);
}

static void add_type(struct dv_probe *p, uint32_t heap, VkMemoryPropertyFlags flags)
{
    VkPhysicalDeviceMemoryProperties *m  = &p->memory.memoryProperties;
    m->memoryTypes[m->memoryTypeCount++] = (VkMemoryType){ flags, heap };
}

#define VISIBLE (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)
#define LOCAL VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT

/* A card of 8 GiB with a window of 256 MiB on it: what is free in the window is not counted as room
 * for weights, and weights go through staging. */
static void caps_heaps_of_a_small_bar(void **state)
{
    struct dv_probe p;
    struct dv_caps  caps;
    (void)state;
    fake_probe(&p);
    p.memory.memoryProperties.memoryHeapCount = 3;
    p.memory.memoryProperties.memoryHeaps[2] =
        (VkMemoryHeap){ GIB / 4, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT };
    add_type(&p, 1, LOCAL);
    add_type(&p, 0, VISIBLE);
    add_type(&p, 2, LOCAL | VISIBLE);
    dv_caps_read(&caps, &p);
    assert_int_equal(caps.n_heaps, 3);
    assert_int_equal(caps.device_heap, 1);
    assert_int_equal(caps.host_heap, 0);
    assert_false(caps.device_mapped);
    assert_false(caps.heaps[1].visible);
    assert_true(caps.heaps[2].visible && caps.heaps[2].local);
    /* All of it mapped: weights are written in place. */
    add_type(&p, 1, LOCAL | VISIBLE);
    dv_caps_read(&caps, &p);
    assert_true(caps.device_mapped);
    assert_int_equal(caps.device_heap, 1);
}

/* Integrated: one heap for both sides, or two that both are system memory. */
static void caps_heaps_of_unified_memory(void **state)
{
    struct dv_probe p;
    struct dv_caps  caps;
    (void)state;
    fake_probe(&p);
    p.memory.memoryProperties.memoryHeapCount = 1;
    p.memory.memoryProperties.memoryHeaps[0] =
        (VkMemoryHeap){ 16 * GIB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT };
    add_type(&p, 0, LOCAL | VISIBLE);
    dv_caps_read(&caps, &p);
    assert_int_equal(caps.device_heap, 0);
    assert_int_equal(caps.host_heap, 0);
    assert_true(caps.device_mapped);
    fake_probe(&p);
    add_type(&p, 1, LOCAL);
    add_type(&p, 1, LOCAL | VISIBLE);
    add_type(&p, 0, VISIBLE);
    p.has.budget           = true;
    p.budget.heapBudget[1] = 6 * GIB;
    p.budget.heapUsage[1]  = 1 * GIB;
    p.budget.heapBudget[0] = 9 * GIB;
    dv_caps_read(&caps, &p);
    assert_int_equal(caps.device_heap, 1);
    assert_int_equal(caps.host_heap, 0);
    assert_true(caps.heaps[1].free == 5 * GIB && caps.heaps[0].free == 9 * GIB);
}

static void caps_size_control_needs_the_compute_stage(void **state)
{
    struct dv_probe p;
    struct dv_caps  caps;
    (void)state;
    fake_probe(&p);
    p.has.size_control                          = true;
    p.size_control_features.subgroupSizeControl = VK_TRUE;
    p.size_control.minSubgroupSize              = 32;
    p.size_control.maxSubgroupSize              = 64;
    dv_caps_read(&caps, &p);
    assert_false(caps.subgroup_size_control);
    assert_int_equal(caps.subgroup_min, 64);
    p.size_control.requiredSubgroupSizeStages = VK_SHADER_STAGE_COMPUTE_BIT;
    dv_caps_read(&caps, &p);
    assert_true(caps.subgroup_size_control);
    assert_int_equal(caps.subgroup_min, 32);
    assert_int_equal(caps.subgroup_max, 64);
}

/* NVIDIA's hardware takes a packed shift apart: there the masks are fewer instructions. */
static void caps_shift_packed_integers_on_amd_only(void **state)
{
    struct dv_probe p;
    struct dv_caps  caps;
    (void)state;
    fake_probe(&p);
    p.features.features.shaderInt16 = VK_TRUE;
    dv_caps_read(&caps, &p);
    assert_false(caps.packed_int16);
    p.features12.shaderFloat16 = VK_TRUE;
    dv_caps_read(&caps, &p);
    assert_true(caps.packed_int16);
    p.properties.properties.vendorID = 0x10DE;
    dv_caps_read(&caps, &p);
    assert_false(caps.packed_int16);
}

static void caps_know_who_has_few_registers(void **state)
{
    static const struct {
        uint32_t vendor;
        bool     few;
    } cases[] = { { 0x8086, true }, { 0x1002, false }, { 0x10DE, false }, { 0x10005, false } };
    struct dv_probe p;
    struct dv_caps  caps;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_probe(&p);
        p.properties.properties.vendorID = cases[i].vendor;
        dv_caps_read(&caps, &p);
        assert_int_equal(caps.few_registers, cases[i].few);
    }
}

static void caps_avoid_lavapipe_with_wide_vectors(void **state)
{
    struct dv_probe p;
    struct dv_caps  caps;
    (void)state;
    fake_probe(&p);
    p.driver.driverID                               = VK_DRIVER_ID_MESA_LLVMPIPE;
    p.properties.properties.driverVersion           = VK_MAKE_API_VERSION(0, 26, 1, 6);
    p.cooperative_matrix_features.cooperativeMatrix = VK_TRUE;
    p.subgroup.subgroupSize                         = 8;
    dv_caps_read(&caps, &p);
    assert_true(caps.usable && caps.cooperative_matrix && caps.scalar_loads && !caps.slow);
    p.subgroup.subgroupSize = 16;
    dv_caps_read(&caps, &p);
    assert_false(caps.usable || caps.cooperative_matrix);
    p.properties.properties.driverVersion = VK_MAKE_API_VERSION(0, 22, 3, 6);
    dv_caps_read(&caps, &p);
    assert_true(caps.usable && !caps.scalar_loads && caps.slow);
}

static void caps_tidy_names(void **state)
{
    struct dv_probe p;
    struct dv_caps  caps;
    (void)state;
    fake_probe(&p);
    snprintf(p.properties.properties.deviceName, 16, "NVK ");
    snprintf(p.driver.driverName, 16, "NVK");
    snprintf(p.driver.driverInfo, 16, "Mesa 26.1");
    p.properties.properties.vendorID   = 0xabcd;
    p.properties.properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
    dv_caps_read(&caps, &p);
    assert_string_equal(caps.name, "NVK");
    assert_string_equal(caps.driver, "NVK Mesa 26.1");
    assert_string_equal(caps.vendor, "vendor 0xabcd");
    assert_true(caps.is_integrated && caps.unified_memory);
}

int test_caps(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caps_of_a_minimal_device),
        cmocka_unit_test(caps_say_what_is_lacking),
        cmocka_unit_test(caps_prefer_a_queue_for_compute_only),
        cmocka_unit_test(caps_read_the_budget),
        cmocka_unit_test(caps_heaps_of_a_small_bar),
        cmocka_unit_test(caps_heaps_of_unified_memory),
        cmocka_unit_test(caps_size_control_needs_the_compute_stage),
        cmocka_unit_test(caps_shift_packed_integers_on_amd_only),
        cmocka_unit_test(caps_know_who_has_few_registers),
        cmocka_unit_test(caps_avoid_lavapipe_with_wide_vectors),
        cmocka_unit_test(caps_tidy_names),
    };
    return cmocka_run_group_tests_name("caps", tests, NULL, NULL);
}
