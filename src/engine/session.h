/* SPDX-License-Identifier: MIT */
/* One timeline: the tokens whose latents are cached. The runner that it borrows extends it: a pass
 * over n tokens runs the program recorded for n; programs are kept, the most recent few of them. */
#ifndef DV_ENGINE_SESSION_H
#define DV_ENGINE_SESSION_H

#include "dsvk/session.h"
#include "engine/cache.h"
#include "experts/experts.h"
#include "engine/profile.h"
#include "engine/runner.h"
#include "tensor/choose.h"

struct dv_session_params {
    bool          profile;
    dsvk_progress compiling;
    uint32_t      ahead; /* for tests; 0 = by policy, else passes queued ahead, at most 7 */
    bool          draw;  /* for tests: the device draws tokens where policy says the host */
    struct dv_cache_params cache;
};

/* Who is told and asked while tokens first .. end-1 of the timeline are computed. */
struct dv_watch {
    const dsvk_progress *progress; /* NULL: nobody */
    uint32_t             first, end;
};

/* Results that a fork has of its original: those of a lane, as long as they have this number. */
struct dv_heir {
    const struct dv_lane *lane; /* NULL: none */
    uint64_t              number;
    uint32_t              row, end; /* as dv_held_row */
};

/* What changes its logits on the device (engine/extras_device.c); NULL until that is wanted. */
struct dv_device_extras {
    struct dv_buffer *block;  /* a dv_extras, then a mask: the host writes it between passes */
    struct dv_buffer *tables; /* biases, counts and the window */
    struct dv_buffer *told;   /* what argmax tells of the tokens that it finds */
};

/* What is told of a token that was chosen. */
struct dv_told {
    dsvk_logprob chosen, best[DSVK_MOST_LOGPROBS];
    uint32_t     n_best;
};

struct dv_session {
    struct dv_engine         engine;
    struct dv_session_params params;
    struct dv_runner        *runner; /* the session is a user of it */
    struct dv_setup          setup;  /* as the runner's, with the session's own log */
    struct dv_cache         *cache;
    struct dv_stocks         stocks; /* where engine.stocks may point */
    uint32_t                *tokens; /* [context] */
    uint32_t                 n_tokens;
    uint32_t                 n_cached;         /* those whose latents are in the cache */
    uint32_t                 materialise_from; /* tokens at position 0; UINT32_MAX: never */
    bool                     answered; /* the last token has results, in the arena or to be had */
    bool                     knows;    /* `greatest` is one of them */
    uint32_t                 greatest; /* what argmax finds; DV_NOT_FINITE */
    struct dv_heir           heir;
    uint32_t                 next;     /* that generate() offers */
    struct dv_decoding       decoding; /* during generate() */
    struct dv_watch          watch;    /* during a call that may be stopped */
    uint64_t                 lent_ns;  /* for which others had the turn in its last pass */
    dsvk_session_stats       stats;
    struct dv_expert_stats   experts_before; /* those that earlier sessions brought */
    struct dv_profile        profile;
    struct dv_chooser       *chooser; /* NULL until a token is drawn */
    int32_t                 *biases;  /* [choices] all 0, NULL until there are some ... */
    uint32_t                *counts;  /* ... [choices], the same */
    struct dv_device_extras  on_device;
    struct dv_told          *told; /* [DV_RING] by position modulo that; NULL until it is wanted */
};

/* What dv_session_generate() asks of each token. */
struct dv_offer {
    /* Called without the turn; false: the token is not taken, and it ends here. */
    bool (*take)(void *user, uint32_t token);
    void            *user;
    const dsvk_stop *stop;     /* asked before each token; NULL: none */
    dsvk_sampling    sampling; /* in its range */
};

/* tiers and expert_slots of `setup` are set here. */
dsvk_status dv_session_new(struct dv_session **out, const struct dv_engine *engine,
                           const struct dv_setup *setup, const struct dv_session_params *params);
void        dv_session_free(struct dv_session *session);
/* Another one with the same timeline and results, logging to `ctx` (engine/fork.c). Pages are
 * shared, but for a copy of the open one. NO_VRAM as for a new one. */
dsvk_status dv_session_fork(struct dv_session **out, const struct dv_session *session,
                            const struct dv_context *ctx);

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
/* Of the token chosen for `position`, one of the last DV_RING, where that was asked for. */
const struct dv_told *dv_session_told(const struct dv_session *s, uint32_t position);
dsvk_status           dv_session_make_told(struct dv_session *s);
/* From what the device found of this token. */
void dv_session_read_told(struct dv_session *s, uint32_t position, uint32_t token);
/* Whether it draws at all, and the rule by which, without extras. */
bool dv_session_draws(const dsvk_sampling *sampling);
/* What argmax finds is all that is asked for. */
bool dv_session_is_plain(const dsvk_sampling *sampling);
void dv_session_rule(struct dv_choose_rule *rule, const dsvk_sampling *sampling);
/* How one token is chosen: the one behind the first n in `tokens`, of which some may be in the ring
 * yet. */
struct dv_wish {
    const dsvk_sampling         *sampling;
    const struct dv_choose_rule *rule; /* without extras */
    const uint32_t              *mask;
    uint32_t                     n;
};
/* Of the token chosen behind the wish's n, from logits that the host sees. */
dsvk_status dv_session_tell(struct dv_session *s, const struct dv_wish *wish, const float *logits,
                            uint32_t token);
/* Of logits that the host sees; DV_NOT_FINITE, DV_NONE_LEFT. */
dsvk_status dv_session_choose(uint32_t *token, struct dv_session *s, const struct dv_wish *wish,
                              const float *logits);
/* Whether logits are changed (engine/extras.c), and what by: until it is done with, `biases` and
 * `counts` are in use. */
bool        dv_session_changes(const dsvk_sampling *sampling);
bool        dv_session_penalises(const dsvk_sampling *sampling);
dsvk_status dv_session_extras(struct dv_choose_extras *extras, struct dv_session *s,
                              const struct dv_wish *wish);
void        dv_session_extras_done(struct dv_session *s, const struct dv_wish *wish);
dsvk_status dv_session_none_to_choose(const struct dv_session *s);
/* The same on the device: all of it, for the token behind the wish's n, with which nothing flies of
 * the session; from then on argmax counts what it finds. */
dsvk_status dv_session_load_extras(struct dv_session *s, const struct dv_wish *wish);
/* NULL: all may be chosen. */
void        dv_session_load_mask(struct dv_session *s, const uint32_t *mask);
void        dv_session_drop_extras(struct dv_session *s);
dsvk_status dv_session_logits(struct dv_session *session, float *logits);
/* Those of the `choices` alone, not copied where the host sees them; until the next pass. */
dsvk_status dv_session_see_logits(struct dv_session *session, const float **logits);

/* Fills in what is said of experts. */
void dv_session_expert_stats(const struct dv_session *session, dsvk_session_stats *stats);

/* ---- inside engine/ ---- */

/* From the end of the timeline to position n, in chunks; all of the timeline is cached. `tokens`
 * may be its own. */
dsvk_status dv_session_extend(struct dv_session *s, const uint32_t *tokens, uint32_t n,
                              const dsvk_progress *progress);
/* After a pass that ended with `status`: nothing is cached, and the timeline is empty unless its
 * tokens are known to be right: where the device was lost. Nothing happened where it was cancelled
 * while compiling. */
void dv_session_pass_failed(struct dv_session *s, dsvk_status status);
/* At the end of a call: what is cached may be found by others, what is behind it is given back. */
void dv_session_settle(struct dv_session *s);
/* Computes tokens[position .. position+n-1] on top of the cached ones before (engine/pass.c); again
 * in f32 where products in float16 give results that are not finite. */
dsvk_status dv_session_pass(struct dv_session *s, const uint32_t *ids, uint32_t n,
                            uint32_t position, bool all_rows);
/* Whether products are rounded to float16 now. */
bool dv_session_in_f16(const struct dv_session *s);
/* Its parts: what the commands read, and what is noted after them. */
void dv_session_write_step(struct dv_session *s, const struct dv_program *p, const uint32_t *ids,
                           uint32_t n, uint32_t position);
/* The last results of the program's lane are those of s's token end - 1 now. */
void dv_session_holds(struct dv_session *s, struct dv_program *p, uint32_t end);
/* The lane with the last token's logits, and their row there; NULL: none. */
const struct dv_lane *dv_session_held(uint32_t *row, const struct dv_session *s);
/* Nothing that any lane has is the session's. */
void dv_session_forget_results(struct dv_session *s);
void dv_session_add_stats(struct dv_session *s, const struct dv_program *p, uint32_t n,
                          uint64_t ns);
/* The commands of a program, slice by slice or part by part, once the step block is written
 * (engine/slices.c). Nothing is queued on return. A prompt's lends the turn on the way; it has
 * entered the lane. CANCELLED where the stop of `watch` was set on the way: the pass is then
 * dropped. */
dsvk_status dv_session_run(struct dv_session *s, struct dv_program *p);
/* For programs with parts (engine/tiered.c). */
dsvk_status dv_session_run_parts(struct dv_session *s, const struct dv_program *p);
/* Between two submissions of a pass: all that may hold it up or end it comes here. Others have the
 * turn meanwhile where they want it and it may be lent. */
dsvk_status dv_session_between(struct dv_session *s, bool lends);
/* Before a pass that may wait for the pace of the device without the turn. */
dsvk_status dv_session_pace(struct dv_session *s, bool prompt);
/* The next submission of a pass, when the pace allows it, for which it may rest without the turn.
 * It and the one before are queued at most; none on return where there is a pace, or others are
 * about who may want the device next. */
struct dv_submission {
    struct dv_commands *commands;
    bool                prompt, rests;
};
dsvk_status dv_session_submit(struct dv_session *s, const struct dv_submission *submission);
/* The program for a pass, made when needed (engine/programs.c). */
dsvk_status dv_session_program(struct dv_program **out, struct dv_session *s,
                               const struct dv_pass *pass);
/* For one token, through the first `layers` layers only, then the last norm and the head: the
 * caller's, not kept. */
dsvk_status dv_session_program_of_layers(struct dv_program **out, struct dv_session *s,
                                         uint32_t layers);

#endif
