/* SPDX-License-Identifier: MIT */
/* The Vulkan loader and its devices. Every call goes through the table `dv_instance.vk`, which
 * tests replace by a failing one.
 *
 * Threads: one at a time may make, ask and free an instance; it outlives its devices. */
#ifndef DV_VK_INSTANCE_H
#define DV_VK_INSTANCE_H

#include "base/context.h"
#include "vk/caps.h"

struct dv_instance {
    const struct dv_context *ctx;
    VkInstance               handle;
    struct dv_instance_table vk;
    uint32_t                 n_physical;
    VkPhysicalDevice        *physical;  /* in the order that dv_instance_rank gives */
    struct dv_caps          *caps;      /* n_physical of them */
    VkDebugUtilsMessengerEXT messenger; /* only with validate */
    bool                     hung;      /* a device of it was: see dv_device */
    bool                     lent;      /* by an application (vk/adopt.h) */
};

/* Finds the loader and its devices. NO_DEVICE when there is no loader or no driver at all. An
 * odd device is listed as unusable, never a failure. validate: core validation layer, messages
 * to the log as warnings and errors; UNSUPPORTED when the layer is not installed. */
dsvk_status dv_instance_new(struct dv_instance **out, const struct dv_context *ctx, bool validate);
void        dv_instance_free(struct dv_instance *instance);

/* The same with a Vulkan entry point of the caller's: of an application that has its own
 * loader, or of a test. */
dsvk_status dv_instance_new_with(struct dv_instance **out, const struct dv_context *ctx,
                                 bool validate, PFN_vkGetInstanceProcAddr get);

/* Lists the devices again, as they are now; after a failure the old list stays. Open devices do not
 * use it. */
dsvk_status dv_instance_list(struct dv_instance *instance);

/* The device that `which` names: NULL or "" = the best (real before software, discrete before
 * integrated, then memory), else an index, a UUID or a part of the name. NO_DEVICE says which
 * there are. */
dsvk_status dv_instance_find(uint32_t *index, const struct dv_instance *instance,
                             const char *which);

#endif
