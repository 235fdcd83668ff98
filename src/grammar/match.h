/* SPDX-License-Identifier: MIT */
/* Where a text is in a grammar, and which tokens may come next. */
#ifndef DV_GRAMMAR_MATCH_H
#define DV_GRAMMAR_MATCH_H

#include "grammar/nodes.h"

#define DV_WORDS_MOST_ENDS 16u

/* A vocabulary in the order of its bytes; special tokens and those without bytes are not there.
 * Read-only once made. */
struct dv_words {
    const struct dv_context *ctx;
    struct dv_word {
        const char *bytes;
        uint32_t    n, id;
        uint32_t    same; /* bytes that it has in common with the one before it */
    } * words;
    uint32_t n, vocab, longest;
    uint32_t ends[DV_WORDS_MOST_ENDS], n_ends; /* tokens that end a text */
};

/* Words are added one by one, and then sorted. NO_MEMORY. The bytes live as long. */
dsvk_status dv_words_init(struct dv_words *words, const struct dv_context *ctx, uint32_t vocab);
void        dv_words_add(struct dv_words *words, uint32_t id, const char *bytes, size_t n);
void        dv_words_sort(struct dv_words *words);
void        dv_words_done(struct dv_words *words);

/* A place that a text may have reached: a node, and the calls that are to be returned from. */
struct dv_place {
    uint32_t node, stack;
};

struct dv_call { /* calls within calls; 0: none */
    uint32_t node, outer, chain;
};

#define DV_MATCH_MASKS 16u
/* Masks of more places are made anew each time. */
#define DV_MATCH_KEY 16u

struct dv_match {
    const struct dv_grammar *grammar; /* borrowed, as words are */
    const struct dv_words   *words;
    struct dv_call          *calls;
    uint32_t                 n_calls, calls_room;
    uint32_t                *buckets; /* of calls, by hash */
    struct dv_place         *places;  /* now; behind them those of the bytes of a word */
    uint32_t                 n_places, places_room;
    struct dv_place         *work; /* that are still to be looked at */
    uint32_t                 n_work, work_room;
    struct dv_place         *met; /* by hash, in the turns of `turns` */
    uint32_t                *turns, turn, n_met;
    bool                     ended;  /* the text may end here */
    uint32_t                *levels; /* of a word: where the places behind so many bytes begin */
    uint32_t                *none;   /* a mask without any */
    struct dv_match_mask {
        uint32_t       *bits;
        uint64_t        used; /* for the least recently used; 0: never */
        struct dv_place key[DV_MATCH_KEY];
        uint32_t        n;
        bool            ended;
    } masks[DV_MATCH_MASKS];
    uint64_t    clock;
    dsvk_status status; /* of a failure, which ends it */
};

/* At the beginning of a text. NO_MEMORY. */
dsvk_status dv_match_init(struct dv_match *match, const struct dv_grammar *grammar,
                          const struct dv_words *words);
void        dv_match_done(struct dv_match *match);
void        dv_match_restart(struct dv_match *match);

/* The text goes on with these bytes. False, and nothing has changed, where it may not; or after a
 * failure, which `status` says. */
bool dv_match_take(struct dv_match *match, const char *bytes, size_t n);
/* A bit for each id of the vocabulary, of the words that may come next; valid until the next call.
 * Without any bit after a failure. */
const uint32_t *dv_match_mask(struct dv_match *match);

#endif
