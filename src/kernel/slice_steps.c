/* SPDX-License-Identifier: MIT */
/* What of a pass may be a slice of its own, how long it took, and which dispatches are cut. */
#include "kernel/program.h"

static bool begins_stage(const struct dv_program *p, uint32_t i)
{
    return i == 0 || p->graph->nodes[i].stage != p->graph->nodes[i - 1].stage;
}

/* ---- steps ---- */

/* The further parts of the nodes of a stage, behind n steps. */
static uint32_t add_parts(struct dv_slice_step *steps, uint32_t n, const struct dv_program *p,
                          uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++)
        for (uint32_t part = 1; part < p->slices.nodes[i].parts; part++, n++)
            if (steps)
                steps[n] = (struct dv_slice_step){ i, i + 1, part };
    return n;
}

uint32_t dv_slice_steps(struct dv_slice_step *steps, const struct dv_program *p)
{
    uint32_t n = 0, n_nodes = p->graph->n_nodes;
    for (uint32_t first = 0, end; first < n_nodes; first = end) {
        for (end = first + 1; end < n_nodes && !begins_stage(p, end);)
            end++;
        if (steps)
            steps[n] = (struct dv_slice_step){ first, end, 0 };
        n = add_parts(steps, n + 1, p, first, end);
    }
    return n;
}

double dv_slice_step_cost(const struct dv_slices *s, const struct dv_slice_step *step)
{
    double cost = 0;
    for (uint32_t i = step->first; i < step->end; i++)
        cost += s->nodes[i].basis / s->nodes[i].parts;
    return cost;
}

/* ---- times ---- */

static void learn_slice(struct dv_slices *s, uint32_t first, uint32_t end, uint64_t ns)
{
    double cost = 0;
    for (uint32_t i = first; i < end; i++)
        cost += dv_slice_step_cost(s, &s->steps[i]);
    for (uint32_t i = first; i < end; i++)
        for (uint32_t j = s->steps[i].first; j < s->steps[i].end; j++)
            s->nodes[j].ns += (double)ns * (s->nodes[j].basis / s->nodes[j].parts) / cost;
}

void dv_slices_learn(struct dv_program *p)
{
    struct dv_slices *s = &p->slices;
    for (uint32_t i = 0; i < p->graph->n_nodes; i++)
        s->nodes[i].ns = 0;
    for (uint32_t i = 0; i < s->n; i++)
        learn_slice(s, i ? s->ends[i - 1] : 0, s->ends[i], s->took[i]);
}

/* ---- cuts ---- */

/* The parts that node i would have, at most as many as its dispatch has groups. */
static uint32_t wanted_parts(const struct dv_program *p, uint32_t i, uint64_t slice_ns)
{
    const struct dv_dispatch *d      = &p->dispatches[i];
    double                    wanted = p->slices.nodes[i].ns / (double)slice_ns + 1;
    uint32_t                  most   = d->may_cut ? d->groups[d->cut_dimension] : 1;
    return wanted < most ? (uint32_t)wanted : most;
}

bool dv_slices_cut(struct dv_program *p, uint64_t slice_ns, bool fewer)
{
    bool changed = false;
    for (uint32_t i = 0; i < p->graph->n_nodes; i++) {
        struct dv_slice_node *node   = &p->slices.nodes[i];
        uint32_t              wanted = wanted_parts(p, i, slice_ns);
        bool                  more   = wanted > node->parts + node->parts / 2;
        if (!more && (!fewer || wanted >= node->parts))
            continue;
        node->parts = wanted;
        changed     = true;
    }
    return changed;
}
