/* SPDX-License-Identifier: MIT */
#include "support/ids.h"

struct taker {
    take_id *take;
    void    *user;
};

static bool take_token(void *user, uint32_t token, const char *text, size_t bytes)
{
    const struct taker *taker = user;
    (void)text;
    (void)bytes;
    return token == DSVK_TEXT_END || taker->take(taker->user, token);
}

dsvk_status generate_ids(dsvk_session *session, size_t n, const dsvk_sampling *sampling,
                         take_id *take, void *user)
{
    struct taker         taker  = { take, user };
    dsvk_generate_params params = {
        .limit = n, .past_end = true, .take = take_token, .user = &taker
    };
    if (sampling)
        params.sampling = *sampling;
    return dsvk_session_generate(session, &params, NULL);
}
