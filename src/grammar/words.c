/* SPDX-License-Identifier: MIT */
/* Words in order, so that what they begin with is looked at once. */
#include <stdlib.h>
#include <string.h>

#include "grammar/match.h"

dsvk_status dv_words_init(struct dv_words *words, const struct dv_context *ctx, uint32_t vocab)
{
    *words       = (struct dv_words){ .ctx = ctx, .vocab = vocab };
    words->words = dv_zalloc_array(ctx, vocab + 1, sizeof *words->words);
    if (words->words)
        return DSVK_OK;
    return dv_fail(ctx, DSVK_NO_MEMORY, "grammar: no memory for %u tokens", vocab);
}

void dv_words_add(struct dv_words *words, uint32_t id, const char *bytes, size_t n)
{
    if (n > 0)
        words->words[words->n++] = (struct dv_word){ bytes, (uint32_t)n, id, 0 };
}

static int compare(const void *left, const void *right)
{
    const struct dv_word *a = left, *b = right;
    int                   order = memcmp(a->bytes, b->bytes, a->n < b->n ? a->n : b->n);
    if (order == 0)
        order = (a->n > b->n) - (a->n < b->n);
    return order ? order : (a->id > b->id) - (a->id < b->id);
}

void dv_words_sort(struct dv_words *words)
{
    qsort(words->words, words->n, sizeof *words->words, compare);
    for (uint32_t i = 0; i < words->n; i++)
        if (words->words[i].n > words->longest)
            words->longest = words->words[i].n;
    for (uint32_t i = 1; i < words->n; i++) {
        const struct dv_word *before = &words->words[i - 1];
        struct dv_word       *word   = &words->words[i];
        while (word->same < word->n && word->same < before->n &&
               word->bytes[word->same] == before->bytes[word->same])
            word->same++;
    }
}

void dv_words_done(struct dv_words *words)
{
    if (words->ctx)
        dv_free(words->ctx, words->words);
}
