/* SPDX-License-Identifier: MIT */
/* All the places that a text may have reached are followed at once. Calls within calls are shared:
 * the same one is there once, so that places can be compared. */
#include "grammar/match.h"

#include <string.h>

/* Places met on the way from one byte to the next; a text of a sane schema meets some hundreds. */
#define MET_BITS 15u
#define MOST_MET (3u << (MET_BITS - 2))
#define CALL_BITS 12u
#define MOST_CALLS (1u << 20)

static void fail(struct dv_match *m, dsvk_status status, const char *what, uint32_t n)
{
    if (m->status == DSVK_OK)
        m->status = dv_fail(m->grammar->ctx, status, "grammar: %s %u", what, n);
}

static bool grow(struct dv_match *m, void **list, uint32_t *room, size_t size)
{
    uint32_t more  = *room ? *room * 2 : 256;
    void    *grown = dv_realloc(m->grammar->ctx, *list, more * size);
    if (!grown) {
        fail(m, DSVK_NO_MEMORY, "no memory for places:", more);
        return false;
    }
    *list = grown;
    *room = more;
    return true;
}

static uint32_t hash(uint32_t a, uint32_t b, uint32_t bits)
{
    uint64_t mixed = ((uint64_t)a << 32 | b) * UINT64_C(0x9e3779b97f4a7c15);
    mixed ^= mixed >> 29;
    return (uint32_t)((mixed * UINT64_C(0xbf58476d1ce4e5b9)) >> (64 - bits));
}

/* ---- calls ---- */

/* What is to be done behind a rule, from `outer` on. */
static uint32_t call(struct dv_match *m, uint32_t node, uint32_t outer)
{
    uint32_t *bucket = &m->buckets[hash(node, outer, CALL_BITS)];
    for (uint32_t i = *bucket; i; i = m->calls[i].chain)
        if (m->calls[i].node == node && m->calls[i].outer == outer)
            return i;
    if (m->n_calls == MOST_CALLS)
        fail(m, DSVK_UNSUPPORTED, "more lists within lists than", MOST_CALLS);
    if (m->status != DSVK_OK || (m->n_calls == m->calls_room &&
                                 !grow(m, (void **)&m->calls, &m->calls_room, sizeof *m->calls)))
        return 0;
    m->calls[m->n_calls] = (struct dv_call){ node, outer, *bucket };
    *bucket              = m->n_calls;
    return m->n_calls++;
}

/* Those that came last go. */
static void forget_calls(struct dv_match *m, uint32_t n)
{
    while (m->n_calls > n) {
        struct dv_call *last                                 = &m->calls[--m->n_calls];
        m->buckets[hash(last->node, last->outer, CALL_BITS)] = last->chain;
    }
}

/* ---- places ---- */

/* Whether a place is met for the first time since the last byte. */
static bool is_new(struct dv_match *m, struct dv_place place)
{
    uint32_t at = hash(place.node, place.stack, MET_BITS);
    for (; m->turns[at] == m->turn; at = (at + 1) & ((1u << MET_BITS) - 1))
        if (m->met[at].node == place.node && m->met[at].stack == place.stack)
            return false;
    if (++m->n_met > MOST_MET) {
        fail(m, DSVK_UNSUPPORTED, "the text may go on in more ways than", MOST_MET);
        return false;
    }
    m->turns[at] = m->turn;
    m->met[at]   = place;
    return true;
}

static void push(struct dv_match *m, uint32_t node, uint32_t stack)
{
    if (node == DV_GRAMMAR_DEAD || m->status != DSVK_OK)
        return;
    if (m->n_work == m->work_room && !grow(m, (void **)&m->work, &m->work_room, sizeof *m->work))
        return;
    m->work[m->n_work++] = (struct dv_place){ node, stack };
}

/* Where one comes from a place without a byte. */
static void leave(struct dv_match *m, struct dv_place place)
{
    const struct dv_grammar_node *node = &m->grammar->nodes[place.node];
    switch (node->kind) {
    case DV_GRAMMAR_FORK:
        push(m, node->other, place.stack);
        push(m, node->next, place.stack);
        break;
    case DV_GRAMMAR_CALL:
        push(m, node->other,
             node->next == DV_GRAMMAR_RETURN ? place.stack : call(m, node->next, place.stack));
        break;
    case DV_GRAMMAR_LEAVE:
        if (place.stack == 0)
            m->ended = true;
        else
            push(m, m->calls[place.stack].node, m->calls[place.stack].outer);
        break;
    default:
        break;
    }
}

/* Appends those at `at` that take a byte and can be reached from what is in `work`. */
static uint32_t spread(struct dv_match *m, uint32_t at)
{
    while (m->n_work > 0 && m->status == DSVK_OK) {
        struct dv_place place = m->work[--m->n_work];
        uint8_t         kind  = m->grammar->nodes[place.node].kind;
        if (!is_new(m, place))
            continue;
        if (kind != DV_GRAMMAR_TAKE && kind != DV_GRAMMAR_MAP) {
            leave(m, place);
            continue;
        }
        if (at == m->places_room &&
            !grow(m, (void **)&m->places, &m->places_room, sizeof *m->places))
            break;
        m->places[at++] = place;
    }
    m->n_work = 0;
    return at;
}

static void begin(struct dv_match *m)
{
    m->ended = false;
    m->n_met = 0;
    if (++m->turn == 0) { /* after 2^32 bytes */
        memset(m->turns, 0, sizeof *m->turns << MET_BITS);
        m->turn = 1;
    }
}

/* The places behind a byte, from those of first to end - 1, are appended there. */
static uint32_t step(struct dv_match *m, uint32_t first, uint32_t end, uint8_t byte)
{
    const struct dv_grammar *g = m->grammar;
    begin(m);
    for (uint32_t i = first; i < end; i++) {
        const struct dv_grammar_node *node = &g->nodes[m->places[i].node];
        if (node->kind == DV_GRAMMAR_TAKE) {
            if (byte >= node->lo && byte <= node->hi)
                push(m, node->next, m->places[i].stack);
        } else {
            uint8_t to = g->maps[node->other].to[byte];
            if (to != 255)
                push(m, g->nodes[node->next + to].next, m->places[i].stack);
        }
    }
    return spread(m, end);
}

bool dv_match_take(struct dv_match *m, const char *bytes, size_t n)
{
    bool     was   = m->ended;
    uint32_t first = 0, end = m->n_places;
    if (m->status != DSVK_OK)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint32_t next = step(m, first, end, (uint8_t)bytes[i]);
        if (m->status != DSVK_OK || (next == end && !(m->ended && i + 1 == n))) {
            m->ended = was;
            return false;
        }
        first = end;
        end   = next;
    }
    memmove(m->places, m->places + first, (end - first) * sizeof *m->places);
    m->n_places = end - first;
    return true;
}

void dv_match_restart(struct dv_match *m)
{
    if (m->status != DSVK_OK)
        return;
    forget_calls(m, 1);
    for (uint32_t i = 0; i < DV_MATCH_MASKS; i++)
        m->masks[i].used = 0;
    begin(m);
    push(m, m->grammar->start, 0);
    m->n_places = spread(m, 0);
}

/* ---- masks ---- */

static size_t mask_words(const struct dv_match *m)
{
    return (m->words->vocab + 31) / 32;
}

static void set(uint32_t *bits, uint32_t id)
{
    bits[id / 32] |= 1u << id % 32;
}

/* Words come in order, so that the places behind what a word has in common with the one before are
 * known. `alive` is how many bytes of the last one led somewhere. */
static void fill(struct dv_match *m, uint32_t *bits)
{
    uint32_t calls = m->n_calls, alive = 0;
    bool     was = m->ended;
    m->levels[0] = 0;
    m->levels[1] = m->n_places;
    for (uint32_t i = 0; i < m->words->n && m->status == DSVK_OK; i++) {
        const struct dv_word *word = &m->words->words[i];
        if (i > 0 && word->same > alive)
            continue; /* it begins with the byte that led nowhere */
        bool ended = false;
        for (alive = i > 0 ? word->same : 0; alive < word->n; alive++) {
            uint32_t end  = m->levels[alive + 1];
            uint32_t next = step(m, m->levels[alive], end, (uint8_t)word->bytes[alive]);
            ended         = m->ended && alive + 1 == word->n;
            if (next == end && !ended)
                break;
            m->levels[alive + 2] = next;
        }
        if (alive == word->n)
            set(bits, word->id);
    }
    m->ended = was;
    if (m->ended)
        for (uint32_t i = 0; i < m->words->n_ends; i++)
            set(bits, m->words->ends[i]);
    forget_calls(m, calls);
}

static bool is_of(const struct dv_match_mask *mask, const struct dv_match *m)
{
    return mask->used && mask->n == m->n_places && mask->ended == m->ended &&
           memcmp(mask->key, m->places, mask->n * sizeof *mask->key) == 0;
}

const uint32_t *dv_match_mask(struct dv_match *m)
{
    struct dv_match_mask *oldest = m->masks;
    size_t                bytes  = mask_words(m) * sizeof *m->none;
    for (uint32_t i = 0; i < DV_MATCH_MASKS && m->status == DSVK_OK; i++) {
        struct dv_match_mask *mask = &m->masks[i];
        if (is_of(mask, m)) {
            mask->used = ++m->clock;
            return mask->bits;
        }
        if (mask->used < oldest->used)
            oldest = mask;
    }
    if (!oldest->bits)
        oldest->bits = dv_zalloc(m->grammar->ctx, bytes);
    if (!oldest->bits)
        fail(m, DSVK_NO_MEMORY, "no memory for a mask of", m->words->vocab);
    if (m->status != DSVK_OK)
        return m->none;
    memset(oldest->bits, 0, bytes);
    oldest->used  = 0;
    oldest->ended = m->ended;
    oldest->n     = m->n_places;
    fill(m, oldest->bits);
    if (m->status != DSVK_OK)
        return m->none;
    if (m->n_places <= DV_MATCH_KEY) {
        memcpy(oldest->key, m->places, m->n_places * sizeof *oldest->key);
        oldest->used = ++m->clock;
    }
    return oldest->bits;
}

/* ---- life ---- */

dsvk_status dv_match_init(struct dv_match *m, const struct dv_grammar *grammar,
                          const struct dv_words *words)
{
    const struct dv_context *ctx = grammar->ctx;
    *m                           = (struct dv_match){ .grammar = grammar, .words = words };
    m->buckets                   = dv_zalloc_array(ctx, 1u << CALL_BITS, sizeof *m->buckets);
    m->met                       = dv_zalloc_array(ctx, 1u << MET_BITS, sizeof *m->met);
    m->turns                     = dv_zalloc_array(ctx, 1u << MET_BITS, sizeof *m->turns);
    m->levels                    = dv_zalloc_array(ctx, words->longest + 2, sizeof *m->levels);
    m->none                      = dv_zalloc_array(ctx, mask_words(m) + 1, sizeof *m->none);
    if (!m->buckets || !m->met || !m->turns || !m->levels || !m->none)
        fail(m, DSVK_NO_MEMORY, "no memory to follow a text of tokens of", words->vocab);
    else if (grow(m, (void **)&m->calls, &m->calls_room, sizeof *m->calls)) {
        m->n_calls = 1; /* 0: none */
        dv_match_restart(m);
    }
    dsvk_status status = m->status;
    if (status != DSVK_OK)
        dv_match_done(m);
    return status;
}

void dv_match_done(struct dv_match *m)
{
    if (!m->grammar)
        return;
    const struct dv_context *ctx = m->grammar->ctx;
    for (uint32_t i = 0; i < DV_MATCH_MASKS; i++)
        dv_free(ctx, m->masks[i].bits);
    dv_free(ctx, m->calls);
    dv_free(ctx, m->buckets);
    dv_free(ctx, m->places);
    dv_free(ctx, m->work);
    dv_free(ctx, m->met);
    dv_free(ctx, m->turns);
    dv_free(ctx, m->levels);
    dv_free(ctx, m->none);
    *m = (struct dv_match){ 0 };
}
