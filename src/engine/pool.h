/* SPDX-License-Identifier: MIT */
/* Who has which pages of a latent cache, and which tokens they hold. Timelines take pages and give
 * them back; a page whose 64 tokens are settled is sealed, and whoever begins with the same tokens
 * finds it by them. Sealed pages without a user stay until a page is wanted and none is free: those
 * that were given back first are forgotten first.
 *
 * Books only: no device, no memory of pages. A block stands for memory of several pages, which the
 * caller brings and takes away (engine/stock.h). */
#ifndef DV_ENGINE_POOL_H
#define DV_ENGINE_POOL_H

#include "planner/pages.h"

/* Which tokens a page holds, and what its bits depend on beside them and the pages before. */
struct dv_page_key {
    uint64_t        parent; /* serial of the page before; 0: it is the first */
    uint64_t        form;
    const uint32_t *ids; /* [DV_PAGE] */
};

struct dv_block;

struct dv_page {
    struct dv_block *block;
    struct dv_page  *older, *newer; /* while it is kept; older: the next free one of its block */
    struct dv_page  *chain;         /* of the sealed ones in one bucket */
    uint64_t         serial;        /* 0: not sealed; no other page ever has the same */
    uint64_t         parent, form, hash;
    uint32_t         users, borrowers; /* who has it; those among them without a reservation */
    uint32_t         ids[DV_PAGE];
};

/* Who takes pages. Those without a reservation borrow what nobody has reserved. */
struct dv_page_user {
    const void *home; /* takes free pages of blocks that were brought for it first */
    bool        borrows;
};

struct dv_block {
    struct dv_block *next;
    void            *memory; /* the caller's */
    const void      *home;
    struct dv_page  *free;
    uint32_t         n, n_used;
    struct dv_page   pages[];
};

struct dv_pool {
    const struct dv_context *ctx;
    struct dv_block         *blocks;
    struct dv_page         **buckets;         /* a power of two, at least n_pages */
    struct dv_page          *oldest, *newest; /* kept: sealed, without a user */
    uint64_t                 serial;
    uint64_t                 n_forgotten; /* kept pages that were wanted for others, so far */
    uint32_t                 n_pages, n_buckets;
    uint32_t                 n_used, n_shared, n_kept; /* shared: by two users or more */
    uint32_t                 n_reserved, n_borrowed;   /* borrowed: pages that have a borrower */
};

void dv_pool_init(struct dv_pool *pool, const struct dv_context *ctx);
/* Without blocks. */
void dv_pool_done(struct dv_pool *pool);

/* Brings n more pages, all free. NO_MEMORY. */
dsvk_status dv_pool_add(struct dv_pool *pool, uint32_t n, void *memory, const void *home);
/* A block without users that is not needed for what is reserved and borrowed; NULL: none. */
struct dv_block *dv_pool_spare(const struct dv_pool *pool);
/* Forgets what its pages hold, and the block; it has no users. */
void dv_pool_remove(struct dv_pool *pool, struct dv_block *block);

/* Pages that are missing before so many more can be reserved or borrowed. */
uint32_t dv_pool_lacks(const struct dv_pool *pool, uint32_t reserved, uint32_t borrowed);
/* Who reserves n pages never has more, and then always gets them. None are missing. */
void dv_pool_reserve(struct dv_pool *pool, uint32_t n);
void dv_pool_unreserve(struct dv_pool *pool, uint32_t n);

/* A page that nobody else has, with nothing in it. NULL only for a borrower: all that is there is
 * in use or reserved. */
struct dv_page *dv_pool_take(struct dv_pool *pool, const struct dv_page_user *user);
/* One more user of a sealed page. False as above. */
bool dv_pool_share(struct dv_pool *pool, struct dv_page *page, const struct dv_page_user *user);
/* Nothing that was submitted reads or writes the page for this user any more. */
void dv_pool_give(struct dv_pool *pool, struct dv_page *page, const struct dv_page_user *user);

/* The sealed page with these tokens behind this parent, all of which are compared; or NULL. */
struct dv_page *dv_pool_find(const struct dv_pool *pool, const struct dv_page_key *key);
/* The page is full, not sealed, and its user's alone. Returns it, sealed; or another one that holds
 * the same, and then it stays as it is. */
struct dv_page *dv_pool_seal(struct dv_pool *pool, struct dv_page *page,
                             const struct dv_page_key *key);
/* Its only user will write to a sealed page: nobody finds it any more. */
void dv_pool_open(struct dv_pool *pool, struct dv_page *page);

#endif
