/* SPDX-License-Identifier: MIT */
/* A session's timeline to a file (file/keep.h) and back. Files are read and written without the
 * turn, and pages go to and from the device in pieces, between which others have it. */
#ifndef DV_ENGINE_KEEP_H
#define DV_ENGINE_KEEP_H

#include "engine/session.h"
#include "file/keep.h"

/* What the engine does not know of a session: hashes of its model and the number of its weights'
 * format; and whom to tell. */
struct dv_keep_params {
    uint64_t             model;
    uint32_t             weights;
    const dsvk_progress *progress; /* in bytes, called without the turn; NULL: nobody */
};

/* All of the timeline is cached. */
dsvk_status dv_session_save(struct dv_session *s, const char *path,
                            const struct dv_keep_params *params);
/* The beginning that the file has in common with tokens[0 .. n-1], all of it where they are NULL,
 * becomes the timeline, unless that has as many tokens of these already. */
dsvk_status dv_session_load(struct dv_session *s, const char *path, const uint32_t *tokens,
                            uint32_t n, const struct dv_keep_params *params);

/* The key of what the session computes. */
struct dv_keep_key dv_session_keep_key(const struct dv_session     *s,
                                       const struct dv_keep_params *params);

#endif
