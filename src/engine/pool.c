/* SPDX-License-Identifier: MIT */
/* The books of pool.h. A page is in one of three states: it has users; or it is sealed and kept, in
 * the list from the oldest to the newest; or it is free, in the list of its block.
 *
 * Why who has a reservation always gets a page: there are at least as many pages as are reserved
 * and have a borrower. Users with reservations hold fewer than they reserved when one of them asks,
 * each shared page counted for each; so at least one page has no user at all. */
#include "engine/pool.h"

#include <string.h>

void dv_pool_init(struct dv_pool *pool, const struct dv_context *ctx)
{
    *pool = (struct dv_pool){ .ctx = ctx };
}

void dv_pool_done(struct dv_pool *pool)
{
    dv_free(pool->ctx, pool->buckets);
    *pool = (struct dv_pool){ .ctx = pool->ctx };
}

/* ---- sealed pages by what they hold ---- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
    return hash ^ hash >> 32;
}

static uint64_t hash_of(const struct dv_page_key *key)
{
    uint64_t hash = mix(mix(UINT64_C(0x9e3779b97f4a7c15), key->parent), key->form);
    for (uint32_t i = 0; i < DV_PAGE; i++)
        hash = mix(hash, key->ids[i]);
    return hash;
}

static struct dv_page **bucket_of(const struct dv_pool *pool, uint64_t hash)
{
    return &pool->buckets[hash & (pool->n_buckets - 1)];
}

static void insert(struct dv_pool *pool, struct dv_page *page)
{
    struct dv_page **bucket = bucket_of(pool, page->hash);
    page->chain             = *bucket;
    *bucket                 = page;
}

static void forget(struct dv_pool *pool, struct dv_page *page)
{
    struct dv_page **at = bucket_of(pool, page->hash);
    while (*at != page)
        at = &(*at)->chain;
    *at          = page->chain;
    page->chain  = NULL;
    page->serial = 0;
}

static struct dv_page *find(const struct dv_pool *pool, const struct dv_page_key *key,
                            uint64_t hash)
{
    struct dv_page *page = pool->n_buckets ? *bucket_of(pool, hash) : NULL;
    for (; page; page = page->chain)
        if (page->hash == hash && page->parent == key->parent && page->form == key->form &&
            memcmp(page->ids, key->ids, sizeof page->ids) == 0)
            return page;
    return NULL;
}

struct dv_page *dv_pool_find(const struct dv_pool *pool, const struct dv_page_key *key)
{
    return find(pool, key, hash_of(key));
}

struct dv_page *dv_pool_seal(struct dv_pool *pool, struct dv_page *page,
                             const struct dv_page_key *key)
{
    uint64_t        hash  = hash_of(key);
    struct dv_page *other = find(pool, key, hash);
    if (other)
        return other;
    page->parent = key->parent;
    page->form   = key->form;
    page->hash   = hash;
    page->serial = ++pool->serial;
    memcpy(page->ids, key->ids, sizeof page->ids);
    insert(pool, page);
    return page;
}

void dv_pool_open(struct dv_pool *pool, struct dv_page *page)
{
    forget(pool, page);
}

/* ---- pages without users ---- */

static void set_free(struct dv_page *page)
{
    page->older       = page->block->free;
    page->block->free = page;
}

static void keep(struct dv_pool *pool, struct dv_page *page)
{
    page->older = pool->newest;
    page->newer = NULL;
    if (pool->newest)
        pool->newest->newer = page;
    else
        pool->oldest = page;
    pool->newest = page;
    pool->n_kept++;
}

static void unkeep(struct dv_pool *pool, struct dv_page *page)
{
    if (page->older)
        page->older->newer = page->newer;
    else
        pool->oldest = page->newer;
    if (page->newer)
        page->newer->older = page->older;
    else
        pool->newest = page->older;
    page->older = page->newer = NULL;
    pool->n_kept--;
}

static struct dv_page *free_of(struct dv_block *block)
{
    struct dv_page *page = block->free;
    if (page) {
        block->free = page->older;
        page->older = NULL;
    }
    return page;
}

static struct dv_page *unused(struct dv_pool *pool, const void *home)
{
    struct dv_page *page = NULL;
    for (struct dv_block *b = pool->blocks; b && !page; b = b->next)
        if (b->home == home)
            page = free_of(b);
    for (struct dv_block *b = pool->blocks; b && !page; b = b->next)
        page = free_of(b);
    if (page || !pool->oldest)
        return page;
    page = pool->oldest;
    unkeep(pool, page);
    forget(pool, page);
    pool->n_forgotten++;
    return page;
}

/* ---- users ---- */

static bool may_borrow(const struct dv_pool *pool)
{
    return pool->n_reserved + pool->n_borrowed < pool->n_pages;
}

static void add_user(struct dv_pool *pool, struct dv_page *page, bool borrows)
{
    pool->n_borrowed += borrows && page->borrowers++ == 0;
    pool->n_shared += ++page->users == 2;
    pool->n_used += page->users == 1;
    page->block->n_used += page->users == 1;
}

struct dv_page *dv_pool_take(struct dv_pool *pool, const struct dv_page_user *user)
{
    if (user->borrows && !may_borrow(pool))
        return NULL;
    struct dv_page *page = unused(pool, user->home);
    if (page)
        add_user(pool, page, user->borrows);
    return page;
}

bool dv_pool_share(struct dv_pool *pool, struct dv_page *page, const struct dv_page_user *user)
{
    if (user->borrows && page->borrowers == 0 && !may_borrow(pool))
        return false;
    if (page->users == 0)
        unkeep(pool, page);
    add_user(pool, page, user->borrows);
    return true;
}

void dv_pool_give(struct dv_pool *pool, struct dv_page *page, const struct dv_page_user *user)
{
    pool->n_borrowed -= user->borrows && --page->borrowers == 0;
    pool->n_shared -= page->users-- == 2;
    if (page->users > 0)
        return;
    pool->n_used--;
    page->block->n_used--;
    if (page->serial)
        keep(pool, page);
    else
        set_free(page);
}

uint32_t dv_pool_lacks(const struct dv_pool *pool, uint32_t reserved, uint32_t borrowed)
{
    uint64_t wanted = (uint64_t)pool->n_reserved + pool->n_borrowed + reserved + borrowed;
    return wanted > pool->n_pages ? (uint32_t)(wanted - pool->n_pages) : 0;
}

void dv_pool_reserve(struct dv_pool *pool, uint32_t n)
{
    pool->n_reserved += n;
}

void dv_pool_unreserve(struct dv_pool *pool, uint32_t n)
{
    pool->n_reserved -= n;
}

/* ---- blocks ---- */

/* Buckets for so many pages; all sealed ones are in them again. */
static bool widen(struct dv_pool *pool, uint64_t n_pages)
{
    uint64_t n = pool->n_buckets ? pool->n_buckets : 16;
    while (n < n_pages)
        n *= 2;
    if (n == pool->n_buckets)
        return true;
    struct dv_page **buckets = NULL;
    if (n <= UINT32_MAX / 2)
        buckets = dv_zalloc_array(pool->ctx, (size_t)n, sizeof *buckets);
    if (!buckets)
        return false;
    dv_free(pool->ctx, pool->buckets);
    pool->buckets   = buckets;
    pool->n_buckets = (uint32_t)n;
    for (struct dv_block *b = pool->blocks; b; b = b->next)
        for (uint32_t i = 0; i < b->n; i++)
            if (b->pages[i].serial)
                insert(pool, &b->pages[i]);
    return true;
}

dsvk_status dv_pool_add(struct dv_pool *pool, uint32_t n, void *memory, const void *home)
{
    struct dv_block *block = NULL, **last = &pool->blocks;
    if (widen(pool, (uint64_t)pool->n_pages + n))
        block = dv_zalloc(pool->ctx, sizeof *block + (size_t)n * sizeof block->pages[0]);
    if (!block)
        return dv_fail(pool->ctx, DSVK_NO_MEMORY, "cache: no memory to keep books of %u pages", n);
    block->memory = memory;
    block->home   = home;
    block->n      = n;
    for (uint32_t i = n; i-- > 0;) {
        block->pages[i].block = block;
        set_free(&block->pages[i]);
    }
    while (*last)
        last = &(*last)->next;
    *last = block;
    pool->n_pages += n;
    return DSVK_OK;
}

struct dv_block *dv_pool_spare(const struct dv_pool *pool)
{
    uint64_t         needed = (uint64_t)pool->n_reserved + pool->n_borrowed;
    struct dv_block *spare  = NULL;
    for (struct dv_block *b = pool->blocks; b; b = b->next)
        if (b->n_used == 0 && pool->n_pages - b->n >= needed)
            spare = b;
    return spare;
}

void dv_pool_remove(struct dv_pool *pool, struct dv_block *block)
{
    struct dv_block **at = &pool->blocks;
    while (*at != block)
        at = &(*at)->next;
    *at = block->next;
    for (uint32_t i = 0; i < block->n; i++)
        if (block->pages[i].serial) {
            unkeep(pool, &block->pages[i]);
            forget(pool, &block->pages[i]);
        }
    pool->n_pages -= block->n;
    dv_free(pool->ctx, block);
}
