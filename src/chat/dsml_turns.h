/* SPDX-License-Identifier: MIT */
/* A conversation as the turns that DSML writes. */
#ifndef DV_CHAT_DSML_TURNS_H
#define DV_CHAT_DSML_TURNS_H

#include "chat/prompt.h"

/* A message, or in V4 users and results in a row. */
struct turn {
    const struct dv_chat_message  *m;
    const struct dv_chat_message **blocks;
    size_t                         n;
    bool                           forgets; /* its reasoning */
};

struct dsml {
    struct dv_prompt       *p;
    struct dv_chat_message *messages; /* with the tools where they belong */
    size_t                  n_messages;
    struct turn            *turns;
    size_t                  n, last_user; /* n: none */
    bool                    v4, thinking, drops;
};

static inline bool is(const struct turn *turn, const char *role)
{
    return dv_chat_is(turn->m, role);
}

static inline bool asks(const struct dv_chat_message *m)
{
    return dv_chat_is(m, "user") || dv_chat_is(m, "developer");
}

/* Tools beside the messages belong to the system message that begins them; where there is none, to
 * an empty one. */
bool dv_dsml_place_tools(struct dsml *d);
bool dv_dsml_make_turns(struct dsml *d);
/* In V4 a turn of results alone is the user's, too. */
bool dv_dsml_is_question(const struct dsml *d, const struct turn *turn);
void dv_dsml_find_last(struct dsml *d);
/* Whether turn i is behind the last question, or is it. */
bool dv_dsml_is_recent(const struct dsml *d, size_t i, bool itself);
/* Earlier reasoning goes, and with it the developers before the last question. */
void dv_dsml_forget(struct dsml *d);
/* Results in the order of their calls (V4). */
void dv_dsml_order_all(struct dsml *d);

#endif
