/* SPDX-License-Identifier: MIT */
/* From the model to the programs of a session: graph, plan, weights' places, recording. */
#include <string.h>

#include "engine/session.h"

dsvk_status dv_engine_graph(struct dv_graph **out, const struct dv_context *ctx,
                            const struct dv_config *config, const struct dv_graph_size *size,
                            bool no_fuse)
{
    dsvk_status status;
    TRY(dv_model_build(out, ctx, config, size));
    if (!no_fuse)
        status = dv_graph_fuse(*out);
    if (status != DSVK_OK) {
        dv_graph_free(*out);
        *out = NULL;
    }
    return status;
}

uint32_t dv_engine_split(uint32_t context, const struct dv_tuning *tuning)
{
    if (tuning && tuning->attend_split > 0)
        return tuning->attend_split;
    uint32_t split = (context / 64 + DV_PAGE - 1) / DV_PAGE * DV_PAGE;
    return split < 2 * DV_PAGE ? 2 * DV_PAGE : split;
}

/* With f32 products every way of dividing tokens into passes gives the same bits, which another
 * form for long first passes would break: so it is used where products are rounded anyway. */
void dv_session_choose_form(struct dv_session *s)
{
    s->materialise_from = s->params.materialise_from;
    if (s->materialise_from == 0)
        s->materialise_from =
            s->engine.math_f16 ? dv_model_materialise_from(s->engine.config) : UINT32_MAX;
}

static struct dv_graph_size size_of(const struct dv_session *s, const struct dv_pass *pass)
{
    const struct dv_config  *c = s->engine.config;
    const struct dv_experts *x = dv_weights_experts(s->engine.weights);
    uint32_t             pairs = pass->tokens * c->top_k;
    return (struct dv_graph_size){ .tokens      = pass->tokens,
                                   .context     = s->params.context,
                                   .split       = s->split,
                                   .tile        = dv_expert_tile(
                                       &s->engine.dev->caps, s->engine.math_f16,
                                       pairs, c->experts),
                                   .all_rows    = pass->all_rows,
                                   .keep_routes = pass->all_rows,
                                   .advance     = pass->tokens == 1 && !pass->all_rows,
                                   .materialise = pass->materialise,
                                   .tiers       = x != NULL,
                                   .plan_experts = x && pairs > dv_experts_slots(x) };
}

static dsvk_status planned(struct dv_graph **graph, struct dv_plan *plan,
                           const struct dv_session *s, const struct dv_pass *pass)
{
    dsvk_status             status;
    const struct dv_engine *e    = &s->engine;
    struct dv_graph_size    size = size_of(s, pass);
    TRY(dv_engine_graph(graph, e->ctx, e->config, &size, e->no_fuse));
    status = dv_graph_plan(*graph, plan);
    if (status != DSVK_OK) {
        dv_graph_free(*graph);
        *graph = NULL;
    }
    return status;
}

static dsvk_status add_arena_need(uint64_t *bytes, const struct dv_session *s,
                                  const struct dv_pass *pass)
{
    dsvk_status      status;
    struct dv_graph *graph;
    struct dv_plan   plan;
    TRY(planned(&graph, &plan, s, pass));
    dv_graph_free(graph);
    if (plan.arena_bytes > *bytes)
        *bytes = plan.arena_bytes;
    return DSVK_OK;
}

dsvk_status dv_session_arena_bytes(uint64_t *bytes, const struct dv_session *s)
{
    dsvk_status status;
    uint32_t    chunk = s->params.chunk;
    *bytes            = 0;
    /* The need grows with the tokens, but passes of few tokens are planned in another way. */
    for (uint32_t n = 1; n <= DV_FEW_TOKENS && n < chunk; n++)
        TRY(add_arena_need(bytes, s, &(struct dv_pass){ .tokens = n }));
    TRY(add_arena_need(bytes, s, &(struct dv_pass){ .tokens = chunk }));
    if (chunk >= s->materialise_from)
        TRY(add_arena_need(bytes, s, &(struct dv_pass){ .tokens = chunk, .materialise = true }));
    return DSVK_OK;
}

/* Weights are read once a pass, whatever its tokens, so that with matrix units a prompt of 2,048 is
 * one pass, unless its activations took more than a quarter of what is left. Without them products
 * take longer than weights from few tokens on, and short passes keep submissions short. */
dsvk_status dv_session_choose_chunk(struct dv_session *s)
{
    dsvk_status             status;
    const struct dv_device *dev  = s->engine.dev;
    uint32_t               *n    = &s->params.chunk;
    uint64_t                left = 0, bytes = 0;
    if (*n > 0)
        return DSVK_OK;
    if (dev->bytes_limit > dev->bytes_used)
        left = dev->bytes_limit - dev->bytes_used;
    *n = dev->caps.is_software ? 64 : 256;
    if (s->engine.math_f16 && dv_prefers_f16(&dev->caps))
        *n = DV_LONG_CHUNK;
    if (*n > s->params.context)
        *n = s->params.context;
    for (; *n > 256; *n /= 2) {
        TRY(dv_session_arena_bytes(&bytes, s));
        if (dev->bytes_limit == 0 || bytes <= left / 4)
            break;
    }
    return DSVK_OK;
}

/* Places by dv_weight of this graph. */
static dsvk_status find_places(struct dv_weight_place *places, const struct dv_session *s,
                               const struct dv_graph *graph)
{
    for (dv_weight w = 1; w <= graph->n_weights; w++) {
        const struct dv_weight_info *info = &graph->weights[w];
        if (info->kind == DV_WEIGHT_ROPE) {
            places[w] = (struct dv_weight_place){ .address = s->rope->address };
            continue;
        }
        const struct dv_weight_place *place = dv_weights_find(s->engine.weights, info);
        if (place)
            places[w] = *place; /* recipes that fusion replaced are not loaded and not used */
    }
    for (uint32_t i = 0; i < graph->n_nodes; i++)
        for (uint32_t k = 0; k < DV_MAX_WEIGHTS; k++)
            if (graph->nodes[i].w[k] && places[graph->nodes[i].w[k]].address == 0)
                return dv_fail(s->engine.ctx, DSVK_UNSUPPORTED, "session: %s is not loaded",
                               graph->weights[graph->nodes[i].w[k]].name);
    return DSVK_OK;
}

/* A planned pass may need more than the arena has: rounding in the plan of an odd token count, or a
 * scoring pass. Programs refer to the arena by address, so they go with it. */
static dsvk_status grow_arena(struct dv_session *s, uint64_t bytes)
{
    if (s->arena && s->arena->bytes >= bytes)
        return DSVK_OK;
    for (uint32_t i = 0; i < DV_MAX_PROGRAMS; i++) {
        dv_program_free(s->slots[i].program);
        s->slots[i].program = NULL;
    }
    s->last = NULL;
    dv_buffer_free(s->arena);
    s->arena = NULL;
    return dv_buffer_new(&s->arena, s->engine.dev, bytes, DV_MEMORY_DEVICE, "activations");
}

static dsvk_status make_program(struct dv_program **out, struct dv_session *s,
                                const struct dv_pass *pass)
{
    dsvk_status             status;
    const struct dv_engine *e      = &s->engine;
    struct dv_weight_place *places = NULL;
    struct dv_graph        *graph;
    struct dv_plan          plan;
    TRY(planned(&graph, &plan, s, pass));
    TRY_OR(fail, grow_arena(s, plan.arena_bytes));
    places = dv_zalloc_array(e->ctx, graph->n_weights + 1, sizeof *places);
    if (!places) {
        status =
            dv_fail(e->ctx, DSVK_NO_MEMORY, "session: no memory for %u places", graph->n_weights);
        goto fail;
    }
    TRY_OR(fail, find_places(places, s, graph));
    struct dv_program_params params = { .stream  = e->stream,
                                        .token   = s->result->address,
                                        .profile = s->params.profile,
                                        .arena   = s->arena,
                                        .site    = { .caps         = &e->dev->caps,
                                                     .weights      = places,
                                                     .arena        = s->arena->address,
                                                     .step         = s->step->address,
                                                     .step_buffer  = s->step,
                                                     .pages        = s->cache->table->address,
                                                     .cache_record = s->cache->record,
                                                     .cache_format = s->cache->format,
                                                     .math_f16     = e->math_f16,
                                                     .round_f16    = e->round_f16 } };
    status                          = dv_program_new(out, e->dev, graph, &plan, &params);
    graph                           = NULL;
fail:
    dv_graph_free(graph);
    dv_free(e->ctx, places);
    return status;
}

static bool same_pass(const struct dv_pass *a, const struct dv_pass *b)
{
    return a->tokens == b->tokens && a->all_rows == b->all_rows && a->materialise == b->materialise;
}

dsvk_status dv_session_program(struct dv_program **out, struct dv_session *s,
                               const struct dv_pass *pass)
{
    dsvk_status             status;
    struct dv_session_slot *oldest = &s->slots[0];
    *out                           = NULL;
    for (uint32_t i = 0; i < DV_MAX_PROGRAMS; i++) {
        struct dv_session_slot *slot = &s->slots[i];
        if (slot->program && same_pass(&slot->pass, pass)) {
            slot->used = ++s->clock;
            *out       = slot->program;
            return DSVK_OK;
        }
        if (!slot->program || (oldest->program && slot->used < oldest->used))
            oldest = slot;
    }
    if (s->last == oldest->program)
        s->last = NULL;
    dv_program_free(oldest->program);
    oldest->program = NULL;
    TRY(make_program(out, s, pass));
    *oldest = (struct dv_session_slot){ .program = *out, .pass = *pass, .used = ++s->clock };
    return DSVK_OK;
}
