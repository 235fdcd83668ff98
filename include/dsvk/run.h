/* SPDX-License-Identifier: MIT */
/* What a run of a model is: how it computes, and for what memory is kept. Loading takes it,
 * planning says what it needs, and sessions of a loaded model follow it. */
#ifndef DSVK_RUN_H
#define DSVK_RUN_H

#include "dsvk/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* F16: activations are rounded to float16 before products. A pass with values that it does not
 * hold is computed again in f32, and so is all after it, with a warning in the log. */
typedef enum { DSVK_MATH_AUTO, DSVK_MATH_F32, DSVK_MATH_F16 } dsvk_math;

/* What weights become when they are loaded or written: as they are stored; BF16, whatever they
 * were; or, where that is narrower, FP8 e4m3 in blocks of 128 x 128; INT4 or FP4 in groups of 32
 * columns (the feed forward; attention FP8). Embedding and head: dsvk_head. Routers and norms stay,
 * or become BF16 from F32. Where nothing changes, loading warns and writing is BAD_ARGUMENT. The
 * words are those of `ds-vk run --weights`. */
#define DSVK_WEIGHTS_MAP(X)                                                                        \
    X(KEEP, "keep")                                                                                \
    X(BF16, "bf16")                                                                                \
    X(FP8, "fp8")                                                                                  \
    X(INT4, "int4")                                                                                \
    X(FP4, "fp4")

#define DSVK_WEIGHTS_ENUM(name, word) DSVK_WEIGHTS_##name,
typedef enum { DSVK_WEIGHTS_MAP(DSVK_WEIGHTS_ENUM) } dsvk_weights;

/* What the head becomes, the matrix that makes logits, and the embedding with it. AUTO: with
 * weights in FP8, INT4 or FP4 they are FP8, too, where that is narrower, and else what `weights`
 * says. KEEP: as they are stored. FP8: that, whatever the other weights become. What it costs:
 * docs/numerics.md. The words are those of `ds-vk run --head`. */
#define DSVK_HEAD_MAP(X)                                                                           \
    X(AUTO, "auto")                                                                                \
    X(KEEP, "keep")                                                                                \
    X(FP8, "fp8")

#define DSVK_HEAD_ENUM(name, word) DSVK_HEAD_##name,
typedef enum { DSVK_HEAD_MAP(DSVK_HEAD_ENUM) } dsvk_head;

/* Formats of the latent cache of sessions, with the words of `ds-vk run --cache`. */
#define DSVK_CACHE_MAP(X)                                                                          \
    X(BF16, "bf16")                                                                                \
    X(F32, "f32")                                                                                  \
    X(FP8, "fp8")

#define DSVK_CACHE_ENUM(name, word) DSVK_CACHE_##name,
typedef enum { DSVK_CACHE_MAP(DSVK_CACHE_ENUM) } dsvk_cache;

#define DSVK_MAX_CHUNK 4096 /* tokens of a pass */

/* A value that is in no range here is BAD_ARGUMENT, with the same sentence from all who take it. */
typedef struct {
    dsvk_math    math;        /* activations in matrix products; AUTO: f16 where it is faster */
    bool         no_fuse;     /* run the graph as built */
    dsvk_weights weights;     /* converted on the way, on all cores, without temporary files */
    uint64_t     host_memory; /* bytes for routed experts that find no room on the device; 0 = what
                               * is free less a margin. Reading them takes up to 256 MiB more. */
    /* Of the sessions to come, for which room is left; each may still choose its own. context: 0 =
     * what the model and the memory allow, at most 8192 tokens, with experts that come and go at
     * most 4096. chunk: most tokens in one pass, at most DSVK_MAX_CHUNK; 0 = what is usual for the
     * device. */
    uint32_t   context, chunk;
    dsvk_cache cache;
    dsvk_head  head; /* and embedding, beside `weights` */
} dsvk_run;

#ifdef __cplusplus
}
#endif
#endif
