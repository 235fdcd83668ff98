/* SPDX-License-Identifier: MIT */
/* Which experts leave: the policy against patterns whose best hit rates are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "experts/residency.h"
#include "support/test_context.h"

#define LAYERS 8
#define EXPERTS 16
#define TOP_K 2

static struct dv_test_context test;
static struct dv_residency    r;

static void begin(uint32_t slots)
{
    dv_test_context_init(&test);
    assert_int_equal(dv_residency_init(&r, &test.ctx, LAYERS, EXPERTS, TOP_K), DSVK_OK);
    assert_int_equal(dv_residency_add_tier(&r, DV_TIER_DEVICE, slots), DSVK_OK);
}

static void end(void)
{
    dv_residency_done(&r);
    assert_int_equal(test.live, 0);
}

/* Brings what is missing of a layer's choice; hits. */
static uint32_t use(uint32_t layer, const uint32_t *ids, uint32_t n)
{
    uint32_t hits = 0;
    dv_residency_count(&r, layer, ids, n);
    dv_residency_unpin(&r);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t slot = r.experts[layer * EXPERTS + ids[i]].slot[DV_TIER_DEVICE];
        hits += slot != DV_NOWHERE;
        if (slot != DV_NOWHERE)
            r.slots[DV_TIER_DEVICE][slot].pinned = true;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t expert = layer * EXPERTS + ids[i];
        if (r.experts[expert].slot[DV_TIER_DEVICE] != DV_NOWHERE)
            continue;
        uint32_t slot = dv_residency_victim(&r, DV_TIER_DEVICE, layer);
        assert_int_not_equal(slot, DV_NOWHERE);
        dv_residency_place(&r, DV_TIER_DEVICE, slot, expert);
        r.slots[DV_TIER_DEVICE][slot].pinned = true;
    }
    for (uint32_t i = 0; i < n; i++) /* all that were asked for are there */
        assert_int_not_equal(r.experts[layer * EXPERTS + ids[i]].slot[DV_TIER_DEVICE], DV_NOWHERE);
    return hits;
}

/* A prompt wants all experts of all layers in turn. The least recently used one would be evicted
 * right before it is wanted, always; the best is to keep half of them. */
static void a_walk_through_all_layers_hits_what_fits(void **state)
{
    uint32_t all[EXPERTS], hits = 0;
    (void)state;
    for (uint32_t e = 0; e < EXPERTS; e++)
        all[e] = e;
    begin(LAYERS * EXPERTS / 2);
    for (uint32_t round = 0; round < 20; round++)
        for (uint32_t layer = 0; layer < LAYERS; layer++)
            if (round >= 10)
                hits += use(layer, all, EXPERTS);
            else
                use(layer, all, EXPERTS);
    /* Less than one layer of what fits goes to what is on its way. */
    assert_in_range(hits, 10 * (LAYERS / 2 - 1) * EXPERTS, 10 * LAYERS / 2 * EXPERTS);
    end();
}

/* Tokens that want mostly the same few experts find these. */
static void what_is_chosen_often_stays(void **state)
{
    uint64_t seed = 1;
    uint32_t hits = 0, wanted = 0;
    (void)state;
    begin(LAYERS * 4);
    for (uint32_t token = 0; token < 400; token++)
        for (uint32_t layer = 0; layer < LAYERS; layer++) {
            uint32_t ids[TOP_K];
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            /* One of three favourites; one in four times any other. */
            ids[0]        = (layer + (uint32_t)(seed >> 40) % 3) % EXPERTS;
            ids[1]        = (layer + 3 + (uint32_t)(seed >> 50) % 13) % EXPERTS;
            uint32_t n    = seed >> 62 == 0 ? 2 : 1;
            uint32_t here = use(layer, ids, n);
            if (token >= 100) {
                hits += here;
                wanted += n;
            }
        }
    assert_in_range(hits, wanted * 3 / 4, wanted);
    end();
}

static void empty_slots_come_first_and_pinned_ones_never(void **state)
{
    (void)state;
    begin(3);
    assert_int_equal(dv_residency_victim(&r, DV_TIER_DEVICE, 0), 0);
    dv_residency_place(&r, DV_TIER_DEVICE, 0, 5);
    dv_residency_place(&r, DV_TIER_DEVICE, 1, EXPERTS + 1);
    assert_int_equal(dv_residency_victim(&r, DV_TIER_DEVICE, 0), 2);
    dv_residency_place(&r, DV_TIER_DEVICE, 2, 2 * EXPERTS);
    /* At layer 0 its own experts come again last; then those of layer 2. */
    assert_int_equal(dv_residency_victim(&r, DV_TIER_DEVICE, 0), 0);
    r.slots[DV_TIER_DEVICE][0].pinned = true;
    assert_int_equal(dv_residency_victim(&r, DV_TIER_DEVICE, 0), 2);
    r.slots[DV_TIER_DEVICE][1].pinned = r.slots[DV_TIER_DEVICE][2].pinned = true;
    assert_int_equal(dv_residency_victim(&r, DV_TIER_DEVICE, 0), DV_NOWHERE);
    assert_int_equal(dv_residency_victim(&r, DV_TIER_HOST, 0), DV_NOWHERE);
    dv_residency_empty(&r, DV_TIER_DEVICE, 1);
    assert_int_equal(r.experts[EXPERTS + 1].slot[DV_TIER_DEVICE], DV_NOWHERE);
    end();
}

/* One token's choice is no reason for two copies; several are. */
static void an_exchange_wants_an_expert_that_is_chosen_more_often(void **state)
{
    uint32_t often = 3, rare = 9;
    (void)state;
    begin(1);
    assert_true(dv_residency_pays(&r, often, 0)); /* the slot is empty */
    dv_residency_place(&r, DV_TIER_DEVICE, 0, rare);
    dv_residency_count(&r, 0, &often, 1);
    assert_false(dv_residency_pays(&r, often, 0));
    for (uint32_t i = 0; i < 3; i++)
        dv_residency_count(&r, 0, &often, 1);
    assert_true(dv_residency_pays(&r, often, 0));
    dv_residency_place(&r, DV_TIER_DEVICE, 0, often);
    assert_false(dv_residency_pays(&r, rare, 0));
    dv_residency_count(&r, 0, &rare, 1);
    assert_false(dv_residency_pays(&r, rare, 0));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_through_all_layers_hits_what_fits),
        cmocka_unit_test(what_is_chosen_often_stays),
        cmocka_unit_test(empty_slots_come_first_and_pinned_ones_never),
        cmocka_unit_test(an_exchange_wants_an_expert_that_is_chosen_more_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
