/* SPDX-License-Identifier: MIT */
/* What a driver says of a device that nobody here owns. */
#ifndef DV_TESTS_VK_FAKE_PROBE_H
#define DV_TESTS_VK_FAKE_PROBE_H

#include "vk/probe.h"

/* A discrete device that has all that is needed and nothing more. */
void fake_probe(struct dv_probe *p);

#endif
