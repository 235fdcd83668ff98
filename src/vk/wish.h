/* SPDX-License-Identifier: MIT */
/* What an application should make its device with. */
#ifndef DV_VK_WISH_H
#define DV_VK_WISH_H

#include "vk/adopt.h"
#include "vk/probe.h"

struct dv_device_wish {
    const struct dv_context *ctx;
    struct dv_probe          probe; /* its features are those to enable */
    const char              *extensions[DV_MOST_EXTENSIONS];
    uint32_t                 n_extensions, queue_family;
};

/* Of `lent` what there is before there is a device. */
dsvk_status dv_device_wish_new(struct dv_device_wish **out, const struct dv_context *ctx,
                               const struct dv_lent *lent);

#endif
