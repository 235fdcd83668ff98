/* SPDX-License-Identifier: MIT */
/* Graphs of callers: inputs, places, and the operations but those with experts and latents. What a
 * caller gives is checked here, once; graph/ops.c checks shapes again. */
#include "api/lent.h"
#include "base/size.h"
#include "graph/build.h"
#include "planner/sizes.h"

#define MOST_WORDS (UINT64_C(1) << 30) /* of a tensor, with what lies between its rows */

/* ---- making ---- */

static dsvk_status check_pass(const struct dv_context *ctx, const dsvk_pass *pass)
{
    if (pass->tokens > DSVK_MAX_CHUNK)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "graph: %u tokens, of at most %u", pass->tokens,
                       DSVK_MAX_CHUNK);
    if ((unsigned)pass->math > DSVK_MATH_F16)
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "graph: math %u is none", (unsigned)pass->math);
    return DSVK_OK;
}

static dsvk_status begin(dsvk_graph *g, const dsvk_pass *pass)
{
    dsvk_status           status;
    const struct dv_caps *caps = &g->device->dev->caps;
    struct dv_tuning      tuning;
    TRY(check_pass(g->ctx, pass));
    g->round_f16 = pass->math == DSVK_MATH_F16;
    g->math_f16  = g->round_f16 || (pass->math == DSVK_MATH_AUTO && dv_prefers_f16(caps));
    dv_tuning_of(&tuning, caps);
    struct dv_graph_size size = { .tokens   = pass->tokens ? pass->tokens : 1,
                                  .context  = pass->context,
                                  .split    = dv_engine_split(pass->context, &tuning),
                                  .all_rows = true,
                                  .batch    = pass->batch };
    g->g                      = dv_graph_new(g->ctx, &size);
    return g->g ? DSVK_OK : dv_fail(g->ctx, DSVK_NO_MEMORY, "graph: no memory for it");
}

dsvk_status dsvk_graph_new(dsvk_graph **out, dsvk_device *device, const dsvk_pass *pass)
{
    static const dsvk_pass usual = { 0 };
    if (!out)
        return DSVK_BAD_ARGUMENT;
    *out = NULL;
    if (!device)
        return DSVK_BAD_ARGUMENT;
    dsvk_graph *g = dv_zalloc(&device->ctx, sizeof *g);
    if (!g)
        return dv_fail(&device->ctx, DSVK_NO_MEMORY, "graph: no memory for it");
    g->device = device;
    g->ctx    = &device->ctx;
    atomic_fetch_add(&device->users, 1);
    dsvk_status status = begin(g, pass ? pass : &usual);
    if (status == DSVK_OK)
        *out = g;
    else
        dsvk_graph_free(g);
    return status;
}

void dsvk_graph_free(dsvk_graph *g)
{
    if (!g)
        return;
    dsvk_device *device = g->device;
    dv_graph_free(g->g);
    for (uint32_t i = 1; i <= g->n_weights; i++)
        dsvk_weight_free(g->weights[i]);
    dv_free(g->ctx, g->weights);
    dv_free(g->ctx, g->ports);
    dv_free(g->ctx, g->latents);
    dv_free(g->ctx, g);
    dsvk_device_close(device);
}

/* ---- operands ---- */

dsvk_tensor dv_lent_refuse(dsvk_graph *g, dsvk_status status)
{
    if (g->g->status == DSVK_OK)
        g->g->status = status;
    return 0;
}

bool dv_lent_takes(dsvk_graph *g, const char *op, dsvk_tensor x)
{
    if (!g || g->g->status != DSVK_OK)
        return false;
    if (x > 0 && x <= g->g->n_values && g->g->values[x].kind == DV_VALUE_ACTIVATION)
        return true;
    dv_lent_refuse(g,
                   dv_fail(g->ctx, DSVK_BAD_ARGUMENT, "graph: %s: there is no tensor %u", op, x));
    return false;
}

/* Weights of callers may have one name: in the graph each has another. */
static dv_weight add_weight(dsvk_graph *g, dsvk_weight *w)
{
    struct dv_weight_info info = w->info;
    for (uint32_t p = 0; p < info.n_parts; p++)
        info.parts[p].name = dv_arena_printf(&g->g->arena, "%u.%u", g->n_weights + 1, p);
    info.name = dv_arena_printf(&g->g->arena, "%s", w->info.name);
    if (!info.name || !info.parts[0].name || !info.parts[info.n_parts - 1].name)
        return dv_lent_refuse(g, dv_fail(g->ctx, DSVK_NO_MEMORY, "graph: no memory for a weight"));
    if (!dv_graph_grow(g->g, (void **)&g->weights, g->n_weights, &g->cap_weights,
                       sizeof *g->weights))
        return 0;
    dv_weight index = dv_weight_add(g->g, &info);
    if (!index)
        return 0;
    g->weights[++g->n_weights] = w;
    atomic_fetch_add(&w->users, 1);
    return index;
}

dv_weight dv_lent_weight(dsvk_graph *g, const char *op, dsvk_weight *w)
{
    if (!w || w->device != g->device)
        return dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT, "graph: %s: %s", op,
                                         w ? "the weight is on another device" : "no weight"));
    for (uint32_t i = 1; i <= g->n_weights; i++)
        if (g->weights[i] == w)
            return i;
    return add_weight(g, w);
}

/* ---- ports ---- */

struct dv_port *dv_lent_port(const dsvk_graph *g, dsvk_tensor tensor)
{
    for (uint32_t i = 0; i < g->n_ports; i++)
        if (g->ports[i].tensor == tensor)
            return &g->ports[i];
    return NULL;
}

struct dv_port *dv_lent_port_new(dsvk_graph *g, dsvk_tensor tensor)
{
    if (!dv_graph_grow(g->g, (void **)&g->ports, g->n_ports, &g->cap_ports, sizeof *g->ports))
        return NULL;
    struct dv_port *port = &g->ports[g->n_ports++];
    *port                = (struct dv_port){ .tensor = tensor };
    return port;
}

dsvk_tensor dsvk_graph_input(dsvk_graph *g, uint32_t rows, uint32_t cols)
{
    if (!g || g->g->status != DSVK_OK)
        return 0;
    if ((uint64_t)rows * dv_round_up(cols, 4) > MOST_WORDS || rows == 0 || cols == 0)
        return dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                                         "graph: an input of %u x %u, not of 1 to 2^30 words", rows,
                                         cols));
    dv_tensor       x    = dv_graph_value(g->g, "input", rows, cols);
    struct dv_port *port = x ? dv_lent_port_new(g, x) : NULL;
    if (!port)
        return 0;
    port->input = true;
    return x;
}

static bool fits(dsvk_graph *g, const struct dv_value *v, const dsvk_place *place)
{
    uint64_t width = dv_round_up(v->cols, 4), stride = place->stride ? place->stride : width;
    uint64_t words = (v->rows - 1) * stride + width;
    if (stride < width || stride % 4 != 0 || (uint64_t)v->rows * stride > MOST_WORDS)
        dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                                  "graph: %s of %u x %u placed with a stride of %u words, not a "
                                  "multiple of 4 from %u on",
                                  v->name, v->rows, v->cols, place->stride, (unsigned)width));
    else if (place->bytes / 4 < words)
        dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                                  "graph: %s of %u x %u placed in %llu bytes, it takes %llu",
                                  v->name, v->rows, v->cols, (unsigned long long)place->bytes,
                                  (unsigned long long)words * 4));
    else if ((!place->buffer && !place->address) ||
             (place->buffer ? place->offset : place->address) % 16 != 0)
        dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                                  "graph: %s of %u x %u placed at no buffer and no address, or not "
                                  "at a multiple of 16 bytes",
                                  v->name, v->rows, v->cols));
    return g->g->status == DSVK_OK;
}

void dsvk_graph_place(dsvk_graph *g, dsvk_tensor tensor, const dsvk_place *place)
{
    if (!dv_lent_takes(g, "place", tensor))
        return;
    struct dv_value *v = &g->g->values[tensor];
    if (!place) {
        dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT, "graph: no place for %s", v->name));
        return;
    }
    if (!fits(g, v, place))
        return;
    if (tensor == g->rows && place->stride > 4) {
        dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                                  "graph: rows with a stride of %u, not 4", place->stride));
        return;
    }
    struct dv_port *port = dv_lent_port(g, tensor);
    if (!port)
        port = dv_lent_port_new(g, tensor);
    if (!port)
        return;
    port->placed = true;
    port->place  = *place;
    v->stride    = place->stride ? place->stride : (uint32_t)dv_round_up(v->cols, 4);
}

/* ---- operations ---- */

/* Kernels that go along rows take four values at a time. */
static bool in_fours(dsvk_graph *g, const char *op, const struct dv_value *v)
{
    if (v->cols % 4 == 0)
        return true;
    dv_lent_refuse(g, dv_fail(g->ctx, DSVK_UNSUPPORTED, "graph: %s: rows of %u values, not times 4",
                              op, v->cols));
    return false;
}

/* A matrix, not of experts, as wide as x. */
static bool is_product(dsvk_graph *g, const dsvk_weight *w, const struct dv_value *x)
{
    if (w->info.kind != DV_WEIGHT_VECTOR && w->info.experts == 0 && w->info.cols == x->cols)
        return true;
    dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                              "graph: matmul: \"%s\" of %u x %u%s with %u values a row",
                              w->info.name, w->info.kind == DV_WEIGHT_VECTOR ? 0 : w->info.rows,
                              w->info.cols, w->info.experts ? " of experts" : "", x->cols));
    return false;
}

dsvk_tensor dsvk_graph_matmul(dsvk_graph *g, dsvk_weight *w, dsvk_tensor x)
{
    dv_weight matrix = dv_lent_takes(g, "matmul", x) ? dv_lent_weight(g, "matmul", w) : 0;
    if (!matrix || !is_product(g, w, &g->g->values[x]))
        return 0;
    return w->info.kind == DV_WEIGHT_PAIR ? dv_gated(g->g, matrix, x)
                                          : dv_matmul(g->g, matrix, x, 0);
}

dsvk_tensor dsvk_graph_rms_norm(dsvk_graph *g, dsvk_weight *w, dsvk_tensor x, float eps)
{
    dv_weight norm = dv_lent_takes(g, "rms_norm", x) ? dv_lent_weight(g, "rms_norm", w) : 0;
    if (!norm)
        return 0;
    const struct dv_value *v = &g->g->values[x];
    if (w->info.kind != DV_WEIGHT_VECTOR || w->info.cols != v->cols || !(eps >= 0))
        return dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                                         "graph: rms_norm: \"%s\" of %u columns, not a vector of "
                                         "%u, or an eps below 0",
                                         w->info.name, w->info.cols, v->cols));
    if (!in_fours(g, "rms_norm", v))
        return 0;
    return dv_rms_norm(g->g, x, norm, eps);
}

static bool same_shape(dsvk_graph *g, const char *op, dsvk_tensor a, dsvk_tensor b)
{
    if (!dv_lent_takes(g, op, a) || !dv_lent_takes(g, op, b))
        return false;
    const struct dv_value *x = &g->g->values[a], *y = &g->g->values[b];
    if (x->rows == y->rows && x->cols == y->cols)
        return in_fours(g, op, x);
    dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT, "graph: %s: %u x %u with %u x %u", op,
                              x->rows, x->cols, y->rows, y->cols));
    return false;
}

dsvk_tensor dsvk_graph_swiglu(dsvk_graph *g, dsvk_tensor gate, dsvk_tensor up)
{
    return same_shape(g, "swiglu", gate, up) ? dv_swiglu(g->g, gate, up) : 0;
}

dsvk_tensor dsvk_graph_add(dsvk_graph *g, dsvk_tensor a, dsvk_tensor b)
{
    return same_shape(g, "add", a, b) ? dv_add(g->g, a, b) : 0;
}
