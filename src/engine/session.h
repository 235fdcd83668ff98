/* SPDX-License-Identifier: MIT */
/* One timeline: the tokens whose latents are cached, and the programs that extend it. A pass over n
 * tokens runs the program recorded for n; programs are kept, the most recent few of them. */
#ifndef DV_ENGINE_SESSION_H
#define DV_ENGINE_SESSION_H

#include "dsvk/session.h"
#include "engine/cache.h"
#include "experts/experts.h"
#include "engine/profile.h"
#include "planner/sizes.h"
#include "engine/load.h"
#include "kernel/program.h"
#include "model/model.h"
#include "tensor/choose.h"

/* What sessions of a model share. Borrowed by the session. */
struct dv_engine {
    struct dv_device  *dev;
    struct dv_stream  *stream;
    struct dv_weights *weights;
    bool *left_f16; /* set once its values were found beyond float16: from then on products are in
                     * f32; NULL: the session's own */
};

struct dv_session_params {
    bool          profile;
    dsvk_progress compiling;
    uint32_t      ahead; /* for tests; 0 = by policy, else passes queued ahead, at most 7 */
    bool          draw;  /* for tests: the device draws tokens where policy says the host */
};

struct dv_session_slot {
    struct dv_program *program;
    struct dv_pass     pass;
    uint64_t           used; /* for the least recently used */
};

/* Who is told and asked while tokens first .. end-1 of the timeline are computed. */
struct dv_watch {
    const dsvk_progress *progress; /* NULL: nobody */
    uint32_t             first, end;
};

struct dv_session {
    struct dv_engine         engine;
    struct dv_session_params params;
    struct dv_setup          setup;            /* what was 0 is chosen */
    uint32_t                 split;            /* positions of one attention split */
    uint32_t                 materialise_from; /* tokens at position 0; UINT32_MAX: never */
    struct dv_cache         *cache;
    struct dv_buffer        *arena, *rope, *step, *result;
    struct dv_buffer        *arguments; /* of all slots' programs, argument_nodes for each */
    uint32_t                 argument_nodes;
    struct dv_session_slot   slots[DV_MAX_PROGRAMS];
    uint64_t                 clock;
    uint32_t                *tokens; /* [context] */
    uint32_t                 n_tokens;
    struct dv_program       *last;      /* of the last pass; its results are still in the arena */
    uint32_t                 next;      /* that generate() offers; argmax if ran_ahead */
    bool                     ran_ahead; /* the arena is of a pass behind the timeline */
    bool                     drew;      /* the last results may be drawn tokens, not the greatest */
    dv_choice                choice;    /* of passes that advance; zero outside of generate() */
    bool                     left_f16;  /* where engine.left_f16 may point */
    struct dv_watch          watch;     /* during sync and score */
    dsvk_session_stats       stats;
    struct dv_expert_stats   experts_before; /* those that earlier sessions brought */
    struct dv_profile        profile;
    struct dv_chooser       *chooser; /* NULL until a token is drawn */
};

/* What dv_session_generate() asks of each token. */
struct dv_offer {
    bool (*take)(void *user, uint32_t token); /* false: it is not taken, and it ends here */
    void            *user;
    const dsvk_stop *stop;     /* asked before each token; NULL: none */
    dsvk_sampling    sampling; /* in its range */
};

/* tiers and expert_slots of `setup` are set here. */
dsvk_status dv_session_new(struct dv_session **out, const struct dv_engine *engine,
                           const struct dv_setup *setup, const struct dv_session_params *params);
void        dv_session_free(struct dv_session *session);

/* See dsvk/session.h. */
dsvk_status dv_session_sync(struct dv_session *session, const uint32_t *tokens, uint32_t n,
                            const dsvk_progress *progress);
/* Offers the next token, computes it when it is taken, and so on until one is not taken, n were
 * taken or the context is full. */
dsvk_status dv_session_generate(struct dv_session *session, uint32_t n,
                                const struct dv_offer *offer);
dsvk_status dv_session_score(struct dv_session *session, const uint32_t *tokens, uint32_t n,
                             const dsvk_score_rows *rows, const dsvk_progress *progress);
dsvk_status dv_session_argmax(struct dv_session *session, uint32_t *token);
dsvk_status dv_session_sample(struct dv_session *session, const dsvk_sampling *sampling,
                              uint32_t *token);
/* Whether it draws at all, and the rule by which. */
bool        dv_session_draws(const dsvk_sampling *sampling);
void        dv_session_rule(struct dv_choose_rule *rule, const dsvk_sampling *sampling);
dsvk_status dv_session_logits(struct dv_session *session, float *logits);
/* Those of the `choices` alone, not copied where the host sees them; until the next pass. */
dsvk_status dv_session_see_logits(struct dv_session *session, const float **logits);

/* Fills in what is said of experts. */
void dv_session_expert_stats(const struct dv_session *session, dsvk_session_stats *stats);

/* ---- inside engine/ ---- */

/* Computes tokens[position .. position+n-1] on top of the cached ones before (engine/pass.c); again
 * in f32 where products in float16 give results that are not finite. */
dsvk_status dv_session_pass(struct dv_session *s, const uint32_t *ids, uint32_t n,
                            uint32_t position, bool all_rows);
/* Whether products are rounded to float16 now. */
bool dv_session_in_f16(const struct dv_session *s);
/* Its parts: what the commands read, and what is noted after them. */
void dv_session_write_step(struct dv_session *s, const struct dv_program *p, const uint32_t *ids,
                           uint32_t n, uint32_t position);
void dv_session_add_stats(struct dv_session *s, const struct dv_program *p, uint32_t n,
                          uint64_t ns);
/* The commands of a program with parts (engine/tiered.c). Nothing is queued on return. */
dsvk_status dv_session_run_parts(struct dv_session *s, const struct dv_program *p);
/* The program for a pass, made when needed (engine/programs.c). */
dsvk_status dv_session_program(struct dv_program **out, struct dv_session *s,
                               const struct dv_pass *pass);
/* For one token, through the first `layers` layers only, then the last norm and the head: the
 * caller's, not kept. */
dsvk_status dv_session_program_of_layers(struct dv_program **out, struct dv_session *s,
                                         uint32_t layers);

#endif
