/* SPDX-License-Identifier: MIT */
/* Between device.c, which opens a device, and reopen.c, which opens a lost one again. */
#ifndef DV_VK_DEVICE_PARTS_H
#define DV_VK_DEVICE_PARTS_H

#include "vk/device.h"
#include "vk/probe.h"

/* Makes the VkDevice of dev->physical, and what all share. After a failure dv_device_destroy()
 * frees what there is. */
dsvk_status dv_device_create(struct dv_device *dev, const struct dv_caps *caps);
/* Its parts, for a device that is lent (vk/adopt.c): what the driver answers of dev->physical, and
 * what all kernels share. */
dsvk_status dv_device_meet(struct dv_device *dev, struct dv_probe *probe,
                           const struct dv_caps *caps);
dsvk_status dv_device_make_shared(struct dv_device *dev);
/* All that dv_device_create() made, and the pipelines; given up where work may still run. */
void dv_device_destroy(struct dv_device *dev);

#endif
