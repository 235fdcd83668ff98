/* SPDX-License-Identifier: MIT */
/* The moves of pool_play.h, and what must be true after each. */
#include "engine/pool_play.h"

#include <stdlib.h>
#include <string.h>

#include "engine/pool.h"

#define PLAYERS 4
#define ROOM 6 /* pages of a timeline */

/* A timeline: the letter of each of its pages, which stands for their tokens. */
struct player {
    struct dv_page_user user;
    bool                here;
    uint32_t            n;
    struct dv_page     *pages[ROOM];
    uint64_t            serials[ROOM];
    char                letters[ROOM];
};

/* What the memory of a page holds: all letters up to it. */
struct memory {
    char text[ROOM + 1];
};

struct game {
    struct dv_context   ctx;
    struct dv_pool      pool;
    struct player       players[PLAYERS];
    struct pool_played *played;
    const char         *fault;
};

static bool expect(struct game *g, bool fine, const char *fault)
{
    if (!fine && !g->fault)
        g->fault = fault;
    return fine;
}

static struct memory *memory_of(const struct dv_page *page)
{
    return (struct memory *)page->block->memory + (page - page->block->pages);
}

static bool bring(struct game *g, uint32_t n, const void *home)
{
    struct memory *memory = calloc(n, sizeof *memory);
    return expect(g, memory && dv_pool_add(&g->pool, n, memory, home) == DSVK_OK, "no memory");
}

static void shrink(struct game *g)
{
    struct dv_block *spare;
    while ((spare = dv_pool_spare(&g->pool)) != NULL) {
        free(spare->memory);
        dv_pool_remove(&g->pool, spare);
        g->played->removed++;
    }
}

static void give_last(struct game *g, struct player *p)
{
    dv_pool_give(&g->pool, p->pages[--p->n], &p->user);
}

static void leave(struct game *g, struct player *p)
{
    while (p->n > 0)
        give_last(g, p);
    if (!p->user.borrows)
        dv_pool_unreserve(&g->pool, ROOM);
    p->here = false;
    shrink(g);
}

static void enter(struct game *g, struct player *p)
{
    if (!p->user.borrows) {
        uint32_t lacks = dv_pool_lacks(&g->pool, ROOM, 0);
        if (lacks > 0 && !bring(g, lacks, p))
            return;
        dv_pool_reserve(&g->pool, ROOM);
    }
    p->here = true;
}

/* A page of its own, for which a borrower brings memory half of the times. */
static struct dv_page *take(struct game *g, struct player *p, bool may_bring)
{
    uint64_t        before = g->pool.n_forgotten;
    struct dv_page *page   = dv_pool_take(&g->pool, &p->user);
    if (!page && may_bring && p->user.borrows && bring(g, 2, p))
        page = dv_pool_take(&g->pool, &p->user);
    g->played->forgotten += (unsigned)(g->pool.n_forgotten - before);
    g->played->taken += page != NULL;
    g->played->refused += page == NULL;
    expect(g, page || p->user.borrows, "a page that was reserved is not there");
    expect(g, !page || (page->users == 1 && !page->serial), "a page that is not new");
    return page;
}

/* The player's page i is written and sealed, and left to whoever has the same. */
static void settle(struct game *g, struct player *p, uint32_t i, const struct dv_page_key *key)
{
    struct dv_page *page = p->pages[i];
    memset(memory_of(page), 0, sizeof(struct memory));
    memcpy(memory_of(page)->text, p->letters, i + 1);
    struct dv_page *same = dv_pool_seal(&g->pool, page, key);
    p->serials[i]        = same->serial;
    if (same == page)
        return;
    g->played->equal++;
    if (dv_pool_share(&g->pool, same, &p->user)) {
        dv_pool_give(&g->pool, page, &p->user);
        p->pages[i] = same;
    }
}

static void append(struct game *g, struct player *p, uint8_t how)
{
    uint32_t           ids[DV_PAGE] = { 0 };
    struct dv_page_key key          = { .ids = ids };
    if (p->n == ROOM)
        return;
    ids[(how & 1) * (DV_PAGE - 1)] = 1 + how % 3;
    key.parent                     = p->n > 0 ? p->serials[p->n - 1] : 0;
    p->letters[p->n]               = (char)('a' + (how & 1) * 3 + how % 3);
    struct dv_page *page           = how & 4 ? NULL : dv_pool_find(&g->pool, &key);
    if (page && dv_pool_share(&g->pool, page, &p->user)) {
        g->played->found++;
        p->serials[p->n] = page->serial;
        p->pages[p->n++] = page;
        return;
    }
    page = take(g, p, how & 2);
    if (!page)
        return;
    p->pages[p->n++] = page;
    settle(g, p, p->n - 1, &key);
}

/* Another last page instead of the one that is there. */
static void change(struct game *g, struct player *p, uint8_t how)
{
    uint32_t           ids[DV_PAGE] = { 7, how };
    struct dv_page_key key          = { .ids = ids, .form = how & 1 };
    if (p->n == 0)
        return;
    uint32_t        last = p->n - 1;
    struct dv_page *old  = p->pages[last];
    if (old->users == 1) {
        if (old->serial)
            dv_pool_open(&g->pool, old);
        g->played->opened++;
    } else {
        struct dv_page *own = take(g, p, how & 2);
        if (!own)
            return;
        dv_pool_give(&g->pool, old, &p->user);
        p->pages[last] = own;
        g->played->copied++;
    }
    key.parent       = last > 0 ? p->serials[last - 1] : 0;
    p->letters[last] = (char)('0' + how);
    settle(g, p, last, &key);
}

static void move(struct game *g, uint8_t byte)
{
    struct player *p   = &g->players[byte % PLAYERS];
    uint8_t        how = byte >> 4;
    if (!p->here)
        enter(g, p);
    else if ((byte >> 2 & 3) == 0 && how < 2)
        leave(g, p);
    else if ((byte >> 2 & 3) == 1)
        for (uint8_t k = how % 4; k > 0 && p->n > 0; k--)
            give_last(g, p);
    else if ((byte >> 2 & 3) == 2 && how > 7)
        change(g, p, how & 7);
    else
        append(g, p, how & 7);
}

/* ---- what must be true at any time ---- */

static void check_page(struct game *g, const struct dv_page *page, struct dv_pool *counted)
{
    uint32_t users = 0, borrowers = 0;
    for (unsigned i = 0; i < PLAYERS; i++)
        for (uint32_t k = 0; k < g->players[i].n; k++) {
            users += g->players[i].pages[k] == page;
            borrowers += g->players[i].pages[k] == page && g->players[i].user.borrows;
        }
    expect(g, page->users == users && page->borrowers == borrowers, "users are miscounted");
    counted->n_pages++;
    counted->n_used += users > 0;
    counted->n_shared += users > 1;
    counted->n_borrowed += borrowers > 0;
    counted->n_kept += users == 0 && page->serial != 0;
}

static void check(struct game *g)
{
    struct dv_pool counted = { 0 }, *pool = &g->pool;
    for (unsigned i = 0; i < PLAYERS; i++) {
        const struct player *p = &g->players[i];
        for (uint32_t k = 0; k < p->n; k++)
            expect(g,
                   memcmp(memory_of(p->pages[k])->text, p->letters, k + 1) == 0 &&
                       memory_of(p->pages[k])->text[k + 1] == 0,
                   "a page holds other tokens");
        counted.n_reserved += p->here && !p->user.borrows ? ROOM : 0;
    }
    for (struct dv_block *b = pool->blocks; b; b = b->next)
        for (uint32_t i = 0; i < b->n; i++)
            check_page(g, &b->pages[i], &counted);
    expect(g,
           counted.n_pages == pool->n_pages && counted.n_used == pool->n_used &&
               counted.n_shared == pool->n_shared && counted.n_kept == pool->n_kept &&
               counted.n_reserved == pool->n_reserved && counted.n_borrowed == pool->n_borrowed,
           "pages are miscounted");
    expect(g, pool->n_reserved + pool->n_borrowed <= pool->n_pages,
           "more is promised than there is");
}

const char *pool_play(struct pool_played *played, const uint8_t *moves, size_t n)
{
    struct game g = { .played = played };
    dv_context_init(&g.ctx, NULL, NULL);
    dv_pool_init(&g.pool, &g.ctx);
    for (unsigned i = 0; i < PLAYERS; i++)
        g.players[i].user = (struct dv_page_user){ &g.players[i], i % 2 != 0 };
    for (size_t i = 0; i < n && !g.fault; i++) {
        move(&g, moves[i]);
        check(&g);
    }
    for (unsigned i = 0; i < PLAYERS; i++)
        if (g.players[i].here)
            leave(&g, &g.players[i]);
    expect(&g, g.pool.n_pages == 0 && !g.pool.blocks, "blocks are left");
    dv_pool_done(&g.pool);
    return g.fault;
}
