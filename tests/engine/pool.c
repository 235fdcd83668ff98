/* SPDX-License-Identifier: MIT */
/* The books of pages: what is found by its tokens, what is forgotten first, who is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/pool.h"
#include "engine/pool_play.h"
#include "support/test_context.h"

static struct dv_test_context    test;
static struct dv_pool            pool;
static const struct dv_page_user one = { .home = &one }, two = { .home = &two };
static const struct dv_page_user borrower = { .home = &borrower, .borrows = true };

static void begin(uint32_t pages)
{
    dv_test_context_init(&test);
    dv_pool_init(&pool, &test.ctx);
    assert_int_equal(dv_pool_add(&pool, pages, NULL, &one), DSVK_OK);
}

static void end(void)
{
    while (pool.blocks)
        dv_pool_remove(&pool, pool.blocks);
    dv_pool_done(&pool);
    assert_int_equal(test.live, 0);
    assert_int_equal(test.errors, 0);
}

/* A page with the tokens first .. first+63. */
static struct dv_page_key key_of(uint32_t *ids, uint64_t parent, uint32_t first)
{
    for (uint32_t i = 0; i < DV_PAGE; i++)
        ids[i] = first + i;
    return (struct dv_page_key){ .parent = parent, .ids = ids };
}

static struct dv_page *make(uint64_t parent, uint32_t first)
{
    uint32_t           ids[DV_PAGE];
    struct dv_page_key key  = key_of(ids, parent, first);
    struct dv_page    *page = dv_pool_take(&pool, &one);
    assert_non_null(page);
    assert_ptr_equal(dv_pool_seal(&pool, page, &key), page);
    return page;
}

static struct dv_page *look(uint64_t parent, uint32_t first)
{
    uint32_t           ids[DV_PAGE];
    struct dv_page_key key = key_of(ids, parent, first);
    return dv_pool_find(&pool, &key);
}

static void a_page_is_found_by_all_that_it_depends_on(void **state)
{
    uint32_t           ids[DV_PAGE];
    struct dv_page_key key = key_of(ids, 0, 5);
    (void)state;
    begin(4);
    struct dv_page *first = make(0, 5), *second = make(first->serial, 5);
    assert_ptr_equal(look(0, 5), first);
    assert_ptr_equal(look(first->serial, 5), second);
    assert_null(look(second->serial, 5));
    assert_null(look(0, 6));
    for (uint32_t i = 0; i < DV_PAGE; i++) {
        ids[i] ^= 1u << (i % 32);
        assert_null(dv_pool_find(&pool, &key));
        ids[i] ^= 1u << (i % 32);
    }
    key.form = 1;
    assert_null(dv_pool_find(&pool, &key));
    key.form = 0;
    assert_ptr_equal(dv_pool_find(&pool, &key), first);
    dv_pool_open(&pool, first);
    assert_null(look(0, 5));
    end();
}

/* Hashes may meet; tokens decide. A made-up collision must not hand out another conversation. */
static void equal_hashes_do_not_make_equal_pages(void **state)
{
    uint32_t           ids[DV_PAGE];
    struct dv_page_key key = key_of(ids, 0, 70);
    (void)state;
    begin(2);
    struct dv_page *page = make(0, 5), *other = make(0, 70);
    page->ids[63]++; /* as if its tokens had been others and its hash the same */
    assert_null(look(0, 5));
    page->ids[63]--;
    assert_ptr_equal(look(0, 5), page);
    other->parent++;
    assert_null(dv_pool_find(&pool, &key));
    end();
}

static void kept_pages_go_in_the_order_they_were_given_back(void **state)
{
    struct dv_page *pages[4];
    (void)state;
    begin(4);
    for (uint32_t i = 0; i < 4; i++)
        pages[i] = make(0, 100 * i);
    dv_pool_give(&pool, pages[2], &one);
    dv_pool_give(&pool, pages[0], &one);
    dv_pool_give(&pool, pages[3], &one);
    assert_int_equal(pool.n_kept, 3);
    assert_true(dv_pool_share(&pool, pages[2], &two)); /* used again: the newest from here on */
    dv_pool_give(&pool, pages[2], &two);
    assert_ptr_equal(dv_pool_take(&pool, &two), pages[0]);
    assert_null(look(0, 0));
    assert_ptr_equal(dv_pool_take(&pool, &two), pages[3]);
    assert_ptr_equal(look(0, 200), pages[2]);
    assert_ptr_equal(dv_pool_take(&pool, &two), pages[2]);
    assert_null(dv_pool_take(&pool, &borrower));
    assert_int_equal(pool.n_forgotten, 3);
    end();
}

static void free_pages_come_before_kept_ones_and_own_blocks_first(void **state)
{
    (void)state;
    begin(1);
    assert_int_equal(dv_pool_add(&pool, 2, NULL, &two), DSVK_OK);
    struct dv_page *a = dv_pool_take(&pool, &two), *b = dv_pool_take(&pool, &two);
    assert_ptr_equal(a->block, b->block);
    assert_ptr_equal(a->block->home, &two);
    struct dv_page *kept = make(0, 5);
    dv_pool_give(&pool, kept, &one);
    dv_pool_give(&pool, b, &two);
    assert_ptr_equal(dv_pool_take(&pool, &one), b);
    assert_ptr_equal(look(0, 5), kept);
    end();
}

static void borrowers_leave_what_is_reserved(void **state)
{
    struct dv_page *page;
    (void)state;
    begin(4);
    assert_int_equal(dv_pool_lacks(&pool, 3, 0), 0);
    dv_pool_reserve(&pool, 3);
    assert_int_equal(dv_pool_lacks(&pool, 2, 0), 1);
    page = dv_pool_take(&pool, &borrower);
    assert_non_null(page);
    assert_null(dv_pool_take(&pool, &borrower));
    assert_int_equal(dv_pool_lacks(&pool, 0, 1), 1);
    struct dv_page *first = make(0, 5);
    assert_false(dv_pool_share(&pool, first, &borrower));
    dv_pool_give(&pool, page, &borrower);
    assert_true(dv_pool_share(&pool, first, &borrower));
    assert_int_equal(pool.n_shared, 1);
    dv_pool_give(&pool, first, &one); /* the borrower's alone: three others are there */
    assert_int_equal(pool.n_shared, 0);
    for (unsigned i = 0; i < 3; i++)
        assert_non_null(dv_pool_take(&pool, &one));
    end();
}

static void no_memory_for_books_changes_nothing(void **state)
{
    (void)state;
    begin(2);
    struct dv_page *page = make(0, 5);
    for (unsigned fail = 1; fail <= 2; fail++) {
        dv_test_context_reset(&test);
        test.fail_at = fail;
        assert_int_equal(dv_pool_add(&pool, 40, NULL, &one), DSVK_NO_MEMORY);
        assert_int_equal(test.errors, 1);
        assert_int_equal(pool.n_pages, 2);
        assert_ptr_equal(look(0, 5), page);
    }
    dv_test_context_reset(&test);
    assert_int_equal(dv_pool_add(&pool, 40, NULL, &one), DSVK_OK);
    assert_ptr_equal(look(0, 5), page);
    end();
}

/* Any moves of four timelines, two of them without a reservation. */
static void moves_of_all_kinds(void **state)
{
    struct pool_played played = { 0 };
    uint8_t            moves[600];
    uint64_t           seed = 1;
    (void)state;
    for (unsigned game = 0; game < 300; game++) {
        for (size_t i = 0; i < sizeof moves; i++) {
            seed     = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            moves[i] = (uint8_t)(seed >> 40);
        }
        const char *fault = pool_play(&played, moves, sizeof moves);
        if (fault)
            fail_msg("game %u: %s", game, fault);
    }
    print_message("pool: %u taken, %u found, %u equal, %u copied, %u opened, %u forgotten, "
                  "%u refused, %u blocks removed\n",
                  played.taken, played.found, played.equal, played.copied, played.opened,
                  played.forgotten, played.refused, played.removed);
    assert_true(played.taken > 500 && played.found > 500 && played.equal > 500);
    assert_true(played.copied > 500 && played.opened > 500 && played.forgotten > 500);
    assert_true(played.refused > 500 && played.removed > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_found_by_all_that_it_depends_on),
        cmocka_unit_test(equal_hashes_do_not_make_equal_pages),
        cmocka_unit_test(kept_pages_go_in_the_order_they_were_given_back),
        cmocka_unit_test(free_pages_come_before_kept_ones_and_own_blocks_first),
        cmocka_unit_test(borrowers_leave_what_is_reserved),
        cmocka_unit_test(no_memory_for_books_changes_nothing),
        cmocka_unit_test(moves_of_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
