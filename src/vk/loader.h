/* SPDX-License-Identifier: MIT */
/* The Vulkan functions that this library calls, as two tables: one per instance, and volk's
 * VolkDeviceTable per device. volk's own loader is not used, because it keeps global function
 * pointers: without them several instances, several devices and an application with a volk of
 * its own live side by side. Only what is listed here is filled in; entries of optional
 * extensions may be NULL. */
#ifndef DV_VK_LOADER_H
#define DV_VK_LOADER_H

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <volk.h>

#include "base/context.h"
#include "vk/compat.h"

#define DV_INSTANCE_FUNCTIONS(X)                                                                   \
    X(CreateDevice)                                                                                \
    X(DestroyInstance)                                                                             \
    X(EnumerateDeviceExtensionProperties)                                                          \
    X(EnumeratePhysicalDevices)                                                                    \
    X(GetDeviceProcAddr)                                                                           \
    X(GetPhysicalDeviceFeatures2)                                                                  \
    X(GetPhysicalDeviceMemoryProperties2)                                                          \
    X(GetPhysicalDeviceProperties)                                                                 \
    X(GetPhysicalDeviceProperties2)                                                                \
    X(GetPhysicalDeviceQueueFamilyProperties)

#define DV_INSTANCE_FUNCTIONS_OPTIONAL(X)                                                          \
    X(CreateDebugUtilsMessengerEXT)                                                                \
    X(DestroyDebugUtilsMessengerEXT)                                                               \
    X(GetPhysicalDeviceCooperativeMatrixPropertiesKHR)

#define DV_DEVICE_FUNCTIONS(X)                                                                     \
    X(AllocateCommandBuffers)                                                                      \
    X(AllocateMemory)                                                                              \
    X(BeginCommandBuffer)                                                                          \
    X(BindBufferMemory)                                                                            \
    X(CmdBindPipeline)                                                                             \
    X(CmdCopyBuffer)                                                                               \
    X(CmdDispatch)                                                                                 \
    X(CmdDispatchIndirect)                                                                         \
    X(CmdFillBuffer)                                                                               \
    X(CmdPipelineBarrier)                                                                          \
    X(CmdPushConstants)                                                                            \
    X(CmdResetQueryPool)                                                                           \
    X(CmdWriteTimestamp)                                                                           \
    X(CreateBuffer)                                                                                \
    X(CreateCommandPool)                                                                           \
    X(CreateComputePipelines)                                                                      \
    X(CreatePipelineCache)                                                                         \
    X(CreatePipelineLayout)                                                                        \
    X(CreateQueryPool)                                                                             \
    X(CreateSemaphore)                                                                             \
    X(CreateShaderModule)                                                                          \
    X(DestroyBuffer)                                                                               \
    X(DestroyCommandPool)                                                                          \
    X(DestroyDevice)                                                                               \
    X(DestroyPipeline)                                                                             \
    X(DestroyPipelineCache)                                                                        \
    X(DestroyPipelineLayout)                                                                       \
    X(DestroyQueryPool)                                                                            \
    X(DestroySemaphore)                                                                            \
    X(DestroyShaderModule)                                                                         \
    X(EndCommandBuffer)                                                                            \
    X(FreeMemory)                                                                                  \
    X(GetBufferDeviceAddress)                                                                      \
    X(GetBufferMemoryRequirements)                                                                 \
    X(GetDeviceQueue)                                                                              \
    X(GetPipelineCacheData)                                                                        \
    X(GetQueryPoolResults)                                                                         \
    X(GetSemaphoreCounterValue)                                                                    \
    X(MapMemory)                                                                                   \
    X(QueueSubmit)                                                                                 \
    X(ResetCommandPool)                                                                            \
    X(WaitSemaphores)

#define DV_DEVICE_FUNCTIONS_OPTIONAL(X)                                                            \
    X(GetPipelineExecutablePropertiesKHR)                                                          \
    X(GetPipelineExecutableStatisticsKHR)

#define X(name) PFN_vk##name vk##name;
struct dv_instance_table {
    PFN_vkGetInstanceProcAddr vkGetInstanceProcAddr;
    DV_INSTANCE_FUNCTIONS(X)
    DV_INSTANCE_FUNCTIONS_OPTIONAL(X)
};
#undef X

/* The system's Vulkan loader. NO_DEVICE when there is none; it stays loaded for the life of
 * the process, since drivers keep threads and exit handlers of their own. */
dsvk_status dv_loader_open(PFN_vkGetInstanceProcAddr *out, const struct dv_context *ctx);

/* Both fill the table; UNSUPPORTED when a function is missing that is not optional. */
dsvk_status dv_instance_table_load(struct dv_instance_table *table, const struct dv_context *ctx,
                                   VkInstance instance, PFN_vkGetInstanceProcAddr get);
dsvk_status dv_device_table_load(struct VolkDeviceTable *table, const struct dv_context *ctx,
                                 VkDevice device, PFN_vkGetDeviceProcAddr get);

#endif
