/* SPDX-License-Identifier: MIT */
/* Which tensors a model has: what its graph of one token says of them. */
#include <string.h>

#include "model/model.h"

const struct dv_graph_size dv_model_one_token = {
    .tokens = 1, .context = 1, .split = 1, .tile = 1
};

dsvk_status dv_model_weights(struct dv_graph **out, const struct dv_context *ctx,
                             const struct dv_config *config)
{
    return dv_model_build(out, ctx, config, &dv_model_one_token);
}

/* ---- parameters ---- */

dsvk_status dv_model_parameters(uint64_t *all, uint64_t *active, const struct dv_context *ctx,
                                const struct dv_config *config)
{
    dsvk_status      status;
    struct dv_graph *g;
    *all = *active = 0;
    TRY(dv_model_weights(&g, ctx, config));
    for (dv_weight w = 1; w <= g->n_weights; w++) {
        const struct dv_weight_info *info = &g->weights[w];
        uint64_t                     n    = (uint64_t)info->slices * info->rows * info->cols;
        if (info->kind == DV_WEIGHT_ROPE)
            continue;
        *all += info->experts ? n * info->experts : n;
        /* A lookup uses one row of the embedding, but a tied head all of it. */
        if (info->role != DV_ROLE_EMBEDDING || config->tied_head)
            *active += info->experts ? n * config->top_k : n;
    }
    dv_graph_free(g);
    return DSVK_OK;
}

/* ---- roles ---- */

static const char *past_number(const char *at)
{
    if (at[0] == '%' && at[1] == 'u')
        return at + 2;
    return at + strspn(at, "0123456789");
}

/* Whether two names are the same but for numbers. */
static bool same_but_numbers(const char *a, const char *b)
{
    for (;; a++, b++) {
        const char *past_a = past_number(a), *past_b = past_number(b);
        if ((past_a == a) != (past_b == b) || *past_a != *past_b)
            return false;
        if (*past_a == 0)
            return true;
        a = past_a;
        b = past_b;
    }
}

enum dv_role dv_model_role(const struct dv_graph *roles, const char *name)
{
    for (dv_weight w = 1; w <= roles->n_weights; w++)
        if (roles->weights[w].n_parts && same_but_numbers(roles->weights[w].parts[0].name, name))
            return roles->weights[w].role;
    return DV_ROLE_NONE;
}
