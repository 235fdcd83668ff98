/* SPDX-License-Identifier: MIT */
/* A driver's side of the pipeline cache, played: those on the CPU have nothing to keep. */
#ifndef DV_TESTS_VK_CACHE_DRIVER_H
#define DV_TESTS_VK_CACHE_DRIVER_H

#include "vk/stream.h"

struct cache_driver {
    size_t        n;       /* bytes that it has, 32 of them its header */
    unsigned char version; /* what it fills them with */
    size_t        handed;  /* bytes that it was given at last */
    unsigned char first;   /* the first of them behind the header */
};
extern struct cache_driver cache_driver;

/* From now on the device keeps what cache_driver says. One device at a time. */
void cache_driver_play(struct dv_device *dev);

#endif
