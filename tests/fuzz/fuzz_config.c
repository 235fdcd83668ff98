/* SPDX-License-Identifier: MIT */
/* Any bytes as a configuration, and as one with a generation configuration behind the first 0. */
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "fuzz/fuzz.h"

#define MOST_LAYERS 4u /* that a graph is made of here; more are but slower */

static void count(void *user, dsvk_log_level level, const char *line)
{
    (void)line;
    *(unsigned *)user += level == DSVK_LOG_ERROR;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct dv_context ctx;
    struct dv_config  config;
    const char       *text = (const char *)data, *end = bytes ? memchr(text, 0, bytes) : NULL;
    size_t            first = end ? (size_t)(end - text) : bytes;
    unsigned          lines = 0;
    const dsvk_log    log   = { .write = count, .user = &lines };
    dv_context_init(&ctx, &log, NULL);
    dsvk_status status = dv_config_parse(
        &config, &ctx, &(struct dv_text){ "input", text, first },
        &(struct dv_text){ "input", end ? end + 1 : NULL, end ? bytes - first - 1 : 0 });
    if (lines != (status != DSVK_OK))
        abort(); /* a failure is explained once */
    if (status != DSVK_OK)
        return 0;
    /* What the rest of the engine relies on. */
    if (config.hidden == 0 || config.layers > 1024 || config.top_k > config.experts ||
        (config.experts && config.experts % config.groups != 0) || config.n_eos > DV_MAX_EOS ||
        (uint64_t)config.heads * (config.nope + config.rope) > 1u << 20)
        abort();
    uint64_t all, active;
    if (config.layers > MOST_LAYERS)
        config.layers = MOST_LAYERS;
    (void)dv_model_parameters(&all, &active, &ctx, &config); /* a width may be too large for it */
    return 0;
}
