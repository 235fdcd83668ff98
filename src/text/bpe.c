/* SPDX-License-Identifier: MIT */
/* A linked list of symbols and a heap of candidate merges. A candidate is current as long as
 * its symbol still has the candidate's rank; others are dropped when they surface, so nothing
 * is ever searched in the heap. Each merge removes one symbol and adds at most two candidates:
 * a piece of n bytes costs at most 3 n heap operations, whatever the merges are. */
#include "text/bpe.h"

#include <string.h>

#include "text/strmap.h"

/* Symbols are numbered in 32 bits, and a byte may become three. */
#define PIECE_MAX (UINT32_MAX / 4)

bool dv_bpe_init(struct dv_bpe *bpe, struct dv_arena *arena, size_t n_merges)
{
    size_t slots = dv_table_slots(n_merges);
    bpe->mask    = slots - 1;
    bpe->merges  = dv_arena_alloc(arena, slots, sizeof *bpe->merges);
    if (bpe->merges)
        memset(bpe->merges, 0xff, slots * sizeof *bpe->merges);
    memset(bpe->byte_id, 0xff, sizeof bpe->byte_id);
    return bpe->merges != NULL;
}

static struct dv_merge *find_merge(const struct dv_bpe *bpe, uint32_t left, uint32_t right)
{
    uint64_t pair = (uint64_t)left << 32 | right;
    uint64_t hash = (pair ^ pair >> 29) * 0xbf58476d1ce4e5b9u;
    size_t   at   = (size_t)(hash ^ hash >> 32) & bpe->mask;
    for (uint32_t probes = 0; probes < DV_PROBES_MAX; probes++) {
        struct dv_merge *merge = &bpe->merges[at];
        if (merge->pair == pair || merge->pair == UINT64_MAX)
            return merge;
        at = (at + 1) & bpe->mask;
    }
    return NULL;
}

bool dv_bpe_add(struct dv_bpe *bpe, uint32_t left, uint32_t right, uint32_t rank, uint32_t id)
{
    struct dv_merge *merge = find_merge(bpe, left, right);
    if (!merge)
        return false;
    *merge = (struct dv_merge){ (uint64_t)left << 32 | right, rank, id };
    return true;
}

static bool before(struct dv_bpe_candidate a, struct dv_bpe_candidate b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
}

static dsvk_status heap_push(struct dv_bpe_work *work, struct dv_bpe_candidate new)
{
    if (work->heap_n == work->heap_capacity) {
        size_t capacity = work->heap_capacity ? work->heap_capacity * 2 : 64;
        void  *heap     = dv_realloc(work->ctx, work->heap, capacity * sizeof *work->heap);
        if (!heap)
            return dv_fail(work->ctx, DSVK_NO_MEMORY, "tokenizer: no room for %zu candidates",
                           capacity);
        work->heap          = heap;
        work->heap_capacity = capacity;
    }
    size_t at = work->heap_n++;
    while (at && before(new, work->heap[(at - 1) / 2])) {
        work->heap[at] = work->heap[(at - 1) / 2];
        at             = (at - 1) / 2;
        work->steps++;
    }
    work->heap[at] = new;
    return DSVK_OK;
}

static struct dv_bpe_candidate heap_pop(struct dv_bpe_work *work)
{
    struct dv_bpe_candidate top = work->heap[0], last = work->heap[--work->heap_n];
    size_t                  at = 0, child;
    while ((child = 2 * at + 1) < work->heap_n) {
        if (child + 1 < work->heap_n && before(work->heap[child + 1], work->heap[child]))
            child++;
        if (!before(work->heap[child], last))
            break;
        work->heap[at] = work->heap[child];
        at             = child;
        work->steps++;
    }
    work->heap[at] = last;
    return top;
}

/* Ranks the symbol with its right neighbour and offers the pair. */
static dsvk_status offer(const struct dv_bpe *bpe, struct dv_bpe_work *work, uint32_t at)
{
    struct dv_bpe_symbol *symbol = &work->symbols[at];
    symbol->rank                 = DV_NO_ID;
    if (symbol->next == DV_NO_ID)
        return DSVK_OK;
    const struct dv_merge *merge = find_merge(bpe, symbol->id, work->symbols[symbol->next].id);
    if (!merge || merge->pair == UINT64_MAX)
        return DSVK_OK;
    symbol->rank = merge->rank;
    return heap_push(work, (struct dv_bpe_candidate){ merge->rank, at });
}

static dsvk_status merge_at(const struct dv_bpe *bpe, struct dv_bpe_work *work, uint32_t at)
{
    struct dv_bpe_symbol *left = &work->symbols[at], *right = &work->symbols[left->next];
    dsvk_status           status;
    left->id    = find_merge(bpe, left->id, right->id)->id;
    left->next  = right->next;
    right->rank = DV_NO_ID;
    if (left->next != DV_NO_ID)
        work->symbols[left->next].previous = at;
    work->steps++;
    TRY(offer(bpe, work, at));
    return left->previous == DV_NO_ID ? DSVK_OK : offer(bpe, work, left->previous);
}

/* One symbol a byte; a byte that the vocabulary lacks (no UTF-8 text has it) becomes the three
 * bytes of U+FFFD. */
static uint32_t start_symbols(const struct dv_bpe *bpe, struct dv_bpe_symbol *symbols,
                              const unsigned char *piece, size_t bytes)
{
    static const unsigned char replacement[3] = { 0xef, 0xbf, 0xbd };
    uint32_t                   n              = 0;
    for (size_t i = 0; i < bytes; i++) {
        bool known = bpe->byte_id[piece[i]] != DV_NO_ID;
        for (uint32_t part = 0; part < (known ? 1u : 3u); part++, n++)
            symbols[n] = (struct dv_bpe_symbol){
                .id       = bpe->byte_id[known ? piece[i] : replacement[part]],
                .previous = n ? n - 1 : DV_NO_ID,
                .next     = n + 1,
            };
    }
    symbols[n - 1].next = DV_NO_ID;
    return n;
}

static dsvk_status reserve_symbols(struct dv_bpe_work *work, size_t bytes)
{
    if (bytes > PIECE_MAX)
        return dv_fail(work->ctx, DSVK_BAD_ARGUMENT,
                       "tokenizer: a piece of %zu bytes without a break", bytes);
    if (bytes * 3 <= work->symbol_capacity)
        return DSVK_OK;
    void *symbols = dv_realloc(work->ctx, work->symbols, bytes * 3 * sizeof *work->symbols);
    if (!symbols)
        return dv_fail(work->ctx, DSVK_NO_MEMORY, "tokenizer: no room for a piece of %zu bytes",
                       bytes);
    work->symbols         = symbols;
    work->symbol_capacity = bytes * 3;
    return DSVK_OK;
}

dsvk_status dv_bpe_encode(const struct dv_bpe *bpe, struct dv_bpe_work *work, const char *piece,
                          size_t bytes, struct dv_ids *ids)
{
    dsvk_status status;
    if (bytes == 0)
        return DSVK_OK;
    TRY(reserve_symbols(work, bytes));
    uint32_t n   = start_symbols(bpe, work->symbols, (const unsigned char *)piece, bytes);
    work->heap_n = 0;
    for (uint32_t i = 0; i < n; i++)
        TRY(offer(bpe, work, i));
    while (work->heap_n) {
        struct dv_bpe_candidate best = heap_pop(work);
        if (work->symbols[best.at].rank == best.rank)
            TRY(merge_at(bpe, work, best.at));
    }
    for (uint32_t i = 0; i != DV_NO_ID; i = work->symbols[i].next)
        TRY(dv_ids_push(work->ctx, ids, work->symbols[i].id));
    return DSVK_OK;
}

void dv_bpe_work_done(struct dv_bpe_work *work)
{
    dv_free(work->ctx, work->symbols);
    dv_free(work->ctx, work->heap);
    work->symbols = NULL;
    work->heap    = NULL;
}
