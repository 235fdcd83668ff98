/* SPDX-License-Identifier: MIT */
/* Allocators and Vulkan tables that fail at the nth call. Calls are counted from the moment of
 * arming, over all threads, and the name of the failed one is kept for the message. */
#include "support/fault.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static void *resize(void *user, void *memory, size_t bytes)
{
    struct fault_allocator *state = user;
    if (bytes == 0) {
        state->live -= memory != NULL;
        free(memory);
        return NULL;
    }
    if (++state->calls == state->fail_at) {
        state->fired = true;
        return NULL;
    }
    void *result = realloc(memory, bytes);
    state->live += !memory && result;
    return result;
}

dsvk_allocator fault_allocator(struct fault_allocator *state, size_t fail_at)
{
    *state = (struct fault_allocator){ .fail_at = fail_at };
    return (dsvk_allocator){ resize, state };
}

/* ---- the state of the one device under test ---- */

static struct VolkDeviceTable                                real;
static PFN_vkGetInstanceProcAddr                             real_get_instance;
static PFN_vkGetDeviceProcAddr                               real_get_device;
static PFN_vkCreateInstance                                  real_create_instance;
static PFN_vkCreateDevice                                    real_create_device;
static PFN_vkEnumeratePhysicalDevices                        real_enumerate;
static PFN_vkEnumerateInstanceVersion                        real_version;
static PFN_vkEnumerateInstanceLayerProperties                real_layers;
static PFN_vkEnumerateInstanceExtensionProperties            real_extensions;
static PFN_vkEnumerateDeviceExtensionProperties              real_device_extensions;
static PFN_vkCreateDebugUtilsMessengerEXT                    real_messenger;
static PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR real_coop;
static atomic_uint calls; /* pipelines are made on several threads */
static unsigned    fail_at;
static VkResult    failure;
static const char *failed_call = "", *only_call;
static bool        lost; /* the device, until there is a new one */

static bool hit(const char *name)
{
    if (lost)
        return true;
    if (only_call && strcmp(name, only_call) != 0)
        return false;
    if (atomic_fetch_add(&calls, 1) + 1 != fail_at)
        return false;
    failed_call = name;
    return true;
}

/* The calls that may fail: name, parameters, arguments. */
#define INFO(type) VkDevice d, const type *i, const VkAllocationCallbacks *a
#define FALLIBLE(X)                                                                                \
    X(AllocateCommandBuffers,                                                                      \
      (VkDevice d, const VkCommandBufferAllocateInfo *i, VkCommandBuffer *o), (d, i, o))           \
    X(AllocateMemory, (INFO(VkMemoryAllocateInfo), VkDeviceMemory * o), (d, i, a, o))              \
    X(BeginCommandBuffer, (VkCommandBuffer d, const VkCommandBufferBeginInfo *i), (d, i))          \
    X(BindBufferMemory, (VkDevice d, VkBuffer b, VkDeviceMemory m, VkDeviceSize o), (d, b, m, o))  \
    X(CreateBuffer, (INFO(VkBufferCreateInfo), VkBuffer * o), (d, i, a, o))                        \
    X(CreateCommandPool, (INFO(VkCommandPoolCreateInfo), VkCommandPool * o), (d, i, a, o))         \
    X(CreateComputePipelines,                                                                      \
      (VkDevice d, VkPipelineCache c, uint32_t n, const VkComputePipelineCreateInfo *i,            \
       const VkAllocationCallbacks *a, VkPipeline *o),                                             \
      (d, c, n, i, a, o))                                                                          \
    X(CreatePipelineCache, (INFO(VkPipelineCacheCreateInfo), VkPipelineCache * o), (d, i, a, o))   \
    X(CreatePipelineLayout, (INFO(VkPipelineLayoutCreateInfo), VkPipelineLayout * o),              \
      (d, i, a, o))                                                                                \
    X(CreateQueryPool, (INFO(VkQueryPoolCreateInfo), VkQueryPool * o), (d, i, a, o))               \
    X(CreateSemaphore, (INFO(VkSemaphoreCreateInfo), VkSemaphore * o), (d, i, a, o))               \
    X(CreateShaderModule, (INFO(VkShaderModuleCreateInfo), VkShaderModule * o), (d, i, a, o))      \
    X(EndCommandBuffer, (VkCommandBuffer d), (d))                                                  \
    X(GetPipelineCacheData, (VkDevice d, VkPipelineCache c, size_t * n, void *o), (d, c, n, o))    \
    X(GetPipelineExecutablePropertiesKHR,                                                          \
      (VkDevice d, const VkPipelineInfoKHR *i, uint32_t *n, VkPipelineExecutablePropertiesKHR *o), \
      (d, i, n, o))                                                                                \
    X(GetPipelineExecutableStatisticsKHR,                                                          \
      (VkDevice d, const VkPipelineExecutableInfoKHR *i, uint32_t *n,                              \
       VkPipelineExecutableStatisticKHR *o),                                                       \
      (d, i, n, o))                                                                                \
    X(GetQueryPoolResults,                                                                         \
      (VkDevice d, VkQueryPool p, uint32_t f, uint32_t n, size_t s, void *o, VkDeviceSize t,       \
       VkQueryResultFlags g),                                                                      \
      (d, p, f, n, s, o, t, g))                                                                    \
    X(MapMemory,                                                                                   \
      (VkDevice d, VkDeviceMemory m, VkDeviceSize f, VkDeviceSize s, VkMemoryMapFlags g,           \
       void **o),                                                                                  \
      (d, m, f, s, g, o))                                                                          \
    X(QueueSubmit, (VkQueue d, uint32_t n, const VkSubmitInfo *i, VkFence f), (d, n, i, f))        \
    X(ResetCommandPool, (VkDevice d, VkCommandPool p, VkCommandPoolResetFlags g), (d, p, g))       \
    X(WaitSemaphores, (VkDevice d, const VkSemaphoreWaitInfo *i, uint64_t t), (d, i, t))

#define X(name, parameters, arguments)                                                             \
    static VKAPI_ATTR VkResult VKAPI_CALL fail_##name parameters                                   \
    {                                                                                              \
        return hit("vk" #name) ? failure : real.vk##name arguments;                                \
    }
FALLIBLE(X)
#undef X

static void arm(unsigned nth, VkResult result)
{
    calls       = 0;
    fail_at     = nth;
    failure     = result;
    failed_call = "";
    lost        = false;
}

/* No other memory to turn to when mapped memory fails: every failure counts. */
static void hide_second_choice(struct dv_device *dev)
{
    enum { LOCAL = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, UNKNOWN = 1 << 30 };
    VkPhysicalDeviceMemoryProperties *m = &dev->memory;
    for (uint32_t i = 0; dev->caps.device_mapped && i < m->memoryTypeCount; i++)
        if (m->memoryTypes[i].propertyFlags == LOCAL)
            m->memoryTypes[i].propertyFlags |= UNKNOWN;
}

static void wrap(struct dv_device *dev)
{
    if (dev->vk.vkCreateBuffer != fail_CreateBuffer)
        real = dev->vk;
#define X(name, parameters, arguments)                                                             \
    if (real.vk##name)                                                                             \
        dev->vk.vk##name = fail_##name;
    FALLIBLE(X)
#undef X
}

void fault_arm(struct dv_device *dev, unsigned nth, VkResult result)
{
    wrap(dev);
    hide_second_choice(dev);
    arm(nth, result);
}

void fault_disarm(struct dv_device *dev)
{
    if (dev->vk.vkCreateBuffer == fail_CreateBuffer) {
#define X(name, parameters, arguments) dev->vk.vk##name = real.vk##name;
        FALLIBLE(X)
#undef X
    }
    fail_at = 0;
    lost    = false;
}

/* ---- a loss that stays ---- */

static struct dv_device *losing;
static unsigned          submits, lose_at;
static bool              lose_late;

/* A lost device runs nothing any more, and one that only plays it must not either. */
static void end_earlier(const VkSubmitInfo *info)
{
    const VkTimelineSemaphoreSubmitInfo *values = info->pNext;
    uint64_t                             before = values->pSignalSemaphoreValues[0] - 1;
    VkSemaphoreWaitInfo                  wait   = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                                    .semaphoreCount = 1,
                                                    .pSemaphores    = info->pSignalSemaphores,
                                                    .pValues        = &before };
    if (real.vkWaitSemaphores(losing->handle, &wait, UINT64_MAX) != VK_SUCCESS)
        abort();
}

static VKAPI_ATTR VkResult VKAPI_CALL lose_QueueSubmit(VkQueue queue, uint32_t n,
                                                       const VkSubmitInfo *info, VkFence fence)
{
    if (lost)
        return VK_ERROR_DEVICE_LOST;
    if (++submits != lose_at)
        return real.vkQueueSubmit(queue, n, info, fence);
    end_earlier(info);
    lost        = true;
    failed_call = "vkQueueSubmit";
    return lose_late ? VK_SUCCESS : VK_ERROR_DEVICE_LOST;
}

void fault_lose(struct dv_device *dev, unsigned nth, bool late)
{
    wrap(dev);
    arm(0, VK_ERROR_DEVICE_LOST);
    dev->vk.vkQueueSubmit = lose_QueueSubmit;
    losing                = dev;
    lose_at               = nth;
    lose_late             = late;
    submits               = 0;
}

void fault_only(const char *call)
{
    only_call = call;
}

bool fault_fired(void)
{
    return failed_call[0] != 0;
}

const char *fault_call(void)
{
    return failed_call;
}

unsigned fault_count(void)
{
    return calls;
}

/* ---- creation ---- */

static VKAPI_ATTR VkResult VKAPI_CALL fail_CreateInstance(const VkInstanceCreateInfo  *i,
                                                          const VkAllocationCallbacks *a,
                                                          VkInstance                  *o)
{
    return hit("vkCreateInstance") ? failure : real_create_instance(i, a, o);
}

static VKAPI_ATTR VkResult VKAPI_CALL fail_EnumeratePhysicalDevices(VkInstance in, uint32_t *n,
                                                                    VkPhysicalDevice *o)
{
    return hit("vkEnumeratePhysicalDevices") ? failure : real_enumerate(in, n, o);
}

static VKAPI_ATTR VkResult VKAPI_CALL fail_Version(uint32_t *version)
{
    return hit("vkEnumerateInstanceVersion") ? failure : real_version(version);
}

static VKAPI_ATTR VkResult VKAPI_CALL fail_Layers(uint32_t *n, VkLayerProperties *o)
{
    return hit("vkEnumerateInstanceLayerProperties") ? failure : real_layers(n, o);
}

static VKAPI_ATTR VkResult VKAPI_CALL fail_Extensions(const char *layer, uint32_t *n,
                                                      VkExtensionProperties *o)
{
    return hit("vkEnumerateInstanceExtensionProperties") ? failure : real_extensions(layer, n, o);
}

static VKAPI_ATTR VkResult VKAPI_CALL fail_DeviceExtensions(VkPhysicalDevice p, const char *layer,
                                                            uint32_t *n, VkExtensionProperties *o)
{
    return hit("vkEnumerateDeviceExtensionProperties") ? failure
                                                       : real_device_extensions(p, layer, n, o);
}

static VKAPI_ATTR VkResult VKAPI_CALL fail_Messenger(VkInstance                                in,
                                                     const VkDebugUtilsMessengerCreateInfoEXT *i,
                                                     const VkAllocationCallbacks              *a,
                                                     VkDebugUtilsMessengerEXT                 *o)
{
    return hit("vkCreateDebugUtilsMessengerEXT") ? failure : real_messenger(in, i, a, o);
}

static VKAPI_ATTR VkResult VKAPI_CALL fail_Coop(VkPhysicalDevice p, uint32_t *n,
                                                VkCooperativeMatrixPropertiesKHR *o)
{
    return hit("vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR") ? failure : real_coop(p, n, o);
}

static VKAPI_ATTR VkResult VKAPI_CALL fail_CreateDevice(VkPhysicalDevice             p,
                                                        const VkDeviceCreateInfo    *i,
                                                        const VkAllocationCallbacks *a, VkDevice *o)
{
    return hit("vkCreateDevice") ? failure : real_create_device(p, i, a, o);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device(VkDevice device, const char *name)
{
    PFN_vkVoidFunction function = real_get_device(device, name);
#define X(entry, parameters, arguments)                                                            \
    if (function && strcmp(name, "vk" #entry) == 0) {                                              \
        real.vk##entry = (PFN_vk##entry)function;                                                  \
        return (PFN_vkVoidFunction)fail_##entry;                                                   \
    }
    FALLIBLE(X)
#undef X
    return function;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_instance(VkInstance instance, const char *name)
{
    PFN_vkVoidFunction function = real_get_instance(instance, name);
#define WRAP(entry, original, wrapper)                                                             \
    if (function && strcmp(name, "vk" #entry) == 0) {                                              \
        original = (PFN_vk##entry)function;                                                        \
        return (PFN_vkVoidFunction)wrapper;                                                        \
    }
    WRAP(CreateInstance, real_create_instance, fail_CreateInstance)
    WRAP(EnumeratePhysicalDevices, real_enumerate, fail_EnumeratePhysicalDevices)
    WRAP(EnumerateInstanceVersion, real_version, fail_Version)
    WRAP(EnumerateInstanceLayerProperties, real_layers, fail_Layers)
    WRAP(EnumerateInstanceExtensionProperties, real_extensions, fail_Extensions)
    WRAP(EnumerateDeviceExtensionProperties, real_device_extensions, fail_DeviceExtensions)
    WRAP(CreateDebugUtilsMessengerEXT, real_messenger, fail_Messenger)
    WRAP(GetPhysicalDeviceCooperativeMatrixPropertiesKHR, real_coop, fail_Coop)
    WRAP(CreateDevice, real_create_device, fail_CreateDevice)
    WRAP(GetDeviceProcAddr, real_get_device, get_device)
#undef WRAP
    return function;
}

void fault_reopen(struct dv_instance *instance, unsigned nth, VkResult result)
{
    struct dv_instance_table *vk = &instance->vk;
    if (vk->vkCreateDevice != fail_CreateDevice) {
        real_create_device = vk->vkCreateDevice;
        real_enumerate     = vk->vkEnumeratePhysicalDevices;
        real_get_device    = vk->vkGetDeviceProcAddr;
    }
    vk->vkCreateDevice             = fail_CreateDevice;
    vk->vkEnumeratePhysicalDevices = fail_EnumeratePhysicalDevices;
    vk->vkGetDeviceProcAddr        = get_device;
    arm(nth, result);
}

PFN_vkGetInstanceProcAddr fault_entry(unsigned nth, VkResult result)
{
    struct dv_context ctx;
    dv_context_init(&ctx, NULL, NULL);
    arm(nth, result);
    return dv_loader_open(&real_get_instance, &ctx) == DSVK_OK ? get_instance : NULL;
}
