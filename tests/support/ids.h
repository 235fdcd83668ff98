/* SPDX-License-Identifier: MIT */
/* Generating where ids count and texts do not: models of random weights know of no end. */
#ifndef DV_TESTS_SUPPORT_IDS_H
#define DV_TESTS_SUPPORT_IDS_H

#include "dsvk/session.h"

typedef bool take_id(void *user, uint32_t id); /* false: not taken */

/* n: 0 = to the end of the context; sampling: NULL = greedily. */
dsvk_status generate_ids(dsvk_session *session, size_t n, const dsvk_sampling *sampling,
                         take_id *take, void *user);

#endif
