/* SPDX-License-Identifier: MIT */
/* Where memory ends: in the allocator of the context, or in malloc. */
#include "fault/support.h"

#include "support/malloc.h"

static void arm_allocator(size_t nth, bool everyone)
{
    (void)everyone;
    engine.memory.fail_at = nth;
    engine.memory.calls   = 0;
    engine.memory.fired   = false;
}

static bool allocator_fired(void)
{
    return engine.memory.fired;
}

static size_t allocator_live(void)
{
    return engine.memory.live;
}

const struct memory_faults allocator_faults = { arm_allocator, allocator_fired, allocator_live };

#ifdef DSVK_FAULT_MALLOC
const struct memory_faults malloc_faults = { malloc_fault_arm, malloc_fault_fired,
                                             malloc_fault_live };
#endif

void arm_memory(struct engine *e, size_t nth, bool everyone)
{
    e->errors  = 0;
    e->line[0] = 0;
    e->faults->arm(nth, everyone);
}

bool disarm_memory(struct engine *e)
{
    bool fired = e->faults->fired();
    e->faults->arm(0, false);
    return fired;
}

size_t live_blocks(const struct engine *e)
{
    return e->faults->live() - e->live;
}

void use_faults(struct engine *e, const struct memory_faults *faults)
{
    e->faults    = faults;
    e->allocator = (dsvk_allocator){ 0 };
    if (faults == &allocator_faults)
        e->allocator = fault_allocator(&e->memory, 0);
    e->live = faults->live();
}
