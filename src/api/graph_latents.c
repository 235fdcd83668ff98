/* SPDX-License-Identifier: MIT */
/* Operations of a caller's graph on latents in the caller's pages. */
#include <math.h>
#include <stddef.h>

#include "api/lent.h"
#include "graph/build.h"
#include "planner/setup.h"

#define MOST_WIDTH 4096u /* of a latent and of a rope key: kernel/cache_write.c */
#define MOST_HEADS 4096u

static bool is_record(const dsvk_latents *l)
{
    enum dv_cache_format format;
    return l && dv_setup_cache(&format, l->format) && l->latent > 0 && l->rope > 0 &&
           (l->latent | l->rope) % 4 == 0 && l->latent <= MOST_WIDTH && l->rope <= MOST_WIDTH;
}

uint32_t dsvk_latents_bytes(const dsvk_latents *l)
{
    enum dv_cache_format format;
    if (!is_record(l) || !dv_setup_cache(&format, l->format))
        return 0;
    return dv_state_cached("latents", 0, l->latent, l->rope).bytes[format];
}

dsvk_tensor dsvk_graph_rows(dsvk_graph *g)
{
    _Static_assert(sizeof(dsvk_row) == DV_ROW_BYTES && offsetof(dsvk_row, position) == 4 &&
                       offsetof(dsvk_row, pages) == 8,
                   "rows are those of the step block");
    if (!g || g->g->status != DSVK_OK)
        return 0;
    if (!g->rows)
        g->rows = dsvk_graph_input(g, g->g->size.tokens, sizeof(dsvk_row) / 4);
    return g->rows;
}

/* ---- the latents of a graph ---- */

static struct dv_lent_latents *add_latents(dsvk_graph *g, const dsvk_latents *l)
{
    struct dv_state_info info = dv_state_cached("latents", g->n_latents, l->latent, l->rope);
    dv_state             s    = dv_state_new(g->g, &info);
    if (!s || !dv_graph_grow(g->g, (void **)&g->latents, g->n_latents, &g->cap_latents,
                             sizeof *g->latents))
        return NULL;
    struct dv_lent_latents *added = &g->latents[g->n_latents++];
    *added                        = (struct dv_lent_latents){ .is = *l, .state = s };
    return added;
}

/* The same ones at the same offset, or new ones. NULL: the graph has failed. */
static struct dv_lent_latents *find_latents(dsvk_graph *g, const char *op, const dsvk_latents *l)
{
    if (!is_record(l) || l->offset % 16 != 0 || g->g->size.context == 0) {
        dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                                  "graph: %s: latents of %u values and %u of rope keys at byte %u, "
                                  "in a context of %u",
                                  op, l ? l->latent : 0, l ? l->rope : 0, l ? l->offset : 0,
                                  g->g->size.context));
        return NULL;
    }
    for (uint32_t i = 0; i < g->n_latents; i++) {
        const dsvk_latents *other = &g->latents[i].is;
        bool                same  = other->latent == l->latent && other->rope == l->rope;
        if (other->format == l->format && other->offset == l->offset && same)
            return &g->latents[i];
        if (other->format == l->format && other->offset != l->offset)
            continue;
        dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                                  "graph: %s: latents in two formats, or two at byte %u", op,
                                  l->offset));
        return NULL;
    }
    return dsvk_graph_rows(g) ? add_latents(g, l) : NULL;
}

/* A row for each token. */
static bool is_wide(dsvk_graph *g, const char *op, dsvk_tensor x, uint64_t cols)
{
    const struct dv_value *v = &g->g->values[x];
    if (v->rows == g->g->size.tokens && v->cols == cols)
        return true;
    dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT, "graph: %s: %u x %u, not %u x %llu", op,
                              v->rows, v->cols, g->g->size.tokens, (unsigned long long)cols));
    return false;
}

/* ---- operations ---- */

void dsvk_graph_latents_write(dsvk_graph *g, const dsvk_latents *latents, dsvk_tensor latent,
                              dsvk_tensor rope_key)
{
    static const char *const op = "latents_write";
    if (!dv_lent_takes(g, op, latent) || !dv_lent_takes(g, op, rope_key))
        return;
    struct dv_lent_latents *l = find_latents(g, op, latents);
    if (!l || !is_wide(g, op, latent, latents->latent) || !is_wide(g, op, rope_key, latents->rope))
        return;
    if (l->read || l->written)
        dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                                  "graph: %s: the latents at byte %u were %s before", op,
                                  latents->offset, l->read ? "attended to" : "written"));
    else
        l->written = dv_cache_write(g->g, l->state, latent, rope_key);
}

dsvk_tensor dsvk_graph_attend(dsvk_graph *g, const dsvk_latents *latents, dsvk_tensor q_latent,
                              dsvk_tensor q_rope, uint32_t heads, float scale)
{
    static const char *const op = "attend";
    if (!dv_lent_takes(g, op, q_latent) || !dv_lent_takes(g, op, q_rope))
        return 0;
    struct dv_lent_latents *l = find_latents(g, op, latents);
    if (!l || !is_wide(g, op, q_latent, (uint64_t)heads * latents->latent) ||
        !is_wide(g, op, q_rope, (uint64_t)heads * latents->rope))
        return 0;
    if (heads > MOST_HEADS || !isfinite(scale))
        return dv_lent_refuse(g, dv_fail(g->ctx, DSVK_BAD_ARGUMENT,
                                         "graph: attend: %u heads, of at most %u, or a scale that "
                                         "is no finite number",
                                         heads, MOST_HEADS));
    struct dv_attend_shape shape = { heads, latents->latent, latents->rope, scale };
    l->read                      = true;
    dv_tensor state              = l->written ? l->written : dv_graph_state(g->g, l->state);
    dv_tensor partials           = dv_attend(g->g, q_latent, q_rope, state, &shape);
    return partials ? dv_combine(g->g, partials, &shape) : 0;
}
