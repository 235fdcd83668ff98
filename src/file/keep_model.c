/* SPDX-License-Identifier: MIT */
/* Which model a timeline is of. */
#include "file/keep_model.h"

#include <string.h>

#include "base/size.h"
#include "file/keep.h"

#define SAMPLES 64u /* tensors */
#define SAMPLE_BYTES 256u

static uint64_t of_config(const struct dv_config *c)
{
    const uint64_t words[]   = { c->arch,         c->hidden,
                                 c->layers,       c->heads,
                                 c->vocab,        c->q_lora,
                                 c->kv_lora,      c->nope,
                                 c->rope,         c->v_head,
                                 c->dense_ffn,    c->expert_ffn,
                                 c->experts,      c->shared_experts,
                                 c->top_k,        c->groups,
                                 c->top_k_groups, c->first_dense,
                                 c->moe_every,    c->scoring,
                                 c->topk_method,  c->norm_topk,
                                 c->tied_head,    c->has_correction_bias,
                                 c->yarn.on,      c->yarn.original_context,
                                 c->block_rows,   c->block_cols };
    const double   numbers[] = { (double)c->routed_scale, (double)c->norm_eps,   c->rope_theta,
                                 c->yarn.factor,          c->yarn.beta_fast,     c->yarn.beta_slow,
                                 c->yarn.mscale,          c->yarn.mscale_all_dim };
    return dv_keep_sum(dv_keep_sum(0, words, sizeof words), numbers, sizeof numbers);
}

static uint64_t of_tensor(uint64_t sum, const struct dv_tensor_file *t)
{
    const uint64_t shape[3] = { t->dtype, t->n_dims, t->bytes };
    sum                     = dv_keep_sum(sum, t->name, strlen(t->name));
    sum                     = dv_keep_sum(sum, shape, sizeof shape);
    return dv_keep_sum(sum, t->dims, t->n_dims * sizeof *t->dims);
}

dsvk_status dv_keep_model(uint64_t *key, const struct dv_context *ctx,
                          const struct dv_config *config, const struct dv_checkpoint *checkpoint)
{
    unsigned char some[SAMPLE_BYTES];
    uint32_t      n = checkpoint ? dv_checkpoint_n_tensors(checkpoint) : 0;
    *key            = of_config(config);
    for (uint32_t i = 0; i < n; i++)
        *key = of_tensor(*key, dv_checkpoint_tensor(checkpoint, i));
    for (uint32_t i = 0; i < dv_min(n, SAMPLES); i++) {
        uint32_t                     at    = (uint32_t)((uint64_t)i * n / dv_min(n, SAMPLES));
        const struct dv_tensor_file *t     = dv_checkpoint_tensor(checkpoint, at);
        uint64_t                     bytes = dv_min(t->bytes, sizeof some);
        if (dv_checkpoint_read(checkpoint, some, t->data, bytes) != bytes)
            return dv_fail(ctx, DSVK_BAD_FILE,
                           "session: %s was shortened since it was opened, or cannot be read",
                           dv_checkpoint_shard(checkpoint, t->shard));
        *key = dv_keep_sum(*key, some, bytes);
    }
    return DSVK_OK;
}
