/* SPDX-License-Identifier: MIT */
/* Any bytes as a schema: a failure is explained once, and a walk along its masks always goes on
 * until the text may end. Behind the first 0 are the choices of the walk. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "grammar/match.h"
#include "grammar/schema.h"

#define MOST_STEPS 200u /* texts may go on without end */

static char single[256];

static void count(void *user, dsvk_log_level level, const char *line)
{
    (void)line;
    *(unsigned *)user += level == DSVK_LOG_ERROR;
}

static void walk(struct dv_match *m, const uint8_t *choices, size_t n)
{
    for (size_t i = 0; i < n && i < MOST_STEPS; i++) {
        const uint32_t *mask = dv_match_mask(m);
        unsigned        at = choices[i], tries = 0;
        while (tries < 256 && !(mask[at / 32] >> at % 32 & 1)) {
            at = (at + 1) % 256;
            tries++;
        }
        if (tries == 256) {
            if (!m->ended)
                abort(); /* a way without an end */
            return;
        }
        if (!dv_match_take(m, &single[at], 1))
            abort(); /* the mask has what may not come */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct dv_context ctx;
    struct dv_grammar grammar = { 0 };
    struct dv_words   words;
    struct dv_match   match = { 0 };
    const uint8_t    *end   = bytes ? memchr(data, 0, bytes) : NULL;
    size_t            n     = end ? (size_t)(end - data) : bytes;
    unsigned          lines = 0;
    const dsvk_log    log   = { .write = count, .user = &lines };
    dv_context_init(&ctx, &log, NULL);
    dsvk_status status =
        dv_schema_compile(&grammar, &ctx, &(struct dv_text){ "input", (const char *)data, n });
    if (lines != (status != DSVK_OK))
        abort();
    if (status == DSVK_OK && dv_words_init(&words, &ctx, 257) == DSVK_OK) {
        for (uint32_t i = 0; i < 256; i++) {
            single[i] = (char)i;
            dv_words_add(&words, i, &single[i], 1);
        }
        words.ends[words.n_ends++] = 256;
        dv_words_sort(&words);
        if (dv_match_init(&match, &grammar, &words) == DSVK_OK)
            walk(&match, end ? end + 1 : data, end ? bytes - n - 1 : bytes);
        dv_match_done(&match);
        dv_words_done(&words);
    }
    dv_grammar_done(&grammar);
    return 0;
}
