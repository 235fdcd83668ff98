/* SPDX-License-Identifier: MIT */
/* Recording: each node becomes one dispatch, one barrier stands between stages, and nothing changes
 * afterwards; what differs from pass to pass is in the step block. */
#include "kernel/program.h"

#include <string.h>

#include "kernel/cost.h"

/* Asks each kernel for its dispatch. */
static dsvk_status choose(struct dv_recording *r)
{
    dsvk_status           status;
    struct dv_program    *p    = r->program;
    struct dv_kernel_site site = r->params->site;
    site.graph                 = p->graph;
    for (uint32_t i = 0; i < p->graph->n_nodes; i++) {
        const struct dv_node *node = &p->graph->nodes[i];
        site.block_data            = r->blocks + (size_t)i * DV_BLOCK_BYTES;
        site.block = r->block_buffer->address + r->blocks_at + (uint64_t)i * DV_BLOCK_BYTES;
        TRY(dv_kernel_of(node->op)->dispatch(&p->dispatches[i], &site, node));
        if (p->dispatches[i].indirect)
            memcpy(p->attend_groups, p->dispatches[i].groups, sizeof p->attend_groups);
    }
    return DSVK_OK;
}

/* The workgroups of one part. */
static void cut(struct dv_dispatch *d, uint32_t part, uint32_t parts)
{
    uint32_t *groups = &d->groups[d->cut_dimension], n = *groups;
    uint32_t  from = (uint32_t)((uint64_t)n * part / parts);
    uint32_t  to   = (uint32_t)((uint64_t)n * (part + 1) / parts);
    uint32_t  first;
    *groups = to - from;
    first   = d->counts_down ? n - 1 - from : from;
    memcpy(d->push + d->cut_first, &first, sizeof first);
}

dsvk_status dv_record_part(const struct dv_program *p, struct dv_commands *c, uint32_t i,
                           uint32_t part, uint32_t parts)
{
    dsvk_status         status;
    struct dv_dispatch  d = p->dispatches[i];
    struct dv_pipeline *pipeline;
    TRY(dv_pipeline_get(&pipeline, p->dev, &d.pipeline));
    if (parts > 1)
        cut(&d, part, parts);
    if (d.indirect && p->step_buffer)
        dv_commands_dispatch_indirect(c, pipeline, d.push, p->step_buffer, DV_STEP_ATTEND);
    else
        dv_commands_dispatch(c, pipeline, d.push, d.groups[0], d.groups[1], d.groups[2]);
    return DSVK_OK;
}

dsvk_status dv_record_node(const struct dv_program *p, struct dv_commands *c, uint32_t i)
{
    return dv_record_part(p, c, i, 0, 1);
}

static dsvk_status record_whole(const struct dv_recording *r)
{
    dsvk_status         status;
    struct dv_cost_site site = { r->params->site.weights, r->params->site.states,
                                 r->params->position };
    TRY(dv_slices_init(r->program, &site));
    return dv_slices_fit(r->program, r->params->slice_ns);
}

static dsvk_status make_pipelines(const struct dv_recording *r)
{
    dsvk_status                      status;
    const struct dv_program_params  *params = r->params;
    const struct dv_pipeline_params *first  = &r->program->dispatches->pipeline;
    uint32_t                         n      = r->program->graph->n_nodes;
    size_t                           stride = sizeof *r->program->dispatches;
    TRY(dv_pipeline_make_all(r->program->dev, first, stride, n, params->compiling));
    return dv_pipeline_warm_all(params->stream, first, stride, n, params->compiling);
}

/* Where the argument blocks go. */
static dsvk_status find_room(struct dv_recording *r, uint64_t bytes)
{
    dsvk_status        status;
    struct dv_program *p = r->program;
    r->block_buffer      = r->params->blocks;
    r->blocks_at         = r->params->blocks_at;
    if (r->block_buffer && bytes <= r->params->blocks_room)
        return DSVK_OK;
    TRY(dv_buffer_new(&p->blocks, p->dev, bytes, DV_MEMORY_DEVICE, "arguments"));
    r->block_buffer = p->blocks;
    r->blocks_at    = 0;
    return DSVK_OK;
}

/* What a profile counts bytes by. */
static dsvk_status keep_places(struct dv_program *p, const struct dv_weight_place *places)
{
    size_t n = (size_t)p->graph->n_weights + 1;
    if (!p->profile)
        return DSVK_OK;
    p->places = dv_zalloc_array(p->dev->ctx, n, sizeof *p->places);
    if (!p->places)
        return dv_fail(p->dev->ctx, DSVK_NO_MEMORY, "program: no memory for %zu places", n);
    memcpy(p->places, places, n * sizeof *places);
    return DSVK_OK;
}

dsvk_status dv_program_new(struct dv_program **out, struct dv_device *dev, struct dv_graph *graph,
                           const struct dv_plan *plan, const struct dv_program_params *params)
{
    dsvk_status        status;
    struct dv_program *p = dv_zalloc(dev->ctx, sizeof *p);
    *out                 = NULL;
    if (!p) {
        dv_graph_free(graph);
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "program: no memory for it");
    }
    *p                    = (struct dv_program){ .dev         = dev,
                                                 .graph       = graph,
                                                 .plan        = *plan,
                                                 .step_buffer = params->site.step_buffer,
                                                 .profile     = params->profile };
    struct dv_recording r = { .program = p, .params = params };
    size_t              n = graph->n_nodes;
    TRY_OR(fail, keep_places(p, params->site.weights));
    p->dispatches = dv_zalloc_array(dev->ctx, n, sizeof *p->dispatches);
    r.blocks      = dv_zalloc_array(dev->ctx, n, DV_BLOCK_BYTES);
    if (!p->dispatches || !r.blocks) {
        status = dv_fail(dev->ctx, DSVK_NO_MEMORY, "program: no memory for %zu dispatches", n);
        goto fail;
    }
    /* The chosen token goes straight to memory that the host reads: no copy, no transfer barrier.
     * The sum wraps around to exactly that address. */
    graph->values[graph->token].arena_offset = params->token - params->site.arena;
    TRY_OR(fail, find_room(&r, n * DV_BLOCK_BYTES));
    TRY_OR(fail, choose(&r));
    TRY_OR(fail, make_pipelines(&r));
    TRY_OR(fail, dv_stream_upload(params->stream, r.block_buffer, r.blocks_at, r.blocks,
                                  n * DV_BLOCK_BYTES));
    TRY_OR(fail, graph->size.tiers ? dv_record_parts(&r) : record_whole(&r));
    *out = p;
    p    = NULL;
fail:
    dv_free(dev->ctx, r.blocks);
    dv_program_free(p);
    return status;
}

void dv_program_free(struct dv_program *program)
{
    if (!program)
        return;
    dv_slices_done(program);
    dv_program_parts_free(program);
    dv_buffer_free(program->blocks);
    dv_graph_free(program->graph);
    dv_free(program->dev->ctx, program->places);
    dv_free(program->dev->ctx, program->dispatches);
    dv_free(program->dev->ctx, program);
}

dsvk_status dv_program_times(struct dv_program *program, uint64_t *ns)
{
    dsvk_status status;
    uint32_t    n     = program->graph->n_nodes;
    uint64_t   *ticks = dv_zalloc_array(program->dev->ctx, n + 1, sizeof *ticks);
    if (!ticks)
        return dv_fail(program->dev->ctx, DSVK_NO_MEMORY, "program: no memory for %u times", n);
    status = dv_commands_read_timestamps(program->slices.commands[0], n + 1, ticks);
    for (uint32_t i = 0; status == DSVK_OK && i < n; i++)
        ns[i] = ticks[i + 1] - ticks[i];
    dv_free(program->dev->ctx, ticks);
    return status;
}
