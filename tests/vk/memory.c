/* SPDX-License-Identifier: MIT */
/* Buffers and the choice of memory types, the latter on made properties, since a test machine has
 * one kind of memory. */
#include "test.h"

#include "modules.h"
#include "support/device.h"

static struct test_device t;

static int open_device(void **state)
{
    (void)state;
    return test_device_open(&t) ? 0 : -1;
}

static int close_device(void **state)
{
    (void)state;
    return test_teardown(test_device_close(&t));
}

static void buffer_is_aligned_zeroed_and_accounted(void **state)
{
    static const uint64_t sizes[] = { 1, 3, 4, 257, 65536, 1000003 };
    (void)state;
    for (int kind = DV_MEMORY_DEVICE; kind <= DV_MEMORY_HOST; kind++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            struct dv_buffer *buffer;
            assert_int_equal(dv_buffer_new(&buffer, t.dev, sizes[i], (enum dv_memory)kind, "it"),
                             DSVK_OK);
            assert_true(buffer->address != 0 && buffer->address % 256 == 0);
            assert_true(buffer->bytes == sizes[i]);
            bool device = kind == DV_MEMORY_DEVICE || kind == DV_MEMORY_RAW;
            bool zeroed = kind != DV_MEMORY_RAW && kind != DV_MEMORY_HOST;
            assert_true(buffer->mapped || device);
            for (uint64_t k = 0; buffer->mapped && zeroed && k < sizes[i]; k++)
                assert_int_equal(((unsigned char *)buffer->mapped)[k], 0);
            assert_true(t.dev->bytes_used == (device ? sizes[i] : 0));
            dv_buffer_free(buffer);
            assert_true(t.dev->bytes_used == 0);
        }
    dv_buffer_free(NULL);
}

static void buffer_limits_are_refused(void **state)
{
    struct dv_buffer *a, *b;
    uint64_t          limit = t.dev->caps.max_allocation < t.dev->caps.max_buffer
                                  ? t.dev->caps.max_allocation
                                  : t.dev->caps.max_buffer;
    (void)state;
    test_device_expect(&t);
    assert_int_equal(dv_buffer_new(&a, t.dev, 0, DV_MEMORY_DEVICE, "nil"), DSVK_BAD_ARGUMENT);
    assert_null(a);
    assert_int_equal(dv_buffer_new(&a, t.dev, limit + 1, DV_MEMORY_DEVICE, "big"), DSVK_NO_VRAM);
    assert_int_equal(dv_buffer_new(&a, t.dev, UINT64_MAX, DV_MEMORY_DEVICE, "big"), DSVK_NO_VRAM);
    assert_int_equal(test_device_expected(&t), 3);

    t.dev->bytes_limit = 1000;
    assert_int_equal(dv_buffer_new(&a, t.dev, 600, DV_MEMORY_DEVICE, "first"), DSVK_OK);
    test_device_expect(&t);
    assert_int_equal(dv_buffer_new(&b, t.dev, 401, DV_MEMORY_DEVICE, "second"), DSVK_NO_VRAM);
    assert_string_equal(t.line,
                        "memory: second: 401 bytes, of the limit of 1000 only 400 are free");
    assert_int_equal(test_device_expected(&t), 1);
    assert_int_equal(dv_buffer_new(&b, t.dev, 400, DV_MEMORY_DEVICE, "second"), DSVK_OK);
    dv_buffer_free(b);
    assert_int_equal(dv_buffer_new(&b, t.dev, 5000, DV_MEMORY_UPLOAD, "host"), DSVK_OK);
    dv_buffer_free(b);
    dv_buffer_free(a);
    t.dev->bytes_limit = 0;
}

enum {
    L = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
    V = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
    C = VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
    K = VK_MEMORY_PROPERTY_HOST_CACHED_BIT
};

/* Memory types as on real devices: which one is taken shows by what the host can do with it. */
static void set_types(VkPhysicalDeviceMemoryProperties *m, uint64_t window)
{
    *m = (VkPhysicalDeviceMemoryProperties){
        .memoryHeapCount = 3,
        .memoryHeaps     = { { 8000, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT },
                             { 16000, 0 },
                             { window, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT } },
        .memoryTypeCount = 5,
        .memoryTypes     = { { L, 0 },
                             { V | C, 1 },
                             { L | V | C, 2 },
                             { V | C | K, 1 },
                             { L | V | C | 0x40, 0 } }, /* 0x40: a flag of a vendor */
    };
}

static uint32_t                          taken[4], n_taken;
static PFN_vkAllocateMemory              allocate;
static PFN_vkGetBufferMemoryRequirements requirements;

static VKAPI_ATTR VkResult VKAPI_CALL note_type(VkDevice device, const VkMemoryAllocateInfo *info,
                                                const VkAllocationCallbacks *a, VkDeviceMemory *o)
{
    (void)device;
    (void)a;
    (void)o;
    taken[n_taken++ % 4] = info->memoryTypeIndex;
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

static VKAPI_ATTR void VKAPI_CALL any_type(VkDevice device, VkBuffer buffer,
                                           VkMemoryRequirements *need)
{
    (void)device;
    (void)buffer;
    *need = (VkMemoryRequirements){ 4096, 256, 0x1f };
}

static uint32_t type_for(enum dv_memory kind)
{
    struct dv_buffer *buffer;
    n_taken = 0;
    assert_int_equal(dv_buffer_new(&buffer, t.dev, 4096, kind, "it"), DSVK_NO_VRAM);
    return taken[0];
}

static void memory_types_are_chosen_by_use(void **state)
{
    VkPhysicalDeviceMemoryProperties memory = t.dev->memory;
    (void)state;
    requirements                            = t.dev->vk.vkGetBufferMemoryRequirements;
    allocate                                = t.dev->vk.vkAllocateMemory;
    t.dev->vk.vkAllocateMemory              = note_type;
    t.dev->vk.vkGetBufferMemoryRequirements = any_type;
    test_device_expect(&t);
    set_types(&t.dev->memory, 256); /* a small window: never for device memory */
    assert_int_equal(type_for(DV_MEMORY_DEVICE), 0);
    assert_int_equal(n_taken, 1);
    assert_int_equal(type_for(DV_MEMORY_UPLOAD), 1);
    assert_int_equal(type_for(DV_MEMORY_STEP), 2); /* in the window, */
    assert_int_equal(n_taken, 2);
    assert_int_equal(taken[1], 1); /* and when that is full with the host */
    assert_int_equal(type_for(DV_MEMORY_READBACK), 3);
    assert_int_equal(type_for(DV_MEMORY_HOST), 3); /* and no line */
    set_types(&t.dev->memory, 8000);
    t.dev->memory.memoryTypes[2].heapIndex = 0; /* all device memory is mapped */
    assert_int_equal(type_for(DV_MEMORY_DEVICE), 2);
    assert_int_equal(n_taken, 2);
    assert_int_equal(taken[1], 0); /* when that is full */
    assert_int_equal(type_for(DV_MEMORY_UPLOAD), 1);
    assert_int_equal(n_taken, 1);
    assert_int_equal(type_for(DV_MEMORY_STEP), 2);
    assert_int_equal(test_device_expected(&t), 7);
    t.dev->memory                           = memory;
    t.dev->vk.vkAllocateMemory              = allocate;
    t.dev->vk.vkGetBufferMemoryRequirements = requirements;
}

/* A driver that has no room for mappings, and one that has no memory of the type that is mapped;
 * a GPU's other types are its own. */
static uint32_t        shown, hidden;
static VkResult        no_map, no_memory;
static PFN_vkMapMemory map;

static VKAPI_ATTR VkResult VKAPI_CALL allocate_shown(VkDevice                     device,
                                                     const VkMemoryAllocateInfo  *info,
                                                     const VkAllocationCallbacks *a,
                                                     VkDeviceMemory              *o)
{
    VkMemoryAllocateInfo real = *info;
    if (real.memoryTypeIndex == hidden)
        real.memoryTypeIndex = shown;
    else if (no_memory && real.memoryTypeIndex == shown)
        return no_memory;
    return allocate(device, &real, a, o);
}

static VKAPI_ATTR VkResult VKAPI_CALL map_none(VkDevice device, VkDeviceMemory memory,
                                               VkDeviceSize offset, VkDeviceSize bytes,
                                               VkMemoryMapFlags flags, void **data)
{
    return no_map ? no_map : map(device, memory, offset, bytes, flags, data);
}

static VKAPI_ATTR void VKAPI_CALL hidden_too(VkDevice device, VkBuffer buffer,
                                             VkMemoryRequirements *need)
{
    requirements(device, buffer, need);
    need->memoryTypeBits |= 1u << hidden;
}

/* While there is memory: staging memory may be of the same type. */
static void make_staging(struct dv_stream *stream)
{
    uint32_t          word = 1;
    struct dv_buffer *buffer;
    assert_int_equal(dv_buffer_new(&buffer, t.dev, 4, DV_MEMORY_DEVICE, "it"), DSVK_OK);
    assert_non_null(buffer->mapped);
    buffer->mapped = NULL;
    assert_int_equal(dv_stream_upload(stream, buffer, 0, &word, 4), DSVK_OK);
    assert_int_equal(dv_stream_download(stream, &word, buffer, 0, 4), DSVK_OK);
    dv_buffer_free(buffer);
}

/* A buffer in memory that is not mapped keeps what is written to it. */
static void expect_staged(struct dv_stream *stream)
{
    uint32_t          in[64], out[64] = { 0 };
    struct dv_buffer *buffer;
    for (uint32_t i = 0; i < 64; i++)
        in[i] = i * 2654435761u;
    assert_int_equal(dv_buffer_new(&buffer, t.dev, sizeof in, DV_MEMORY_DEVICE, "it"), DSVK_OK);
    assert_null(buffer->mapped);
    assert_true(t.dev->bytes_used == sizeof in);
    assert_int_equal(dv_stream_upload(stream, buffer, 0, in, sizeof in), DSVK_OK);
    assert_int_equal(dv_stream_download(stream, out, buffer, 0, sizeof out), DSVK_OK);
    assert_memory_equal(in, out, sizeof in);
    dv_buffer_free(buffer);
    assert_true(t.dev->bytes_used == 0);
}

static void device_memory_that_cannot_be_mapped_is_staged(void **state)
{
    VkPhysicalDeviceMemoryProperties *memory = &t.dev->memory, before = *memory;
    struct VolkDeviceTable            vk = t.dev->vk;
    struct dv_stream                 *stream;
    struct dv_buffer                 *buffer;
    (void)state;
    shown = dv_memory_type(memory, UINT32_MAX, DV_MEMORY_DEVICE);
    if (!t.dev->caps.device_mapped || memory->memoryTypeCount == VK_MAX_MEMORY_TYPES)
        skip();
    assert_int_equal(dv_stream_new(&stream, t.dev), DSVK_OK);
    make_staging(stream);
    hidden                      = memory->memoryTypeCount++;
    memory->memoryTypes[hidden] = (VkMemoryType){ L, memory->memoryTypes[shown].heapIndex };
    allocate                    = vk.vkAllocateMemory;
    map                         = vk.vkMapMemory;
    requirements                = vk.vkGetBufferMemoryRequirements;
    t.dev->vk.vkAllocateMemory  = allocate_shown;
    t.dev->vk.vkMapMemory       = map_none;
    t.dev->vk.vkGetBufferMemoryRequirements = hidden_too;
    test_device_expect(&t);
    no_map = VK_ERROR_DEVICE_LOST; /* is not a want of memory */
    assert_int_equal(dv_buffer_new(&buffer, t.dev, 64, DV_MEMORY_DEVICE, "it"), DSVK_DEVICE_LOST);
    assert_int_equal(test_device_expected(&t), 1);
    t.dev->lost = false;
    no_map      = VK_ERROR_MEMORY_MAP_FAILED;
    expect_staged(stream);
    no_map    = VK_SUCCESS;
    no_memory = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    expect_staged(stream);
    t.dev->vk     = vk;
    t.dev->memory = before;
    dv_stream_free(stream);
}

/* Wants of memory may end: whoever asks again later must be able to tell them from the rest. */
static void wants_of_memory_have_statuses_of_their_own(void **state)
{
    static const struct {
        VkResult    result;
        dsvk_status status;
    } cases[] = {
        { VK_ERROR_OUT_OF_DEVICE_MEMORY, DSVK_NO_VRAM },
        { VK_ERROR_OUT_OF_HOST_MEMORY, DSVK_NO_MEMORY },
        { VK_ERROR_MEMORY_MAP_FAILED, DSVK_NO_MEMORY },
        { VK_ERROR_TOO_MANY_OBJECTS, DSVK_NO_VRAM },
        { VK_ERROR_INITIALIZATION_FAILED, DSVK_UNSUPPORTED },
        { (VkResult)-12345, DSVK_UNSUPPORTED },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        test_device_expect(&t);
        assert_int_equal(dv_device_result(t.dev, cases[i].result, "a test"), cases[i].status);
        assert_int_equal(test_device_expected(&t), 1);
    }
}

int test_memory(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffer_is_aligned_zeroed_and_accounted),
        cmocka_unit_test(buffer_limits_are_refused),
        cmocka_unit_test(memory_types_are_chosen_by_use),
        cmocka_unit_test(device_memory_that_cannot_be_mapped_is_staged),
        cmocka_unit_test(wants_of_memory_have_statuses_of_their_own),
    };
    return cmocka_run_group_tests_name("memory", tests, open_device, close_device);
}
