/* SPDX-License-Identifier: MIT */
/* Failures on order: the n-th host allocation, or the n-th Vulkan call that may fail. One
 * device at a time. */
#ifndef DV_TESTS_SUPPORT_FAULT_H
#define DV_TESTS_SUPPORT_FAULT_H

#include "vk/device.h"

struct fault_allocator {
    size_t fail_at; /* the call that fails, from 1; 0: none */
    size_t calls;
    size_t live; /* blocks not freed */
    bool   fired;
};
dsvk_allocator fault_allocator(struct fault_allocator *state, size_t fail_at);

/* From now on the nth (from 1; 0: none) fallible call of `dev` fails with `result`. May be
 * called again and again. */
void        fault_arm(struct dv_device *dev, unsigned nth, VkResult result);
void        fault_disarm(struct dv_device *dev);
void        fault_only(const char *call); /* others do not count; NULL: all do */
bool        fault_fired(void);
const char *fault_call(void);  /* the name of the call that failed, or "" */
unsigned    fault_count(void); /* fallible calls since arming */

/* The nth submission of `dev` from now on (from 1) finds the device lost, at once or, `late`, when
 * it is waited for. It stays lost: nothing works any more until dv_device_reopen() makes a new
 * VkDevice, whose calls do not fail. What was submitted before has ended. */
void fault_lose(struct dv_device *dev, unsigned nth, bool late);
/* From now on the nth fallible call fails of those that list devices, make one, or are made on one
 * that `instance` made since: for dv_device_reopen(). 0: none does. */
void fault_reopen(struct dv_instance *instance, unsigned nth, VkResult result);

/* The same for the creation of instances and devices: give this to dv_instance_new_with. NULL
 * without a Vulkan loader. */
PFN_vkGetInstanceProcAddr fault_entry(unsigned nth, VkResult result);

#endif
