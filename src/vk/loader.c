/* SPDX-License-Identifier: MIT */
/* Opens the Vulkan library and fills the function tables. It is opened by name at run time, so
 * that programs start where there is none. */
#include "vk/loader.h"

#include "os/os.h"

static const char *const libraries[] = {
#if defined(_WIN32)
    "vulkan-1.dll",
#elif defined(__APPLE__)
    "libvulkan.1.dylib",
    "libvulkan.dylib",
    "libMoltenVK.dylib",
#else
    "libvulkan.so.1",
    "libvulkan.so",
#endif
};

dsvk_status dv_loader_open(PFN_vkGetInstanceProcAddr *out, const struct dv_context *ctx)
{
    *out = NULL;
    for (size_t i = 0; !*out && i < sizeof libraries / sizeof *libraries; i++)
        *out =
            (PFN_vkGetInstanceProcAddr)dv_library_function(libraries[i], "vkGetInstanceProcAddr");
    if (!*out)
        return dv_fail(ctx, DSVK_NO_DEVICE, "loader: no Vulkan loader is installed (%s)",
                       libraries[0]);
    return DSVK_OK;
}

dsvk_status dv_instance_table_load(struct dv_instance_table *table, const struct dv_context *ctx,
                                   VkInstance instance, PFN_vkGetInstanceProcAddr get)
{
    const char *missing = NULL;
    *table              = (struct dv_instance_table){ .vkGetInstanceProcAddr = get };
#define X(name)                                                                                    \
    table->vk##name = (PFN_vk##name)get(instance, "vk" #name);                                     \
    if (!table->vk##name)                                                                          \
        missing = "vk" #name;
    DV_INSTANCE_FUNCTIONS(X)
#undef X
#define X(name) table->vk##name = (PFN_vk##name)get(instance, "vk" #name);
    DV_INSTANCE_FUNCTIONS_OPTIONAL(X)
#undef X
    if (missing)
        return dv_fail(ctx, DSVK_UNSUPPORTED, "loader: the Vulkan loader has no %s", missing);
    return DSVK_OK;
}

dsvk_status dv_device_table_load(struct VolkDeviceTable *table, const struct dv_context *ctx,
                                 VkDevice device, PFN_vkGetDeviceProcAddr get)
{
    const char *missing = NULL;
    *table              = (struct VolkDeviceTable){ 0 };
#define X(name)                                                                                    \
    table->vk##name = (PFN_vk##name)get(device, "vk" #name);                                       \
    if (!table->vk##name)                                                                          \
        missing = "vk" #name;
    DV_DEVICE_FUNCTIONS(X)
#undef X
#define X(name) table->vk##name = (PFN_vk##name)get(device, "vk" #name);
    DV_DEVICE_FUNCTIONS_OPTIONAL(X)
#undef X
    if (missing)
        return dv_fail(ctx, DSVK_UNSUPPORTED, "loader: the driver has no %s", missing);
    return DSVK_OK;
}
