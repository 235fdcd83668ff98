/* SPDX-License-Identifier: MIT */
/* Makes runners, and finds the one that a session may share. */
#include "engine/runner.h"

#include <math.h>

/* (cos, sin) of every position and pair, in double precision on the host: drivers' own sines are
 * good to 2^-11 only. */
static dsvk_status make_rope_table(struct dv_runner *r, uint64_t bytes)
{
    dsvk_status              status;
    const struct dv_context *ctx   = r->setup.ctx;
    const struct dv_config  *c     = r->setup.config;
    uint32_t                 pairs = c->rope / 2;
    float                   *table = dv_alloc(ctx, (size_t)bytes);
    double                  *f     = dv_alloc(ctx, pairs * sizeof *f), mscale;
    if (!table || !f) {
        status = dv_fail(ctx, DSVK_NO_MEMORY, "session: no memory for the rope table");
        goto fail;
    }
    dv_model_rope_frequencies(c, f, &mscale);
    for (uint32_t p = 0; p < r->setup.context; p++)
        for (uint32_t i = 0; i < pairs; i++) {
            table[((size_t)p * pairs + i) * 2]     = (float)(cos(p * f[i]) * mscale);
            table[((size_t)p * pairs + i) * 2 + 1] = (float)(sin(p * f[i]) * mscale);
        }
    TRY_OR(fail, dv_buffer_new(&r->rope, r->engine.dev, bytes, DV_MEMORY_DEVICE, "rope table"));
    status = dv_stream_upload(r->engine.stream, r->rope, 0, table, bytes);
    if (status != DSVK_OK) {
        dv_buffer_free(r->rope);
        r->rope = NULL;
    }
fail:
    dv_free(ctx, table);
    dv_free(ctx, f);
    return status;
}

static dsvk_status need(struct dv_buffer **buffer, const struct dv_runner *r, uint64_t bytes,
                        enum dv_memory kind, const char *what)
{
    return *buffer ? DSVK_OK : dv_buffer_new(buffer, r->engine.dev, bytes, kind, what);
}

dsvk_status dv_runner_allocate(struct dv_runner *r)
{
    dsvk_status             status;
    struct dv_session_bytes bytes;
    if (r->rope) /* the last that is made */
        return DSVK_OK;
    TRY(dv_size_bytes(&bytes, &r->setup));
    r->argument_nodes = bytes.nodes;
    for (int i = 0; i < DV_N_LANES; i++) {
        struct dv_lane             *lane = &r->lanes[i];
        const struct dv_lane_bytes *b    = &bytes.lanes[i];
        TRY(need(&lane->arena, r, b->arena, DV_MEMORY_DEVICE, "activations"));
        TRY(need(&lane->step, r, b->step, DV_MEMORY_STEP, "parameters"));
        TRY(need(&lane->result, r, b->result, DV_MEMORY_READBACK, "results"));
    }
    TRY(need(&r->arguments, r, bytes.arguments, DV_MEMORY_DEVICE, "arguments"));
    return make_rope_table(r, bytes.rope);
}

/* Context and chunk where the caller leaves them to us. */
static dsvk_status complete_setup(struct dv_runner *r)
{
    dsvk_status             status;
    const struct dv_engine *e    = &r->engine;
    const struct dv_device *dev  = e->dev;
    uint64_t                left = UINT64_MAX;
    struct dv_experts      *x    = dv_weights_experts(e->weights);
    struct dv_tuning        tuning;
    dv_device_read_budget(e->dev, false); /* loading has left room */
    if (dev->bytes_limit)
        left = dev->bytes_limit > dev->bytes_used ? dev->bytes_limit - dev->bytes_used : 0;
    r->setup.tiers        = x != NULL;
    r->setup.expert_slots = x ? dv_experts_slots(x) : 0;
    if (r->setup.choices == 0 || r->setup.choices > r->setup.config->vocab)
        r->setup.choices = r->setup.config->vocab;
    TRY(dv_size_choose(&r->setup, left));
    dv_tuning_of(&tuning, &dev->caps);
    r->split = dv_engine_split(r->setup.context, &tuning);
    return DSVK_OK;
}

static void free_buffer(struct dv_buffer **buffer)
{
    dv_buffer_free(*buffer);
    *buffer = NULL;
}

static void drop_programs(struct dv_runner *r, enum dv_lane_kind kind)
{
    for (uint32_t i = 0; i < DV_MAX_PROGRAMS; i++) {
        struct dv_slot_of_program *slot = &r->slots[i];
        if (!slot->program || dv_size_lane(&slot->pass) != kind)
            continue;
        dv_program_free(slot->program);
        slot->program = NULL;
    }
    r->lanes[kind].last = NULL;
    r->lanes[kind].n    = 0;
}

void dv_runner_drop(struct dv_runner *r)
{
    for (int i = 0; i < DV_N_LANES; i++) {
        drop_programs(r, (enum dv_lane_kind)i);
        free_buffer(&r->lanes[i].arena);
        free_buffer(&r->lanes[i].step);
        free_buffer(&r->lanes[i].result);
    }
    free_buffer(&r->arguments);
    free_buffer(&r->rope);
}

static void free_runner(struct dv_runner *r)
{
    dv_runner_drop(r);
    dv_monitor_free(r->lock);
    dv_free(r->setup.ctx, r);
}

/* Two sessions of one model on one device: only what a session may choose can differ. */
static bool fits(const struct dv_runner *r, const struct dv_setup *setup, bool profile)
{
    const struct dv_setup *a = &r->asked;
    return r->profile == profile && a->context == setup->context && a->chunk == setup->chunk &&
           a->cache == setup->cache && a->choices == setup->choices &&
           a->math_f16 == setup->math_f16 && a->round_f16 == setup->round_f16 &&
           a->no_fuse == setup->no_fuse;
}

dsvk_status dv_runner_borrow(struct dv_runner **out, const struct dv_engine *engine,
                             const struct dv_setup *setup, bool profile)
{
    dsvk_status status;
    *out = NULL;
    for (struct dv_runner *r = engine->runners ? *engine->runners : NULL; r; r = r->next)
        if (fits(r, setup, profile)) {
            r->users++;
            *out = r;
            return DSVK_OK;
        }
    struct dv_runner *r = dv_zalloc(engine->ctx, sizeof *r);
    if (!r)
        return dv_fail(engine->ctx, DSVK_NO_MEMORY, "session: no memory for its runner");
    *r = (struct dv_runner){
        .users = 1, .engine = *engine, .asked = *setup, .setup = *setup, .profile = profile
    };
    r->setup.ctx = r->asked.ctx = engine->ctx;
    if (!r->engine.left_f16)
        r->engine.left_f16 = &r->left_f16;
    TRY_OR(fail, dv_monitor_new(&r->lock, engine->ctx));
    TRY_OR(fail, complete_setup(r));
    TRY_OR(fail, dv_runner_allocate(r));
    if (engine->runners) {
        r->next          = *engine->runners;
        *engine->runners = r;
    }
    *out = r;
    return DSVK_OK;
fail:
    free_runner(r);
    return status;
}

void dv_runner_return(struct dv_runner *r)
{
    if (!r || --r->users > 0)
        return;
    for (struct dv_runner **at = r->engine.runners; at && *at; at = &(*at)->next)
        if (*at == r) {
            *at = r->next;
            break;
        }
    free_runner(r);
}

/* ---- lanes ---- */

dsvk_status dv_runner_grow_arena(struct dv_runner *r, enum dv_lane_kind kind, uint64_t bytes)
{
    struct dv_buffer **arena = &r->lanes[kind].arena;
    if (*arena && (*arena)->bytes >= bytes)
        return DSVK_OK;
    drop_programs(r, kind);
    free_buffer(arena);
    return dv_buffer_new(arena, r->engine.dev, bytes, DV_MEMORY_DEVICE, "activations");
}

uint64_t dv_runner_arena_bytes(const struct dv_runner *r)
{
    uint64_t bytes = 0;
    for (int i = 0; i < DV_N_LANES; i++)
        bytes += r->lanes[i].arena ? r->lanes[i].arena->bytes : 0;
    return bytes;
}

struct dv_lane *dv_runner_lane(struct dv_runner *r, const struct dv_program *program)
{
    return &r->lanes[program->graph->size.batch ? DV_LANE_BATCH : DV_LANE_PROMPT];
}

static uint64_t until_prompt_ends(void *user, bool first)
{
    const struct dv_runner *r = user;
    return first && !r->prompting ? 0 : UINT64_MAX;
}

bool dv_runner_enter_prompt(struct dv_runner *r, const dsvk_progress *progress)
{
    const struct dv_wanted lane = { .ns = until_prompt_ends, .user = r };
    if (r->prompting || r->prompts.first)
        if (!dv_line_wait(&r->prompts, r->engine.turn, &lane, progress))
            return false;
    r->prompting = true;
    return true;
}

void dv_runner_leave_prompt(struct dv_runner *r)
{
    r->prompting = false;
    r->running   = NULL;
    if (r->prompts.first)
        dv_turn_tell(r->engine.turn);
}

void dv_runner_forget(struct dv_runner *r, const struct dv_session *s)
{
    for (int i = 0; i < DV_N_LANES; i++)
        for (uint32_t k = 0; k < r->lanes[i].n; k++)
            if (r->lanes[i].rows[k].of == s)
                r->lanes[i].rows[k].of = NULL;
}
