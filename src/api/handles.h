/* SPDX-License-Identifier: MIT */
/* What the public handles hold. */
#ifndef DV_API_HANDLES_H
#define DV_API_HANDLES_H

#include "dsvk/dsvk.h"
#include "engine/session.h"
#include "file/checkpoint.h"
#include "text/tokenizer.h"

struct dsvk_device {
    struct dv_context   ctx;
    struct dv_instance *instance;
    struct dv_device   *dev;
    struct dv_stream   *stream;
    dsvk_device_info    info;
};

struct dsvk_model {
    struct dv_context     ctx;
    struct dv_checkpoint *checkpoint; /* NULL for a published shape or config alone */
    struct dv_config      config;
    struct dv_tokenizer  *tokenizer; /* NULL: none */
    enum dv_chat_format   chat;
    dsvk_model_info       info;
    char                  formats[160]; /* info.number_formats */
    char                  routing[64];
    dsvk_device          *device; /* NULL until loaded; borrowed */
    struct dv_weights    *weights;
    uint32_t              context; /* tokens that loading left room for, with experts in tiers */
    bool                  random;  /* weights are made up when it is loaded */
    bool                  math_f16, round_f16, no_fuse; /* the first two: dv_kernel_site */
    bool                  left_f16;                     /* of dv_engine */
};

/* How many formats of caches and choices of weights there are to ask for. */
enum {
#define X(name, word) +1
    DV_N_CACHE_CHOICES  = 0 DSVK_CACHE_MAP(X),
    DV_N_WEIGHT_CHOICES = 0 DSVK_WEIGHTS_MAP(X)
#undef X
};

/* Without tensors the formats are those of the release. */
struct dv_weight_source dv_source_of(const dsvk_model *model);
bool                    dv_wants_f16(dsvk_math math, const struct dv_caps *caps);
enum dv_cache_format    dv_cache_format_of(dsvk_cache cache);

struct dsvk_session {
    dsvk_model        *model; /* borrowed */
    struct dv_session *session;
};

#endif
