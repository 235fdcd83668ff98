/* SPDX-License-Identifier: MIT */
/* Messages become turns: which go together, which reasoning is left out, and in which order results
 * come. */
#include "chat/dsml_turns.h"

#include <stdlib.h>
#include <string.h>

static void *allot(struct dsml *d, size_t n, size_t size)
{
    void *memory = dv_arena_alloc(&d->p->arena, n + 1, size);
    if (!memory && d->p->bytes.status == DSVK_OK)
        dv_prompt_fail(d->p, DSVK_NO_MEMORY, "no memory for the messages");
    return memory;
}

/* Tools beside the messages belong to the system message that begins them; where there is none, to
 * an empty one. */
bool dv_dsml_place_tools(struct dsml *d)
{
    const struct dv_chat *chat = d->p->chat;
    bool                  adds = chat->tools && !dv_chat_at(chat, 0, "system");
    d->messages                = allot(d, chat->n_messages + adds, sizeof *d->messages);
    if (!d->messages)
        return false;
    if (chat->n_messages)
        memcpy(d->messages + adds, chat->messages, chat->n_messages * sizeof *d->messages);
    d->n_messages = chat->n_messages + adds;
    if (adds)
        d->messages[0] = (struct dv_chat_message){ .role = "system", .text = "" };
    if (!chat->tools)
        return true;
    if (d->messages[0].tools)
        dv_prompt_refuse(d->p, 0, "has tools, and there are others beside the messages");
    d->messages[0].tools = chat->tools;
    return d->p->bytes.status == DSVK_OK;
}

/* ---- turns ---- */

/* Whether a message of V4 goes into the turn before it. */
static bool joins(const struct dsml *d, const struct dv_chat_message *m)
{
    const struct turn *before = d->n ? &d->turns[d->n - 1] : NULL;
    if (!d->v4 || !before || !(is(before, "user") || is(before, "tool")))
        return false;
    return dv_chat_is(m, "tool") || (dv_chat_is(m, "user") && !before->m->task);
}

bool dv_dsml_make_turns(struct dsml *d)
{
    const struct dv_chat_message **blocks = allot(d, d->n_messages, sizeof *blocks);
    d->turns                              = allot(d, d->n_messages, sizeof *d->turns);
    if (!blocks || !d->turns)
        return false;
    for (size_t i = 0; i < d->n_messages; i++) {
        const struct dv_chat_message *m = &d->messages[i];
        blocks[i]                       = m;
        if (joins(d, m))
            d->turns[d->n - 1].n++;
        else
            d->turns[d->n++] = (struct turn){ .m = m, .blocks = blocks + i, .n = 1 };
    }
    return true;
}

/* In V4 a turn of results alone is the user's, too. */
bool dv_dsml_is_question(const struct dsml *d, const struct turn *turn)
{
    return asks(turn->m) || (d->v4 && is(turn, "tool"));
}

void dv_dsml_find_last(struct dsml *d)
{
    d->last_user = SIZE_MAX;
    for (size_t i = 0; i < d->n; i++)
        if (dv_dsml_is_question(d, &d->turns[i]))
            d->last_user = i;
}

/* Whether turn i is behind the last question, or is it. */
bool dv_dsml_is_recent(const struct dsml *d, size_t i, bool itself)
{
    return d->last_user == SIZE_MAX || i > d->last_user || (itself && i == d->last_user);
}

/* Earlier reasoning goes, and with it the developers before the last question. */
void dv_dsml_forget(struct dsml *d)
{
    size_t n = 0;
    dv_dsml_find_last(d);
    for (size_t i = 0; i < d->n; i++) {
        if (!dv_dsml_is_recent(d, i, true) && is(&d->turns[i], "developer"))
            continue;
        d->turns[n]         = d->turns[i];
        d->turns[n].forgets = !dv_dsml_is_recent(d, i, true);
        n++;
    }
    d->n = n;
}

/* ---- results in the order of their calls (V4) ---- */

static size_t place_of(const struct dv_chat_message *caller, const struct dv_chat_message *result)
{
    for (size_t i = caller->n_calls; result->call_id && i-- > 0;)
        if (caller->calls[i].id && strcmp(caller->calls[i].id, result->call_id) == 0)
            return i;
    return 0;
}

static bool has_ids(const struct dv_chat_message *caller)
{
    for (size_t i = 0; i < caller->n_calls; i++)
        if (caller->calls[i].id && caller->calls[i].id[0])
            return true;
    return false;
}

struct placed {
    const struct dv_chat_message *m;
    size_t                        place, at;
};

static int compare(const void *left, const void *right)
{
    const struct placed *a = left, *b = right;
    return a->place != b->place ? (a->place > b->place) - (a->place < b->place)
                                : (a->at > b->at) - (a->at < b->at);
}

static void order_results(struct dsml *d, struct turn *turn, const struct dv_chat_message *caller)
{
    struct placed *results = allot(d, turn->n, sizeof *results);
    size_t         n       = 0;
    for (size_t i = 0; results && i < turn->n; i++)
        if (dv_chat_is(turn->blocks[i], "tool")) {
            results[n] = (struct placed){ turn->blocks[i], place_of(caller, turn->blocks[i]), n };
            n++;
        }
    if (n > 1)
        qsort(results, n, sizeof *results, compare);
    for (size_t i = turn->n; results && i-- > 0;)
        if (dv_chat_is(turn->blocks[i], "tool"))
            turn->blocks[i] = results[--n].m;
}

/* By the calls of the last turn before that has any; where these have no ids, as they came. */
void dv_dsml_order_all(struct dsml *d)
{
    const struct dv_chat_message *caller = NULL;
    for (size_t i = 0; i < d->n; i++) {
        struct turn *turn = &d->turns[i];
        if (is(turn, "assistant") && turn->m->n_calls)
            caller = has_ids(turn->m) ? turn->m : NULL;
        else if (caller && dv_dsml_is_question(d, turn))
            order_results(d, turn, caller);
    }
}
