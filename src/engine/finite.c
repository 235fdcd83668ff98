/* SPDX-License-Identifier: MIT */
#include "engine/finite.h"

dsvk_status dv_session_not_finite(struct dv_session *s, uint32_t position)
{
    return dv_fail(s->engine.ctx, DSVK_NOT_FINITE,
                   "session: the logits at position %u are not finite", position);
}
