/* SPDX-License-Identifier: MIT */
#include "ops/harness.h"

static const struct shape {
    const char *name;
    uint32_t    tokens, experts, top_k, tile;
    bool        same; /* every token takes the same experts */
} shapes[] = {
    { "one pair", 1, 1, 1, 8, false },
    { "one token", 1, 64, 6, 8, false },
    { "tiles of one", 3, 5, 2, 1, false },
    { "not a power of two", 33, 20, 3, 8, false },
    { "a block of tokens", 32, 64, 6, 16, false },
    { "more than a block", 64, 72, 5, 4, false },
    { "empty experts", 7, 512, 16, 8, false },
    { "all tokens on the same", 100, 256, 8, 32, true },
    { "every expert", 33, 16, 16, 7, false },
    { "long", 513, 256, 8, 32, false },
};

static void check(const struct shape *s)
{
    struct dv_router_shape shape = { .experts = s->experts, .top_k = s->top_k };
    struct op_bench        b;
    op_begin(&b, &(struct op_params){ .name = s->name, .tokens = s->tokens, .tile = s->tile });
    dv_tensor route = op_input_route(&b, s->experts, s->top_k);
    for (uint32_t t = 1; s->same && t < s->tokens; t++)
        memcpy(op_words(&b, route, t), op_words(&b, route, 0), s->top_k * sizeof(uint32_t));
    dv_tensor plan = dv_expert_plan(b.graph, route, &shape);
    op_run(&b);

    const uint32_t *got = op_got_words(&b, plan, 0), *want = op_words(&b, plan, 0);
    uint32_t        most     = dv_expert_plan_tiles(s->tokens, s->top_k, s->experts, s->tile);
    uint32_t        pairs_at = dv_expert_plan_pairs_at(most);
    assert_int_equal(got[0], want[0]);
    assert_in_range(got[0], 1, most);
    assert_memory_equal(got + 4, want + 4, got[0] * 4 * sizeof *got);
    assert_memory_equal(got + pairs_at, want + pairs_at, s->tokens * s->top_k * sizeof *got);
    op_end(&b);
}

void op_test_expert_plan(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check(&shapes[i]);
}
