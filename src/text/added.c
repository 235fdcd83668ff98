/* SPDX-License-Identifier: MIT */
/* The sorted list is walked as a trie: each byte of the text narrows the range of tokens that
 * begin with what was read so far. */
#include "text/added.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"

static int compare(const void *left, const void *right)
{
    const struct dv_added_token *a = left, *b = right;
    int order = memcmp(a->content, b->content, dv_min(a->length, b->length));
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

void dv_added_finish(struct dv_added *added)
{
    if (added->n)
        qsort(added->tokens, added->n, sizeof *added->tokens, compare);
    for (uint32_t i = 0; i < added->n; i++)
        added->starts[(unsigned char)added->tokens[i].content[0]] = true;
}

/* The first token in [low, high) whose byte at `depth` is at least `byte`; all of them are
 * longer than depth. */
static uint32_t bound(const struct dv_added *added, uint32_t low, uint32_t high, uint32_t depth,
                      uint32_t byte)
{
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if ((unsigned char)added->tokens[middle].content[depth] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct dv_added_token *dv_added_match(const struct dv_added *added, const char *text,
                                            size_t bytes)
{
    const struct dv_added_token *longest = NULL;
    uint32_t                     low = 0, high = added->n;
    if (bytes == 0 || !added->starts[(unsigned char)text[0]])
        return NULL;
    for (uint32_t depth = 0; depth < bytes && low < high; depth++) {
        uint32_t byte = (unsigned char)text[depth];
        low           = bound(added, low, high, depth, byte);
        high          = bound(added, low, high, depth, byte + 1);
        /* A token that ends here sorts before all that go on. */
        if (low < high && added->tokens[low].length == depth + 1)
            longest = &added->tokens[low++];
    }
    return longest;
}
