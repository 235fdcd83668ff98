/* SPDX-License-Identifier: MIT */
/* How much memory a session will need, from the config and the device's capabilities alone. A
 * session allocates by the same sums, so that the two cannot differ. */
#ifndef DV_PLANNER_SIZES_H
#define DV_PLANNER_SIZES_H

#include "planner/setup.h"

/* Tokens of a pass on devices with matrix units, unless memory or the caller say less. */
#define DV_LONG_CHUNK 2048u
/* Without matrix units; and what memory must allow before more is taken. */
#define DV_USUAL_CHUNK 256u
/* Programs that a session keeps. */
#define DV_MAX_PROGRAMS 8
/* Most tokens of a scoring pass: each has a row of logits in the arena, half a megabyte for V3. */
#define DV_SCORE_CHUNK 256u

/* What a program is recorded for. */
struct dv_pass {
    uint32_t tokens;
    bool     batch;       /* each row is of a timeline of its own: shaders/lib/args.h, dv_step */
    bool     all_rows;    /* of a prompt: with every row's logits and the routers' choices */
    bool     materialise; /* of dv_graph_size; of a prompt */
    bool     f32;         /* products in f32, whatever the session's are */
};

/* One token whose logits alone are wanted is a batch, too, whatever `batch` says. */
bool dv_pass_is_batch(const struct dv_pass *pass);

/* The graph of one pass as a session of this engine would run it: built, fused unless no_fuse. */
dsvk_status dv_engine_graph(struct dv_graph **out, const struct dv_context *ctx,
                            const struct dv_config *config, const struct dv_graph_size *size,
                            bool no_fuse);
/* Positions of one attention split: what the device's shapes say, else (or without a device, NULL)
 * a page or a multiple of it, at most 128 splits of the context: a large GPU needs that many. */
uint32_t dv_engine_split(uint32_t context, const struct dv_tuning *tuning);
/* From how many tokens at position 0 on a pass is materialised; UINT32_MAX: never. */
uint32_t dv_size_materialise_from(const struct dv_setup *setup);
/* Most tokens of a pass in f32 of a session whose products are rounded to float16: there is memory
 * for it (engine/pass.c). */
uint32_t dv_size_f32_chunk(const struct dv_setup *setup);
/* The graph of a pass and its plan. */
dsvk_status dv_size_graph(struct dv_graph **graph, struct dv_plan *plan,
                          const struct dv_setup *setup, const struct dv_pass *pass);

/* Prompts and batches have memory of their own, so that a batch may run within a prompt's pass. */
enum dv_lane_kind { DV_LANE_PROMPT, DV_LANE_BATCH, DV_N_LANES };
enum dv_lane_kind dv_size_lane(const struct dv_pass *pass);

struct dv_lane_bytes {
    uint64_t arena;        /* on the device */
    uint64_t step, result; /* of the host */
};

struct dv_session_bytes {
    uint64_t             cache, rope, arguments; /* on the device */
    struct dv_lane_bytes lanes[DV_N_LANES];
    uint32_t             nodes; /* of the largest program, for its arguments */
};

/* What is allocated for a session with context and chunk chosen. */
dsvk_status dv_size_bytes(struct dv_session_bytes *bytes, const struct dv_setup *setup);
uint64_t    dv_size_device(const struct dv_session_bytes *bytes);
/* Both arenas, which are among these. */
uint64_t dv_size_arenas(const struct dv_session_bytes *bytes);
uint64_t dv_size_host(const struct dv_session_bytes *bytes);

/* The device bytes, and what they grow by when every position is scored. */
dsvk_status dv_size_with_scores(uint64_t *bytes, const struct dv_setup *setup);

/* Sets context and chunk where they are 0, for `left` bytes of device memory (UINT64_MAX: no
 * limit), to what fits; when nothing does, to the least that a session takes. */
dsvk_status dv_size_choose(struct dv_setup *setup, uint64_t left);
/* The same whatever the memory: the least that a session takes. */
void dv_size_least(struct dv_setup *setup);

/* The longest context that fits with setup->chunk, at most the model's; 0: none does. */
dsvk_status dv_size_largest(uint32_t *context, const struct dv_setup *setup, uint64_t left);

#endif
