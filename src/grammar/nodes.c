/* SPDX-License-Identifier: MIT */
/* Nodes are made, and what was made is checked. */
#include "grammar/nodes.h"

#include <stdio.h>
#include <string.h>

void dv_grammar_fail(struct dv_grammar *g, dsvk_status status, const char *format, ...)
{
    char    text[512];
    va_list arguments;
    if (g->status != DSVK_OK)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    g->status = dv_fail(g->ctx, status, "%s", text);
}

/* Room for one more of `size` bytes. */
static bool grow(struct dv_grammar *g, void **list, uint32_t n, uint32_t *room, size_t size)
{
    if (g->status != DSVK_OK)
        return false;
    if (n < *room)
        return true;
    uint32_t more  = *room ? *room * 2 : 64;
    void    *grown = dv_realloc(g->ctx, *list, more * size);
    if (!grown) {
        dv_grammar_fail(g, DSVK_NO_MEMORY, "grammar: no memory for %u nodes", more);
        return false;
    }
    *list = grown;
    *room = more;
    return true;
}

static uint32_t add(struct dv_grammar *g, struct dv_grammar_node node)
{
    if (g->n == DV_GRAMMAR_MOST_NODES)
        dv_grammar_fail(g, DSVK_UNSUPPORTED,
                        "grammar: it takes more than %u nodes, as large counts do",
                        DV_GRAMMAR_MOST_NODES);
    if (!grow(g, (void **)&g->nodes, g->n, &g->room, sizeof node))
        return DV_GRAMMAR_DEAD;
    g->nodes[g->n] = node;
    return g->n++;
}

void dv_grammar_init(struct dv_grammar *g, const struct dv_context *ctx)
{
    *g = (struct dv_grammar){ .ctx = ctx };
    add(g, (struct dv_grammar_node){ .kind = DV_GRAMMAR_TAKE, .lo = 1 }); /* from 1 to 0: none */
    add(g, (struct dv_grammar_node){ .kind = DV_GRAMMAR_LEAVE });
}

void dv_grammar_done(struct dv_grammar *g)
{
    if (!g->ctx)
        return;
    dv_free(g->ctx, g->nodes);
    dv_free(g->ctx, g->maps);
    *g = (struct dv_grammar){ 0 };
}

uint32_t dv_grammar_take(struct dv_grammar *g, uint8_t lo, uint8_t hi, uint32_t next)
{
    if (next == DV_GRAMMAR_DEAD)
        return DV_GRAMMAR_DEAD;
    return add(g, (struct dv_grammar_node){ DV_GRAMMAR_TAKE, lo, hi, next, 0 });
}

uint32_t dv_grammar_fork(struct dv_grammar *g, uint32_t next, uint32_t other)
{
    if (next == DV_GRAMMAR_DEAD || next == other)
        return other;
    if (other == DV_GRAMMAR_DEAD)
        return next;
    return add(g, (struct dv_grammar_node){ DV_GRAMMAR_FORK, 0, 0, next, other });
}

uint32_t dv_grammar_call(struct dv_grammar *g, uint32_t rule, uint32_t next)
{
    if (rule == DV_GRAMMAR_DEAD || next == DV_GRAMMAR_DEAD)
        return DV_GRAMMAR_DEAD;
    return add(g, (struct dv_grammar_node){ DV_GRAMMAR_CALL, 0, 0, next, rule });
}

uint32_t dv_grammar_literal(struct dv_grammar *g, const char *text, size_t bytes, uint32_t next)
{
    while (bytes > 0) {
        bytes--;
        next = dv_grammar_take(g, (uint8_t)text[bytes], (uint8_t)text[bytes], next);
    }
    return next;
}

uint32_t dv_grammar_loop(struct dv_grammar *g, uint32_t next)
{
    return add(g, (struct dv_grammar_node){ DV_GRAMMAR_FORK, 0, 0, next, DV_GRAMMAR_DEAD });
}

void dv_grammar_close(struct dv_grammar *g, uint32_t loop, uint32_t body)
{
    if (g->status == DSVK_OK)
        g->nodes[loop].other = body;
}

uint32_t dv_grammar_repeat(struct dv_grammar *g, uint32_t rule, uint32_t least, uint32_t most,
                           uint32_t next)
{
    uint32_t at = next;
    if (most == UINT32_MAX) {
        at = dv_grammar_loop(g, next);
        dv_grammar_close(g, at, dv_grammar_call(g, rule, at));
    } else {
        for (uint32_t i = least; i < most && g->status == DSVK_OK; i++)
            at = dv_grammar_fork(g, next, dv_grammar_call(g, rule, at));
    }
    for (uint32_t i = 0; i < least && g->status == DSVK_OK; i++)
        at = dv_grammar_call(g, rule, at);
    return at;
}

uint32_t dv_grammar_by_map(struct dv_grammar *g, const struct dv_grammar_map *map,
                           const uint32_t *targets, uint32_t n)
{
    if (!grow(g, (void **)&g->maps, g->n_maps, &g->maps_room, sizeof *map))
        return DV_GRAMMAR_DEAD;
    g->maps[g->n_maps] = *map;
    uint32_t first     = g->n; /* a fork to the same place twice is a plain step */
    for (uint32_t i = 0; i < n; i++)
        add(g, (struct dv_grammar_node){ DV_GRAMMAR_FORK, 0, 0, targets[i], targets[i] });
    return add(g, (struct dv_grammar_node){ DV_GRAMMAR_MAP, 0, 0, first, g->n_maps++ });
}

/* ---- rules that never take a byte ---- */

enum { NEW, OPEN, FINISHED };

struct walk {
    uint32_t *path; /* of nodes that are open, the current one last */
    uint8_t  *state, *turn;
    uint32_t  n;
};

/* The node that may follow `node` without a byte, in turn 0 or 1; DEAD: none. What comes behind a
 * call does so after a byte, since no rule takes none. */
static uint32_t step(const struct dv_grammar_node *node, unsigned turn)
{
    if (node->kind == DV_GRAMMAR_CALL)
        return turn == 0 ? node->other : DV_GRAMMAR_DEAD;
    if (node->kind == DV_GRAMMAR_FORK)
        return turn == 0 ? node->next : node->other;
    return DV_GRAMMAR_DEAD;
}

static void walk_from(struct dv_grammar *g, struct walk *w, uint32_t start)
{
    if (w->state[start] != NEW)
        return;
    w->n            = 0;
    w->path[w->n++] = start;
    w->state[start] = OPEN;
    while (w->n > 0) {
        uint32_t at = w->path[w->n - 1];
        if (w->turn[at] == 2) {
            w->state[at] = FINISHED;
            w->n--;
            continue;
        }
        uint32_t to = step(&g->nodes[at], w->turn[at]++);
        if (to == DV_GRAMMAR_DEAD || w->state[to] == FINISHED)
            continue;
        if (w->state[to] == OPEN) {
            dv_grammar_fail(g, DSVK_UNSUPPORTED, "grammar: a rule is made of itself alone");
            return;
        }
        w->path[w->n++] = to;
        w->state[to]    = OPEN;
    }
}

void dv_grammar_check(struct dv_grammar *g, uint32_t start)
{
    if (g->status != DSVK_OK)
        return;
    g->start      = start;
    struct walk w = { .path  = dv_zalloc_array(g->ctx, g->n, sizeof *w.path),
                      .state = dv_zalloc_array(g->ctx, g->n, 1),
                      .turn  = dv_zalloc_array(g->ctx, g->n, 1) };
    if (!w.path || !w.state || !w.turn)
        dv_grammar_fail(g, DSVK_NO_MEMORY, "grammar: no memory to check %u nodes", g->n);
    for (uint32_t i = 0; i < g->n && g->status == DSVK_OK; i++)
        walk_from(g, &w, i);
    dv_free(g->ctx, w.path);
    dv_free(g->ctx, w.state);
    dv_free(g->ctx, w.turn);
}
