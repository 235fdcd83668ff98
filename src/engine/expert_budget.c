/* SPDX-License-Identifier: MIT */
/* What experts may take: what is left when sessions have theirs. */
#include "base/os.h"
#include "engine/experts.h"
#include "engine/sizes.h"

#define DEFAULT_CONTEXT 4096u
#define SMALLEST_CONTEXT 256u
#define SMALLEST_CHUNK 32u

static void start(struct dv_session_size *size, const struct dv_session_size *asked)
{
    uint32_t most = asked->config->max_context;
    *size         = *asked;
    size->tiers   = true;
    if (size->context == 0)
        size->context = DEFAULT_CONTEXT < most ? DEFAULT_CONTEXT : most;
    if (size->chunk == 0)
        size->chunk = DV_USUAL_CHUNK;
    if (size->chunk > size->context)
        size->chunk = size->context;
}

/* Halves what nobody asked for, the context first; false when nothing is left to halve. */
static bool shrink(struct dv_session_size *size, const struct dv_session_size *asked)
{
    if (asked->context == 0 && size->context > SMALLEST_CONTEXT)
        size->context /= 2;
    else if (asked->chunk == 0 && size->chunk > SMALLEST_CHUNK)
        size->chunk = size->chunk / 2 < SMALLEST_CHUNK ? SMALLEST_CHUNK : size->chunk / 2;
    else
        return false;
    if (size->chunk > size->context)
        size->chunk = size->context;
    return true;
}

/* A context that nobody asked for leaves most of a small device to weights. */
dsvk_status dv_expert_reserve(uint64_t *bytes, uint32_t *context,
                              const struct dv_session_size *asked, uint64_t limit, uint64_t room)
{
    dsvk_status            status;
    struct dv_session_size size;
    start(&size, asked);
    for (;;) {
        TRY(dv_size_with_scores(bytes, &size));
        bool modest = asked->context > 0 || *bytes <= limit / 8;
        if ((modest && *bytes <= room) || !shrink(&size, asked))
            break;
    }
    *context = size.context;
    return DSVK_OK;
}

uint64_t dv_expert_host_bytes(const struct dv_caps *caps, uint64_t device_left)
{
    uint64_t free  = dv_host_memory_free();
    uint64_t taken = caps->is_software || caps->unified_memory ? device_left : 0;
    free -= free / 8;
    return free > taken ? free - taken : 0;
}
