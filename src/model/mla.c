/* SPDX-License-Identifier: MIT */
/* Multi-head latent attention (DeepSeek-V2 report, equations 9 to 19), in two forms that are equal
 * but for rounding. Absorbed: the key up-projection W_UK moves to the query and the value
 * up-projection W_UV behind the softmax, so that one latent row of kv + rope values a token serves
 * all heads as key and as value. Materialised: keys and values of each head are made from the
 * latents; (nope + rope + v) products a query, key and head instead of (2 kv + rope). */
#include <math.h>

#include "base/size.h"
#include "model/model.h"

/* The norms inside MLA use this whatever rms_norm_eps says; the published code does the same. */
#define INNER_EPS 1e-6f

static double yarn_g(double factor, double mscale)
{
    return factor <= 1 ? 1.0 : 0.1 * mscale * log(factor) + 1.0;
}

float dv_model_softmax_scale(const struct dv_config *config)
{
    double scale = 1.0 / sqrt((double)config->nope + config->rope);
    if (config->yarn.on && config->yarn.mscale_all_dim != 0) {
        double g = yarn_g(config->yarn.factor, config->yarn.mscale_all_dim);
        scale *= g * g;
    }
    return (float)scale;
}

void dv_model_rope_frequencies(const struct dv_config *config, double *frequencies, double *mscale)
{
    const double pi  = 3.14159265358979323846;
    double       dim = config->rope, base = config->rope_theta, low = 0, high = 1;
    *mscale = 1.0;
    if (config->yarn.on) {
        double scale = dim / (2 * log(base)), context = config->yarn.original_context;
        low  = fmax(0, floor(scale * log(context / (2 * pi * config->yarn.beta_fast))));
        high = fmin(dim - 1, ceil(scale * log(context / (2 * pi * config->yarn.beta_slow))));
        if (low == high)
            high += 0.001;
        *mscale = yarn_g(config->yarn.factor, config->yarn.mscale) /
                  yarn_g(config->yarn.factor, config->yarn.mscale_all_dim);
    }
    for (uint32_t i = 0; i < config->rope / 2; i++) {
        double f = pow(base, -2.0 * i / dim);
        if (config->yarn.on) {
            double ramp    = fmin(1, fmax(0, (i - low) / (high - low)));
            frequencies[i] = f * (1 - ramp) + f / config->yarn.factor * ramp;
        } else {
            frequencies[i] = f;
        }
    }
}

/* Products of a head with n new tokens among S cached ones: n kv (nope + v) to absorb and
 * n S (2 kv + rope), or S kv (nope + v) to make keys and values and n S (nope + rope + v). With S
 * large against kv they are equal at n = kv (nope + v) / (2 kv - nope - v): 171 for V3. */
uint32_t dv_model_materialise_from(const struct dv_config *config)
{
    uint64_t widths = (uint64_t)config->nope + config->v_head, both = 2ull * config->kv_lora;
    if (both <= widths)
        return UINT32_MAX;
    uint64_t tokens = dv_ceil_div(config->kv_lora * widths, both - widths);
    return dv_min(tokens, UINT32_MAX);
}

enum up { W_UK, W_UK_TRANSPOSED, W_UV };

/* For each head its rows of kv_b_proj; W_UK transposed for the query's side. */
static dv_weight up_projection(const struct dv_model_layer *layer, enum up which)
{
    const struct dv_config *c          = layer->config;
    const char             *name       = dv_layer_name(layer, "self_attn.kv_b_proj.weight");
    uint32_t                rows       = which == W_UV ? c->v_head : c->nope;
    bool                    transposed = which == W_UK_TRANSPOSED;
    if (!name)
        return 0;
    struct dv_weight_info info = { .kind        = DV_WEIGHT_MATRIX,
                                   .role        = DV_ROLE_ATTENTION,
                                   .name        = name,
                                   .slices      = c->heads,
                                   .row0        = which == W_UV ? c->nope : 0,
                                   .row_step    = c->nope + c->v_head,
                                   .tensor_cols = c->kv_lora,
                                   .transposed  = transposed,
                                   .rows        = transposed ? c->kv_lora : rows,
                                   .cols        = transposed ? rows : c->kv_lora,
                                   .n_parts     = 1,
                                   .parts       = { { name, c->heads * (c->nope + c->v_head) } } };
    return dv_weight_add(layer->g, &info);
}

static dv_tensor linear(const struct dv_model_layer *layer, const char *suffix, dv_tensor x,
                        uint32_t rows, uint32_t cols)
{
    dv_weight w = dv_layer_matrix(layer, DV_ROLE_ATTENTION, suffix, rows, cols);
    return dv_matmul(layer->g, w, x, 0);
}

/* [tokens, heads * (nope + rope)], heads one after the other, in each the nope part first. */
static dv_tensor query(const struct dv_model_layer *layer, dv_tensor h)
{
    const struct dv_config *c    = layer->config;
    uint32_t                rows = c->heads * (c->nope + c->rope);
    if (c->q_lora == 0)
        return linear(layer, "self_attn.q_proj.weight", h, rows, c->hidden);
    dv_tensor compressed = linear(layer, "self_attn.q_a_proj.weight", h, c->q_lora, c->hidden);
    dv_weight norm =
        dv_layer_vector(layer, DV_ROLE_NORM, "self_attn.q_a_layernorm.weight", c->q_lora);
    compressed = dv_rms_norm(layer->g, compressed, norm, INNER_EPS);
    return linear(layer, "self_attn.q_b_proj.weight", compressed, rows, c->q_lora);
}

/* What both forms start from. */
struct parts {
    dv_tensor q;      /* [tokens, heads * (nope + rope)] */
    dv_tensor q_rope; /* [tokens, heads * rope], rotated */
    dv_tensor latent; /* [tokens, kv] */
    dv_tensor k_rope; /* [tokens, rope], rotated */
};

/* [tokens, heads * v_head] */
static dv_tensor absorbed(const struct dv_model_layer *layer, const struct parts *p)
{
    struct dv_graph        *g     = layer->g;
    const struct dv_config *c     = layer->config;
    struct dv_attend_shape  shape = {
         .heads = c->heads, .kv = c->kv_lora, .rope = c->rope, .scale = dv_model_softmax_scale(c)
    };
    dv_weight w_uk     = up_projection(layer, W_UK_TRANSPOSED);
    dv_tensor q_latent = dv_matmul(g, w_uk, p->q, c->nope + c->rope);
    dv_tensor cache    = dv_cache_write(g, layer->kept[DV_KEPT_LATENT], p->latent, p->k_rope);
    dv_tensor partials = dv_attend(g, q_latent, p->q_rope, cache, &shape);
    dv_tensor context  = dv_combine(g, partials, &shape);
    return dv_matmul(g, up_projection(layer, W_UV), context, c->kv_lora);
}

/* The same for the first pass of a timeline, which reads no cache: later passes do. */
static dv_tensor materialised(const struct dv_model_layer *layer, const struct parts *p)
{
    struct dv_graph             *g     = layer->g;
    const struct dv_config      *c     = layer->config;
    struct dv_attend_heads_shape shape = { .heads  = c->heads,
                                           .nope   = c->nope,
                                           .rope   = c->rope,
                                           .v_head = c->v_head,
                                           .scale  = dv_model_softmax_scale(c) };

    struct dv_attend_heads_inputs in = {
        .q      = p->q,
        .q_rope = p->q_rope,
        .k_nope = dv_matmul(g, up_projection(layer, W_UK), p->latent, 0),
        .k_rope = p->k_rope,
        .v      = dv_matmul(g, up_projection(layer, W_UV), p->latent, 0),
    };
    dv_cache_write(g, layer->kept[DV_KEPT_LATENT], p->latent, p->k_rope);
    return dv_attend_heads(g, &in, &shape);
}

dv_tensor dv_mla(const struct dv_model_layer *layer, dv_tensor h)
{
    struct dv_graph        *g    = layer->g;
    const struct dv_config *c    = layer->config;
    uint32_t                head = c->nope + c->rope;

    struct parts p = { .q = query(layer, h) };
    dv_tensor    kva =
        linear(layer, "self_attn.kv_a_proj_with_mqa.weight", h, c->kv_lora + c->rope, c->hidden);
    dv_weight kv_norm =
        dv_layer_vector(layer, DV_ROLE_NORM, "self_attn.kv_a_layernorm.weight", c->kv_lora);
    p.latent = dv_rms_norm(g, dv_view_cols(g, kva, 0, c->kv_lora), kv_norm, INNER_EPS);
    p.k_rope =
        dv_rope(g, dv_view_cols(g, kva, c->kv_lora, c->rope), layer->rope, 1, c->rope, c->rope, 0);
    p.q_rope = dv_rope(g, p.q, layer->rope, c->heads, c->rope, head, c->nope);

    dv_tensor out = g->size.materialise ? materialised(layer, &p) : absorbed(layer, &p);
    return linear(layer, "self_attn.o_proj.weight", out, c->hidden, c->heads * c->v_head);
}
