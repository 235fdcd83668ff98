/* SPDX-License-Identifier: MIT */
/* A grammar of bytes: a graph whose nodes take a byte, fork, call a rule or return from one.
 * What it accepts is a context-free language, so that JSON's lists within lists are no matter of
 * a limit.
 *
 * A grammar is built from its end: a maker is given the node that comes next and answers the
 * node where its part begins. Node 0 takes nothing: what can only end there is node 0, too, so
 * that no text is begun that has no end. It is also the answer after a failure, which `status`
 * keeps, so that makers need no check after each call. */
#ifndef DV_GRAMMAR_NODES_H
#define DV_GRAMMAR_NODES_H

#include "base/context.h"

#define DV_GRAMMAR_DEAD 0u
/* The end of the text, or of the rule that one is in. */
#define DV_GRAMMAR_RETURN 1u
/* More are refused: a schema of some kilobytes has some thousands. */
#define DV_GRAMMAR_MOST_NODES (1u << 18)

enum dv_grammar_kind {
    DV_GRAMMAR_TAKE, /* a byte from lo to hi, then next */
    DV_GRAMMAR_MAP,  /* a byte, then next + 0 or 1 or ... as maps[other] says; 255: not that byte */
    DV_GRAMMAR_FORK, /* next, or other */
    DV_GRAMMAR_CALL, /* the rule that begins at other, then next */
    DV_GRAMMAR_LEAVE, /* node RETURN only */
};

struct dv_grammar_node {
    uint8_t  kind, lo, hi;
    uint32_t next, other;
};

struct dv_grammar_map {
    uint8_t to[256];
};

struct dv_grammar {
    const struct dv_context *ctx;
    struct dv_grammar_node  *nodes;
    uint32_t                 n, room;
    struct dv_grammar_map   *maps;
    uint32_t                 n_maps, maps_room;
    uint32_t                 start;
    dsvk_status              status; /* while it is built: of the first failure */
};

/* With the two nodes above; `status` says whether it has them. */
void dv_grammar_init(struct dv_grammar *g, const struct dv_context *ctx);
void dv_grammar_done(struct dv_grammar *g);
/* Records the first failure and says it; later ones are consequences. */
void dv_grammar_fail(struct dv_grammar *g, dsvk_status status, const char *format, ...)
    DV_PRINTF(3, 4);

uint32_t dv_grammar_take(struct dv_grammar *g, uint8_t lo, uint8_t hi, uint32_t next);
uint32_t dv_grammar_fork(struct dv_grammar *g, uint32_t next, uint32_t other);
uint32_t dv_grammar_call(struct dv_grammar *g, uint32_t rule, uint32_t next);
uint32_t dv_grammar_literal(struct dv_grammar *g, const char *text, size_t bytes, uint32_t next);
/* A fork whose `other` is set later, for what repeats. */
uint32_t dv_grammar_loop(struct dv_grammar *g, uint32_t next);
void     dv_grammar_close(struct dv_grammar *g, uint32_t loop, uint32_t body);
/* The rule from least to most times in a row; most UINT32_MAX: without end. */
uint32_t dv_grammar_repeat(struct dv_grammar *g, uint32_t rule, uint32_t least, uint32_t most,
                           uint32_t next);
/* Takes a byte b that map->to[b] sends to targets[map->to[b]]; 255: not that byte. */
uint32_t dv_grammar_by_map(struct dv_grammar *g, const struct dv_grammar_map *map,
                           const uint32_t *targets, uint32_t n);

/* What is built is whole: no rule may call itself before it has taken a byte, which would never
 * end. UNSUPPORTED where one does. */
void dv_grammar_check(struct dv_grammar *g, uint32_t start);

#endif
