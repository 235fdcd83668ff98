/* SPDX-License-Identifier: MIT */
/* How much memory routed experts get: what remains after reserving room for one session. */
#ifndef DV_PLANNER_TIERS_H
#define DV_PLANNER_TIERS_H

#include "experts/experts.h"
#include "planner/sizes.h"

/* Takes the experts out of what is loaded, if there is a budget and they do not all fit, and
 * assigns places to the rest again; else *out = NULL. Before and after, places are assigned. Needs
 * headers and caps alone. Where not even those of one token fit, *room is false: NO_VRAM, but for a
 * plan, which gets experts without tiers. After a failure *out is NULL. */
dsvk_status dv_experts_take(struct dv_experts **out, bool *room, struct dv_loading *l);

/* Device bytes, of `room` and of all of `limit`, that are left for sessions: as small as need be
 * where `asked` does not say, and the context. At least what a session takes; when that is more
 * than the room, nothing fits. */
dsvk_status dv_expert_reserve(uint64_t *bytes, uint32_t *context, const struct dv_setup *asked,
                              uint64_t limit, uint64_t room);
/* Host memory for experts: what is free less a margin. The device's memory may be the host's: what
 * it may still take of that is not the host's. */
uint64_t dv_expert_host_bytes(const struct dv_caps *caps, uint64_t device_left);

#endif
