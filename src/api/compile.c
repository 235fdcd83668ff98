/* SPDX-License-Identifier: MIT */
/* From a caller's graph to its program: which tensors lie where, and the recording. */
#include "api/lent.h"
#include "base/size.h"
#include "planner/setup.h"

#define ALIGN 256u /* of tensors in the program's own buffer */

/* ---- ports ---- */

static dsvk_status check_output(dsvk_graph *g, dsvk_tensor y)
{
    if (y == 0 || y > g->g->n_values || g->g->values[y].kind != DV_VALUE_ACTIVATION ||
        g->g->values[y].producer == 0)
        return dv_fail(g->ctx, DSVK_BAD_ARGUMENT, "graph: no operation gives tensor %u", y);
    return DSVK_OK;
}

static dsvk_status add_outputs(dsvk_graph *g, const dsvk_tensor *outputs, uint32_t n)
{
    dsvk_status status;
    uint32_t    found = 0;
    for (uint32_t i = 0; i < n; i++) {
        TRY(check_output(g, outputs ? outputs[i] : 0));
        if (!dv_lent_port(g, outputs[i]) && !dv_lent_port_new(g, outputs[i]))
            return g->g->status;
    }
    for (uint32_t i = 0; i < g->n_ports; i++)
        found += !g->ports[i].input;
    for (uint32_t i = 0; i < g->n_latents; i++)
        found += g->latents[i].written != 0;
    if (found == 0)
        return dv_fail(g->ctx, DSVK_BAD_ARGUMENT, "graph: it has no outputs");
    return DSVK_OK;
}

/* Of those that the caller did not place, one behind the other; in all. */
static uint64_t place_own(dsvk_graph *g)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < g->n_ports; i++) {
        struct dv_port  *port = &g->ports[i];
        struct dv_value *v    = &g->g->values[port->tensor];
        v->outside            = true;
        if (port->placed)
            continue;
        port->place = (dsvk_place){ .offset = at,
                                    .bytes  = (uint64_t)v->rows * v->stride * 4,
                                    .stride = v->stride };
        at += dv_round_up(port->place.bytes, ALIGN);
    }
    return at;
}

/* With the turn: addresses, as the graph's offsets from that of the arena; they wrap around. */
static dsvk_status find_addresses(dsvk_program *p, struct dv_device *dev)
{
    dsvk_graph *g     = p->graph;
    uint64_t    arena = p->memory->address + p->arena_at;
    for (uint32_t i = 0; i < g->n_ports; i++) {
        struct dv_port *port = &g->ports[i];
        if (!port->placed)
            port->place.buffer = p->memory->handle;
        if (port->place.buffer) {
            VkBufferDeviceAddressInfo info = { .sType =
                                                   VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
                                               .buffer = port->place.buffer };
            port->place.address =
                dev->vk.vkGetBufferDeviceAddress(dev->handle, &info) + port->place.offset;
        }
        port->place.stride = g->g->values[port->tensor].stride;
        if (port->place.address % 16 != 0)
            return dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                           "graph: %s is placed at no multiple of 16 bytes",
                           g->g->values[port->tensor].name);
        g->g->values[port->tensor].arena_offset = port->place.address - arena;
    }
    return DSVK_OK;
}

/* ---- the program ---- */

static dsvk_status find_weights(struct dv_weight_place **out, const dsvk_graph *g)
{
    *out = dv_zalloc_array(g->ctx, (size_t)g->n_weights + 1, sizeof **out);
    if (!*out)
        return dv_fail(g->ctx, DSVK_NO_MEMORY, "graph: no memory for %u weights", g->n_weights);
    for (uint32_t i = 1; i <= g->n_weights; i++) {
        (*out)[i] = g->weights[i]->place;
        if (!g->weights[i]->weights)
            return dv_fail(g->ctx, DSVK_DEVICE_LOST,
                           "graph: \"%s\" was on the device when that was lost",
                           g->weights[i]->info.name);
    }
    return DSVK_OK;
}

/* One allocation, of which drivers have few: `own` bytes of ports, argument blocks, the arena. */
static dsvk_status allocate(dsvk_program *p, const struct dv_plan *plan, uint64_t own)
{
    struct dv_device *dev = p->graph->device->dev;
    p->blocks_at          = own;
    p->arena_at           = own + (uint64_t)plan->nodes * DV_BLOCK_BYTES;
    return dv_buffer_new(&p->memory, dev, p->arena_at + plan->arena_bytes, DV_MEMORY_DEVICE,
                         "activations");
}

/* By dv_state. */
static dsvk_status find_states(struct dv_state_place **out, const dsvk_graph *g)
{
    uint32_t n = g->g->n_states + 1;
    *out       = dv_zalloc_array(g->ctx, n, sizeof **out);
    if (!*out)
        return dv_fail(g->ctx, DSVK_NO_MEMORY, "graph: no memory for %u latents", n);
    for (uint32_t i = 0; i < g->n_latents; i++) {
        const struct dv_lent_latents *l = &g->latents[i];
        (*out)[l->state] = (struct dv_state_place){ l->is.offset, dsvk_latents_bytes(&l->is) };
    }
    return DSVK_OK;
}

/* Of all latents. */
static enum dv_cache_format format_of(const dsvk_graph *g)
{
    enum dv_cache_format format = DV_CACHE_F32;
    if (g->n_latents > 0)
        (void)dv_setup_cache(&format, g->latents[0].is.format);
    return format;
}

/* Kernels look for rows behind the head of a step block, and for nothing else in it. */
static uint64_t step_of(const dsvk_graph *g)
{
    return g->rows ? dv_lent_port(g, g->rows)->place.address - DV_STEP_ROWS : 0;
}

/* But for weights and states. */
static struct dv_kernel_site site_of(const dsvk_program *p)
{
    const dsvk_graph *g = p->graph;
    return (struct dv_kernel_site){ .caps         = &g->device->dev->caps,
                                    .arena        = p->memory->address + p->arena_at,
                                    .step         = step_of(g),
                                    .cache_format = format_of(g),
                                    .math_f16     = g->math_f16,
                                    .round_f16    = g->round_f16 };
}

static dsvk_status record(dsvk_program *p, const struct dv_plan *plan)
{
    dsvk_status             status;
    dsvk_graph             *g      = p->graph;
    dsvk_device            *device = g->device;
    struct dv_weight_place *places = NULL;
    struct dv_state_place  *states = NULL;
    TRY_OR(fail, find_weights(&places, g));
    TRY_OR(fail, find_states(&states, g));
    struct dv_program_params params = { .stream      = device->stream,
                                        .site        = site_of(p),
                                        .blocks      = p->memory,
                                        .blocks_at   = p->blocks_at,
                                        .blocks_room = p->arena_at - p->blocks_at };
    params.site.weights             = places;
    params.site.states              = states;
    struct dv_graph *graph          = g->g;
    g->g                            = NULL; /* the program's from now on */
    status = dv_program_new(&p->program, device->dev, graph, plan, &params);
fail:
    dv_free(g->ctx, places);
    dv_free(g->ctx, states);
    return status;
}

/* With the turn. */
static dsvk_status compile(dsvk_program *p, uint64_t own)
{
    dsvk_status    status;
    dsvk_device   *device = p->graph->device;
    struct dv_plan plan;
    TRY(dv_graph_plan(p->graph->g, &plan));
    TRY(allocate(p, &plan, own));
    TRY(find_addresses(p, device->dev));
    TRY(record(p, &plan));
    p->next          = device->programs;
    device->programs = p;
    return DSVK_OK;
}

static dsvk_status make(dsvk_program *p, const dsvk_tensor *outputs, uint32_t n)
{
    dsvk_status status;
    dsvk_graph *g = p->graph;
    TRY(dv_graph_finish(g->g));
    TRY(add_outputs(g, outputs, n));
    uint64_t own = place_own(g);
    TRY(dv_lent_begin(g->device));
    return dv_lent_end(g->device, compile(p, own));
}

dsvk_status dsvk_graph_compile(dsvk_program **out, dsvk_graph *graph, const dsvk_tensor *outputs,
                               uint32_t n_outputs)
{
    dsvk_status status = DSVK_BAD_ARGUMENT;
    if (out)
        *out = NULL;
    dsvk_program *p = out && graph ? dv_zalloc(graph->ctx, sizeof *p) : NULL;
    if (!p) {
        if (out && graph)
            status = dv_fail(graph->ctx, DSVK_NO_MEMORY, "graph: no memory for its program");
        dsvk_graph_free(graph);
        return status;
    }
    p->graph = graph;
    status   = make(p, outputs, n_outputs);
    if (status == DSVK_OK)
        *out = p;
    else
        dsvk_program_free(p);
    return status;
}
