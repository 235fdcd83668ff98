/* SPDX-License-Identifier: MIT */
/* Between device.c, which opens a device, and reopen.c, which opens a lost one again. */
#ifndef DV_VK_DEVICE_PARTS_H
#define DV_VK_DEVICE_PARTS_H

#include "vk/device.h"
#include "vk/probe.h"

/* Makes the VkDevice of dev->physical, and what all share. After a failure dv_device_destroy()
 * frees what there is. */
dsvk_status dv_device_create(struct dv_device *dev, const struct dv_caps *caps);
/* All that dv_device_create() made, and the pipelines; given up where work may still run. */
void dv_device_destroy(struct dv_device *dev);

#endif
