/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kernel/kernel.h"

#define MAX_KV 4096 /* scales that shaders/lib/cache_store.glsl has room for, times 128 */

static dsvk_status dispatch_cache_write(struct dv_dispatch          *dispatch,
                                        const struct dv_kernel_site *site,
                                        const struct dv_node        *node)
{
    struct dv_operand latent   = dv_site_operand(site, node->in.cache_write.latent);
    struct dv_operand rope_key = dv_site_operand(site, node->in.cache_write.rope_key);
    struct dv_tuning  tuning;

    struct dv_cache_write_args args = {
        .step          = dv_address_of(site->step),
        .latent        = latent.address,
        .rope_key      = rope_key.address,
        .cache         = dv_site_state(site, node->out.cache_write.state),
        .latent_stride = latent.stride,
        .rope_stride   = rope_key.stride,
        .tokens        = latent.rows,
        .kv            = node->cache_write.kv,
        .rope          = node->cache_write.rope,
    };
    if (node->cache_write.kv > MAX_KV)
        return dv_fail(site->graph->ctx, DSVK_UNSUPPORTED,
                       "cache_write: a latent of %u values; at most %u", node->cache_write.kv,
                       MAX_KV);
    dv_tuning_of(&tuning, site->caps);
    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "cache_write",
                      .spec   = { [DV_WORKGROUP]         = tuning.row_workgroup,
                                  [DV_CACHE_WRITE_CACHE] = site->cache_format } },
        .groups   = { dv_groups(site, 0, latent.rows), 1, 1 },
    };
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_cache_write = { dispatch_cache_write };
