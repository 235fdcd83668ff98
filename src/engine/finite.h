/* SPDX-License-Identifier: MIT */
/* Says which layer first gave values that are no finite numbers. */
#ifndef DV_ENGINE_FINITE_H
#define DV_ENGINE_FINITE_H

#include "engine/session.h"

/* NOT_FINITE, and the sentence: the timeline's last token is at `position`, and a logit behind it
 * is not finite. The timeline stays, and the session usable. Results of the last pass are computed
 * again when they are asked for. Another status where finding the layer failed. */
dsvk_status dv_session_not_finite(struct dv_session *session, uint32_t position);

#endif
