/* SPDX-License-Identifier: MIT */
/* The one file of vk/ that depends on the operating system. */
#include "vk/loader.h"

#include <dlfcn.h>
#include <string.h>

static const char *const libraries[] = {
#if defined(__APPLE__)
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
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        void *library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
        void *symbol  = library ? dlsym(library, "vkGetInstanceProcAddr") : NULL;
        if (!symbol)
            continue;
        /* ISO C has no cast from an object to a function pointer. */
        memcpy(out, &symbol, sizeof *out);
        return DSVK_OK;
    }
    return dv_fail(ctx, DSVK_NO_DEVICE, "loader: no Vulkan loader is installed (%s)", libraries[0]);
}
