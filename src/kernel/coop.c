/* SPDX-License-Identifier: MIT */
/* Tiles of products with cooperative matrices, by the size of a subgroup: a lane holds 32 sums,
 * which leaves registers for the words of the next step on all compilers that tools/vendors has
 * (with 64 some of them spill). */
#include "kernel/coop.h"

#include "base/size.h"

/* Columns a step, the latter where memory is short: multiples of every K and of a chunk's values.
 * Each step has two barriers; half as many made products a third faster
 * (docs/measurements/h200.md). */
#define DEPTH 64u
#define LEAST_DEPTH 32u
/* With fewer tokens the matrices are mostly empty, and lib/dot.glsl reads weights as fast. */
#define FEWEST_TOKENS 16u

/* Below so many workgroups of 128 rows those of 64 fill a device better. */
#define ENOUGH_WORKGROUPS 256u
#define FEWEST_ROWS 64u

static const struct {
    uint32_t subgroup, tokens; /* at least; at most, but for the last of a subgroup */
    uint32_t sub_rows, sub_tokens;
} rows[] = {
    { 32, 16, 32, 16 }, { 32, 32, 32, 32 }, { 32, 64, 32, 32 },
    { 16, 16, 32, 16 }, { 16, 32, 16, 32 }, { 16, 64, 16, 32 },
    { 8, 16, 16, 16 },  { 8, 32, 16, 16 },  { 8, 64, 16, 16 },
};

/* Shared memory of lib/coop.glsl. */
static uint32_t shared_bytes(const struct dv_coop_tile *t, const struct dv_coop_shape *shape)
{
    return (t->rows + t->tokens) * (t->depth / 4 + 2) * 8 +
           DV_COOP_STAGES * t->sub_rows * shape->n * 4 + t->rows / 8 * 4;
}

/* The matrix units are slower than plain products where a CPU plays them. */
bool dv_coop_is_fast(const struct dv_caps *caps)
{
    return caps->coop[DV_COOP_F16].m > 0 && caps->int64 && caps->float16 && !caps->is_software;
}

uint32_t dv_coop_subgroup(const struct dv_caps *caps)
{
    return caps->subgroup_size_control ? caps->subgroup_min : caps->subgroup;
}

static bool fits(const struct dv_coop_tile *tile, const struct dv_caps *caps)
{
    return tile->workgroup <= caps->max_workgroup &&
           shared_bytes(tile, &caps->coop[DV_COOP_F16]) <= caps->max_shared_bytes;
}

static void set_rows(struct dv_coop_tile *tile, const struct dv_caps *caps, uint32_t n)
{
    tile->rows  = n;
    tile->depth = DEPTH;
    tile->workgroup =
        tile->subgroup * (tile->rows / tile->sub_rows) * (tile->tokens / tile->sub_tokens);
    if (!fits(tile, caps))
        tile->depth = LEAST_DEPTH;
}

/* Tiles of many rows read and convert activations less often. */
static void choose_rows(struct dv_coop_tile *tile, const struct dv_caps *caps,
                        const struct dv_coop_size *size)
{
    uint64_t repeats = dv_ceil_div(size->tokens, tile->tokens) * size->repeats;
    set_rows(tile, caps, 2 * FEWEST_ROWS);
    if (dv_ceil_div(size->rows, tile->rows) * repeats < ENOUGH_WORKGROUPS || !fits(tile, caps))
        set_rows(tile, caps, FEWEST_ROWS);
}

bool dv_coop_tile_of(struct dv_coop_tile *tile, const struct dv_caps *caps,
                     const struct dv_coop_size *size)
{
    const size_t n        = sizeof rows / sizeof *rows;
    uint32_t     subgroup = dv_coop_subgroup(caps);
    size_t       i        = 0;
    if (size->tokens < FEWEST_TOKENS || !dv_coop_is_fast(caps))
        return false;
    while (i < n && rows[i].subgroup > subgroup)
        i++;
    while (i + 1 < n && rows[i].tokens < size->tokens && rows[i + 1].subgroup == rows[i].subgroup)
        i++;
    if (i == n)
        return false;

    *tile = (struct dv_coop_tile){ .tokens     = rows[i].tokens,
                                   .sub_rows   = rows[i].sub_rows,
                                   .sub_tokens = rows[i].sub_tokens,
                                   .subgroup   = subgroup };
    choose_rows(tile, caps, size);
    return fits(tile, caps);
}

/* Weights in F32 of a step of 64 columns are too many words for a lane of a small workgroup: AMD's
 * compilers spill them. */
static uint32_t depth_of(const struct dv_coop_tile *tile, enum dv_weight_format format)
{
    return format == DV_FORMAT_F32 && tile->workgroup < 256 ? LEAST_DEPTH : tile->depth;
}

void dv_coop_pipeline(struct dv_pipeline_params *params, const struct dv_caps *caps,
                      const char *kernel, const struct dv_coop_tile *tile,
                      enum dv_weight_format format, bool paired)
{
    const struct dv_coop_shape *shape = &caps->coop[DV_COOP_F16];

    *params = (struct dv_pipeline_params){
        .kernel   = kernel,
        .spec     = { [DV_WORKGROUP]       = tile->workgroup,
                      [DV_COOP_M]          = shape->m,
                      [DV_COOP_N]          = shape->n,
                      [DV_COOP_K]          = shape->k,
                      [DV_COOP_FORMAT]     = format,
                      [DV_COOP_PAIR]       = paired,
                      [DV_COOP_ROWS]       = tile->rows,
                      [DV_COOP_TOKENS]     = tile->tokens,
                      [DV_COOP_DEPTH]      = depth_of(tile, format),
                      [DV_COOP_SUB_ROWS]   = tile->sub_rows,
                      [DV_COOP_SUB_TOKENS] = tile->sub_tokens },
        .subgroup = tile->subgroup,
    };
}

bool dv_prefers_f16(const struct dv_caps *caps)
{
    struct dv_coop_tile tile;
    return dv_coop_tile_of(&tile, caps, &(struct dv_coop_size){ 2048, 2048, 1 });
}

uint32_t dv_expert_tile(const struct dv_caps *caps, bool math_f16, uint32_t pairs, uint32_t experts)
{
    struct dv_tuning    tuning;
    struct dv_coop_tile tile;
    uint32_t            mean = experts ? pairs / experts : 0;
    dv_tuning_of(&tuning, caps);
    /* A quarter of a tile is what an expert fills at least, on average. */
    if (!math_f16 || mean < FEWEST_TOKENS / 4)
        return tuning.matmul_tokens;
    struct dv_coop_size size = { 2048, dv_max(mean, FEWEST_TOKENS), experts };
    if (!dv_coop_tile_of(&tile, caps, &size))
        return tuning.matmul_tokens;
    return tile.tokens;
}
