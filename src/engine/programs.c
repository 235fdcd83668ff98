/* SPDX-License-Identifier: MIT */
/* From the model to the programs of a session: graph, plan, weights' places, recording. */
#include <string.h>

#include "base/stop.h"
#include "engine/session.h"

/* Places by dv_weight of this graph; the caller frees them. */
static dsvk_status find_places(struct dv_weight_place **out, const struct dv_session *s,
                               const struct dv_graph *graph)
{
    struct dv_weight_place *places =
        dv_zalloc_array(s->setup.ctx, graph->n_weights + 1, sizeof *places);
    *out = places;
    if (!places)
        return dv_fail(s->setup.ctx, DSVK_NO_MEMORY, "session: no memory for %u places",
                       graph->n_weights);
    for (dv_weight w = 1; w <= graph->n_weights; w++) {
        const struct dv_weight_info *info = &graph->weights[w];
        if (info->kind == DV_WEIGHT_ROPE) {
            places[w] = (struct dv_weight_place){ .address = s->runner->rope->address };
            continue;
        }
        const struct dv_weight_place *place = dv_weights_find(s->engine.weights, info);
        if (place)
            places[w] = *place; /* recipes that fusion replaced are not loaded and not used */
    }
    for (uint32_t i = 0; i < graph->n_nodes; i++)
        for (uint32_t k = 0; k < dv_n_weights(graph->nodes[i].op); k++)
            if (graph->nodes[i].w.at[k] && places[graph->nodes[i].w.at[k]].address == 0)
                return dv_fail(s->setup.ctx, DSVK_UNSUPPORTED, "session: %s is not loaded",
                               graph->weights[graph->nodes[i].w.at[k]].name);
    return DSVK_OK;
}

/* The session's own report, while a call is asked for its stop. */
static bool tell_compiling(void *user, uint64_t done, uint64_t total)
{
    const struct dv_session *s = user;
    return dv_goes_on(&s->params.compiling, done, total);
}

static dsvk_progress compiling_of(struct dv_session *s)
{
    const dsvk_progress *call = s->watch.progress;
    if (!call || !call->stop)
        return s->params.compiling;
    return (dsvk_progress){ .report = tell_compiling, .user = s, .stop = call->stop };
}

/* All but `compiling`. `slot` says which room its arguments get; DV_MAX_PROGRAMS: its own. */
static struct dv_program_params params_of(struct dv_session *s, uint32_t slot,
                                          const struct dv_weight_place *places,
                                          const struct dv_pass         *pass)
{
    const struct dv_engine *e    = &s->engine;
    const struct dv_runner *r    = s->runner;
    uint64_t                room = (uint64_t)r->argument_nodes * DV_BLOCK_BYTES;
    const struct dv_lane   *lane = &r->lanes[dv_size_lane(pass)];

    return (struct dv_program_params){ .stream      = e->stream,
                                       .token       = lane->result->address,
                                       .profile     = s->params.profile && slot < DV_MAX_PROGRAMS,
                                       .blocks      = slot < DV_MAX_PROGRAMS ? r->arguments : NULL,
                                       .blocks_at   = slot * room,
                                       .blocks_room = room,
                                       .arena       = lane->arena,
                                       .slice_ns    = e->slice_ns,
                                       .position    = s->n_tokens,
                                       .site        = {
                                                  .caps         = &e->dev->caps,
                                                  .weights      = places,
                                                  .arena        = lane->arena->address,
                                                  .step         = lane->step->address,
                                                  .step_buffer  = lane->step,
                                                  .states       = s->cache->states,
                                                  .cache_format = s->setup.cache,
                                                  .math_f16     = s->setup.math_f16 && !pass->f32,
                                                  .round_f16    = s->setup.round_f16 && !pass->f32,
                                       } };
}

static dsvk_status make_program(struct dv_program **out, struct dv_session *s, uint32_t slot,
                                const struct dv_setup *size, const struct dv_pass *pass)
{
    dsvk_status             status;
    struct dv_weight_place *places = NULL;
    struct dv_graph        *graph;
    struct dv_plan          plan;
    TRY(dv_size_graph(&graph, &plan, size, pass));
    /* It may need more than the plan said: the rounding of an odd token count, or scoring. */
    TRY_OR(fail, dv_runner_grow_arena(s->runner, dv_size_lane(pass), plan.arena_bytes));
    TRY_OR(fail, find_places(&places, s, graph));
    struct dv_program_params params    = params_of(s, slot, places, pass);
    dsvk_progress            compiling = compiling_of(s);
    params.compiling                   = &compiling;
    status                             = dv_program_new(out, s->engine.dev, graph, &plan, &params);
    graph                              = NULL;
fail:
    dv_graph_free(graph);
    dv_free(s->setup.ctx, places);
    return status;
}

static bool same_pass(const struct dv_pass *a, const struct dv_pass *b)
{
    return a->tokens == b->tokens && dv_pass_is_batch(a) == dv_pass_is_batch(b) &&
           a->all_rows == b->all_rows && a->materialise == b->materialise && a->f32 == b->f32;
}

static void tell(const struct dv_session *s, const struct dv_program *p, const struct dv_pass *pass)
{
    dv_log(s->setup.ctx, DSVK_LOG_DEBUG,
           "session: a program for a %s, rows %u: %u dispatches, %u barriers, %u parts%s%s",
           dv_pass_is_batch(pass) ? "batch" : "prompt", pass->tokens, p->n_dispatches,
           p->n_barriers, p->n_parts, pass->materialise ? ", keys materialised" : "",
           pass->f32 && s->setup.math_f16 ? ", in f32" : "");
}

static void drop(struct dv_runner *r, struct dv_slot_of_program *slot)
{
    for (int i = 0; i < DV_N_LANES; i++)
        if (slot->program && r->lanes[i].last == slot->program) {
            r->lanes[i].last = NULL;
            r->lanes[i].n    = 0;
        }
    dv_program_free(slot->program);
    slot->program = NULL;
}

dsvk_status dv_session_program(struct dv_program **out, struct dv_session *s,
                               const struct dv_pass *pass)
{
    dsvk_status                status;
    struct dv_runner          *r      = s->runner;
    struct dv_slot_of_program *oldest = NULL;
    *out                              = NULL;
    for (uint32_t i = 0; i < DV_MAX_PROGRAMS; i++) {
        struct dv_slot_of_program *slot = &r->slots[i];
        if (slot->program && same_pass(&slot->pass, pass)) {
            slot->used = ++r->clock;
            *out       = slot->program;
            return DSVK_OK;
        }
        if (slot->program && slot->program == r->running)
            continue;
        if (!oldest || !slot->program || (oldest->program && slot->used < oldest->used))
            oldest = slot;
    }
    drop(r, oldest);
    TRY(make_program(out, s, (uint32_t)(oldest - r->slots), &r->setup, pass));
    tell(s, *out, pass);
    *oldest = (struct dv_slot_of_program){ .program = *out, .pass = *pass, .used = ++r->clock };
    return DSVK_OK;
}

dsvk_status dv_session_program_of_layers(struct dv_program **out, struct dv_session *s,
                                         uint32_t layers)
{
    struct dv_config config = *s->setup.config;
    struct dv_setup  size   = s->setup;
    config.layers           = layers;
    size.config             = &config;
    *out                    = NULL;
    struct dv_pass pass     = { .tokens = 1, .f32 = s->setup.math_f16 };
    return make_program(out, s, DV_MAX_PROGRAMS, &size, &pass);
}
