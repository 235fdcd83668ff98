/* SPDX-License-Identifier: MIT */
/* How much memory routed experts get: what remains after reserving room for one session. */
#ifndef DV_PLANNER_TIERS_H
#define DV_PLANNER_TIERS_H

#include "experts/experts.h"
#include "planner/sizes.h"

/* What weights and sessions may take together. */
struct dv_expert_budget {
    uint64_t               limit, used;  /* of device memory; UINT64_MAX = no limit */
    uint64_t               device_bytes; /* of slots; 0 = what all else and a session leave */
    uint64_t               host_bytes;   /* for experts */
    const struct dv_setup *session;      /* for which room is left; context and chunk may be 0 */
};

/* Device bytes that are left when `taken` more are. */
static inline uint64_t dv_expert_left(const struct dv_expert_budget *budget, uint64_t taken)
{
    uint64_t used = budget->used + taken;
    return budget->limit == UINT64_MAX ? UINT64_MAX
           : budget->limit > used      ? budget->limit - used
                                       : 0;
}

struct dv_taken {
    struct dv_experts *experts; /* those that come and go; NULL: all are among the weights */
    bool               room;    /* false: not even those of one token fit, and they have no tiers */
    uint64_t           least;   /* without room: device bytes that it needs */
};

/* Takes the experts out of the placement, if they do not all fit, and assigns places to the rest
 * again. Before and after, places are assigned. Needs headers and caps alone. After a failure there
 * are no experts. */
dsvk_status dv_experts_take(struct dv_taken *taken, struct dv_placement *pl,
                            const struct dv_expert_budget *budget);

/* Device bytes, of `room` and of all of `limit`, that are left for sessions: as small as need be
 * where `asked` does not say, and the context. At least what a session takes; when that is more
 * than the room, nothing fits. */
dsvk_status dv_expert_reserve(uint64_t *bytes, uint32_t *context, const struct dv_setup *asked,
                              uint64_t limit, uint64_t room);
/* Host memory for experts: what is free less a margin. The device's memory may be the host's: what
 * it may still take of that is not the host's. */
uint64_t dv_expert_host_bytes(const struct dv_caps *caps, uint64_t device_left);

#endif
