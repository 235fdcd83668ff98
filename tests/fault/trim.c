/* SPDX-License-Identifier: MIT */
/* A session whose memory was given back makes it again: each Vulkan call of that fails in turn. */
#include "fault/support.h"

dsvk_status trim_and_read(struct engine *e)
{
    uint64_t    bytes = dsvk_device_bytes(e->device), freed;
    dsvk_status status;
    TRY(dsvk_device_trim(e->device, DSVK_TRIM_CACHES, &freed));
    assert_int_equal(dsvk_device_bytes(e->device), dsvk_model_weight_bytes(e->model));
    assert_int_equal(bytes - freed, dsvk_device_bytes(e->device));
    status = sync_tokens(e);
    return status == DSVK_OK ? sample_token(e) : status;
}

dsvk_status load_again(struct engine *e)
{
    dsvk_status status;
    assert_int_equal(dsvk_model_unload(e->model), DSVK_OK);
    assert_int_equal(dsvk_device_bytes(e->device), 0);
    TRY(load_model(e));
    assert_int_equal(dsvk_session_tokens(e->session), N_TOKENS);
    return sample_token(e);
}

static const struct result {
    VkResult    result;
    dsvk_status expected;
} results[] = {
    { VK_ERROR_OUT_OF_DEVICE_MEMORY, DSVK_NO_VRAM },
    { VK_ERROR_DEVICE_LOST, DSVK_DEVICE_LOST },
};

/* Whether there was an nth call. */
static bool fails(const struct result *r, unsigned nth, dsvk_status (*phase)(struct engine *))
{
    struct dv_device *dev = engine.device->dev;
    arm_memory(&engine, 0, false);
    fault_arm(dev, nth, r->result);
    dsvk_status status = phase(&engine);
    fault_disarm(dev);
    if (!fault_fired()) {
        assert_int_equal(status, DSVK_OK);
        return false;
    }
    if (status != r->expected || engine.errors != 1)
        fail_msg("%s, call %u: status %d, %u lines, the last is \"%s\"", fault_call(), nth,
                 (int)status, engine.errors, engine.line);
    expect_why(&engine);
    dev->lost = false;
    if (!engine.model->weights)
        assert_int_equal(load_model(&engine), DSVK_OK);
    assert_int_equal(sync_tokens(&engine), DSVK_OK);
    return true;
}

/* A session that lives through all failures. */
void calls_may_fail_after_trimming(void **state)
{
    (void)state;
    assert_int_equal(open_device(&engine), DSVK_OK);
    assert_int_equal(open_model(&engine), DSVK_OK);
    assert_int_equal(load_model(&engine), DSVK_OK);
    assert_int_equal(new_session(&engine), DSVK_OK);
    assert_int_equal(sync_tokens(&engine), DSVK_OK);
    for (unsigned i = 0; i < 4; i++) {
        unsigned nth = 1;
        while (nth < 5000 && fails(&results[i / 2], nth, i % 2 ? load_again : trim_and_read))
            nth++;
        print_message("  %s: %u calls failed in turn\n", i % 2 ? "load again" : "trimmed", nth - 1);
        assert_in_range(nth, 2, 4999);
    }
    assert_int_equal(read_results(&engine), DSVK_OK);
    close_session(&engine);
    close_model(&engine);
    assert_int_equal(dsvk_device_bytes(engine.device), 0);
    close_device(&engine);
    assert_int_equal(live_blocks(&engine), 0);
}
