/* SPDX-License-Identifier: MIT */
/* The loop that answers: what is new in a timeline is evaluated, tokens are chosen one after the
 * other, and what they say is handed out, until one of several reasons ends it. */
#ifndef GENERATE_H
#define GENERATE_H

#include "run.h"

struct generation {
    struct cli       *cli;
    struct ids        ids; /* of the prompt */
    dsvk_sampling     sampling;
    dsvk_grammar     *grammar; /* that the answer follows; NULL: none */
    uint64_t          limit;   /* tokens to generate */
    struct run_result result;  /* out and text are the caller's to fill */
    /* What comes out, for each token and for text in whole characters up to one of --stop; both
     * answer an exit status. */
    int (*put_token)(struct generation *g, uint32_t id);
    int (*put_text)(struct generation *g, const char *bytes, size_t n);

    double start; /* of the first pass */
    int    code;  /* of handing out */
};

/* With the options of the command line; `g` must stay where it is. */
void generation_init(struct generation *g, struct cli *cli);
/* Behind `ids`, in the open session. All text is handed out after an interrupt or a failure too. */
int  generate(struct generation *g);
void generation_done(struct generation *g);

#endif
