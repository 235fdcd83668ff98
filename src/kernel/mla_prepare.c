/* SPDX-License-Identifier: MIT */
/* Absorption of W_UK, rotation of the query and the cache's record, in one dispatch. The workgroup
 * is that of matmul, whose bits the absorption must give; the other roles take any. */
#include <string.h>

#include "base/size.h"
#include "kernel/tile.h"

#define TOKENS 4    /* more would make the writing of the cache a long tail */
#define ROTATIONS 4 /* groups of four columns that an invocation rotates for one token */

static void fill_block(const struct dv_kernel_site *site, const struct dv_node *node)
{
    struct dv_operand q        = dv_site_operand(site, node->in.mla_prepare.q);
    struct dv_operand kva      = dv_site_operand(site, node->in.mla_prepare.kva);
    struct dv_operand q_latent = dv_site_operand(site, node->out.mla_prepare.q_latent);
    struct dv_operand q_rope   = dv_site_operand(site, node->out.mla_prepare.q_rope);

    struct dv_mla_prepare_block block = {
        .step            = dv_address_of(site->step),
        .q               = q.address,
        .kva             = kva.address,
        .table           = dv_site_vector(site, node->w.mla_prepare.table),
        .norm            = dv_site_vector(site, node->w.mla_prepare.norm),
        .q_latent        = q_latent.address,
        .q_rope          = q_rope.address,
        .cache           = dv_site_state(site, node->out.mla_prepare.state),
        .q_stride        = q.stride,
        .kva_stride      = kva.stride,
        .q_latent_stride = q_latent.stride,
        .q_rope_stride   = q_rope.stride,
        .heads           = node->mla_prepare.heads,
        .kv              = node->mla_prepare.kv,
        .nope            = node->mla_prepare.nope,
        .rope            = node->mla_prepare.rope,
    };
    _Static_assert(sizeof block <= DV_BLOCK_BYTES, "block too large");
    memcpy(site->block_data, &block, sizeof block);
}

static dsvk_status dispatch_mla_prepare(struct dv_dispatch          *dispatch,
                                        const struct dv_kernel_site *site,
                                        const struct dv_node        *node)
{
    uint32_t                   rows  = dv_site_operand(site, node->in.mla_prepare.q).rows;
    uint32_t                   heads = node->mla_prepare.heads;
    struct dv_mla_prepare_args args  = {
         .w      = dv_site_matrix(site, node->w.mla_prepare.w_uk),
         .block  = dv_address_of(site->block),
         .tokens = rows,
         .eps    = node->mla_prepare.eps,
    };
    uint32_t              tokens   = dv_min(rows, TOKENS);
    struct dv_tile        tile     = dv_tile_of(site->caps, args.w.groups, heads, tokens, false);
    uint32_t              rotator  = tile.workgroup * 4 * ROTATIONS; /* columns of one workgroup */
    uint32_t              rotators = dv_ceil_div(heads * node->mla_prepare.rope, rotator);
    enum dv_weight_format format   = site->weights[node->w.mla_prepare.w_uk].format;

    *dispatch = (struct dv_dispatch){
        .pipeline = { .kernel = "mla_prepare",
                      .spec   = { [DV_WORKGROUP]            = tile.workgroup,
                                  [DV_DOT_FORM]             = dv_tile_form(&tile, &args.w, format),
                                  [DV_DOT_FORMAT]           = format,
                                  [DV_DOT_GROUPS]           = tile.groups,
                                  [DV_DOT_MATH_F16]         = site->round_f16,
                                  [DV_DOT_TOKENS]           = tile.tokens,
                                  [DV_MLA_PREPARE_CACHE]    = site->cache_format,
                                  [DV_MLA_PREPARE_ROTATORS] = rotators } },
        .groups   = { 1 + rotators + heads * dv_ceil_div(args.w.groups, tile.groups),
                      dv_ceil_div(rows, tile.tokens), 1 },
    };
    fill_block(site, node);
    DV_PUSH(dispatch, args);
    return DSVK_OK;
}

const struct dv_kernel dv_kernel_mla_prepare = { dispatch_mla_prepare };
