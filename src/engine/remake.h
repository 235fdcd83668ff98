/* SPDX-License-Identifier: MIT */
/* What a session has on the device may go and come back: with a lost device, or to give memory to
 * others. The tokens stay; what is needed of them is computed again. */
#ifndef DV_ENGINE_REMAKE_H
#define DV_ENGINE_REMAKE_H

#include "engine/session.h"

/* Frees programs, and what passes of its runner need but the cache. */
void dv_session_drop_scratch(struct dv_session *s);
/* Frees the latent pages. */
void dv_session_drop_cache(struct dv_session *s);
/* Frees both, and forgets the weights, which are about to go. */
void dv_session_drop_all(struct dv_session *s);

/* Makes what is missing. NO_VRAM and the like: some of it is still missing, and the timeline as it
 * was. */
dsvk_status dv_session_remake(struct dv_session *s, struct dv_weights *weights);
/* Computes what the timeline has and the cache has not. After a failure, CANCELLED by `progress`
 * among them, the timeline is as it was. */
dsvk_status dv_session_replay(struct dv_session *s, const dsvk_progress *progress);

#endif
