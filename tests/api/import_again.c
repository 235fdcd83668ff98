/* SPDX-License-Identifier: MIT */
/* A device that was lent is lost, and another goes on; and an application on a device of ours. */
#include "answer.h"
#include "application.h"
#include "demo.h"

#include <stdatomic.h>
#include <string.h>

static struct demo_log demo_messages;

/* A driver whose device is lost at a submission of the library's; the application's own functions
 * are the real ones. */
static struct {
    PFN_vkGetInstanceProcAddr get;
    PFN_vkGetDeviceProcAddr   device_get;
    PFN_vkQueueSubmit         submit;
    atomic_uint               left;
} played;

static VKAPI_ATTR VkResult VKAPI_CALL submit(VkQueue queue, uint32_t n, const VkSubmitInfo *infos,
                                             VkFence fence)
{
    unsigned left = atomic_load(&played.left);
    if (left == 0)
        return VK_ERROR_DEVICE_LOST;
    atomic_store(&played.left, left - 1);
    return played.submit(queue, n, infos, fence);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_get(VkDevice device, const char *name)
{
    PFN_vkVoidFunction found = played.device_get(device, name);
    if (strcmp(name, "vkQueueSubmit") != 0)
        return found;
    played.submit = (PFN_vkQueueSubmit)found;
    return (PFN_vkVoidFunction)submit;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get(VkInstance instance, const char *name)
{
    PFN_vkVoidFunction found = played.get(instance, name);
    if (strcmp(name, "vkGetDeviceProcAddr") != 0)
        return found;
    played.device_get = (PFN_vkGetDeviceProcAddr)found;
    return (PFN_vkVoidFunction)device_get;
}

/* The objects, made and lent with all that is wished for. */
static dsvk_vulkan_import lend_all(struct application *app, const dsvk_vulkan_wishes *wishes)
{
    app->family = wishes->queue_family;
    application_make(app, wishes->features, wishes->extensions, wishes->n_extensions);
    dsvk_vulkan_import lent = application_lend(app);
    lent.features           = wishes->features;
    lent.extensions         = wishes->extensions;
    lent.n_extensions       = wishes->n_extensions;
    return lent;
}

static void check_recovered(dsvk_device *device, struct application *app,
                            const dsvk_vulkan_wishes *wishes)
{
    struct application next  = *app;
    dsvk_vulkan_import again = lend_all(&next, wishes), bad;
    again.user               = app; /* whose lock it is */
    bad                      = again;
    assert_int_equal(dsvk_device_recover(device, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_device_recover_imported(device, NULL, NULL), DSVK_BAD_ARGUMENT);
    bad.queue_family = 77;
    assert_int_equal(dsvk_device_recover_imported(device, &bad, NULL), DSVK_BAD_ARGUMENT);
    if (dsvk_device_describe(device)->int64) {
        bad          = again;
        bad.features = &application_needed;
        assert_int_equal(dsvk_device_recover_imported(device, &bad, NULL), DSVK_BAD_ARGUMENT);
    }
    assert_true(dsvk_device_is_lost(device));
    atomic_store(&played.left, 1000000);
    assert_int_equal(dsvk_device_recover_imported(device, &again, NULL), DSVK_OK);
    application_unmake(app);
    app->device   = next.device;
    app->queue    = next.queue;
    app->pool     = next.pool;
    app->commands = next.commands;
    app->fence    = next.fence;
}

static void another_device_goes_on_after_a_loss(void **state)
{
    struct application  app;
    dsvk_vulkan_wishes *wishes;
    dsvk_device        *device;
    dsvk_session_params params = { .context = 128 };
    dsvk_session       *session;
    uint32_t            tokens[N_QUESTION + 6];
    (void)state;
    application_begin(&app);
    dsvk_vulkan_import lent = application_lend(&app);
    assert_int_equal(dsvk_vulkan_wishes_new(&wishes, &lent), DSVK_OK);
    lent       = lend_all(&app, wishes);
    played.get = app.get;
    atomic_store(&played.left, 1000000);
    lent.get = get;
    assert_int_equal(dsvk_device_import(&device, &lent), DSVK_OK);
    dsvk_model *model = application_model(device, &demo_messages);
    assert_int_equal(dsvk_session_new(&session, model, &params), DSVK_OK);
    application_asks(session, 0, 6);
    atomic_store(&played.left, 0);
    memcpy(tokens, question, sizeof question);
    memcpy(tokens + N_QUESTION, answer, 6 * sizeof *answer);
    assert_int_equal(dsvk_session_sync(session, tokens, N_QUESTION + 6, NULL), DSVK_DEVICE_LOST);
    assert_true(dsvk_device_is_lost(device));
    check_recovered(device, &app, wishes);
    application_asks(session, 6, N_ANSWER);
    dsvk_session_free(session);
    dsvk_model_close(model);
    dsvk_device_close(device);
    dsvk_vulkan_wishes_free(wishes);
    application_frame(&app);
    application_end(&app);
}

/* ---- our device for the application ---- */

static void an_application_uses_ours(void **state)
{
    struct application  app;
    struct demo         demo   = demo_open(&demo_messages, true);
    dsvk_session_params params = { .context = 128 };
    dsvk_vulkan_handles ours;
    dsvk_session       *session;
    (void)state;
    application_begin(&app);
    dsvk_device_vulkan(demo.device, &ours);
    assert_true(ours.get && ours.instance && ours.physical && ours.device && ours.queue);
    PFN_vkGetDeviceProcAddr find =
        (PFN_vkGetDeviceProcAddr)ours.get(ours.instance, "vkGetDeviceProcAddr");
    PFN_vkQueueSubmit   submit_ours = (PFN_vkQueueSubmit)find(ours.device, "vkQueueSubmit");
    PFN_vkQueueWaitIdle wait_ours   = (PFN_vkQueueWaitIdle)find(ours.device, "vkQueueWaitIdle");
    assert_int_equal(dsvk_session_new(&session, demo.model, &params), DSVK_OK);
    application_asks(session, 0, 2);
    dsvk_device_lock_queue(demo.device);
    assert_int_equal(submit_ours(ours.queue, 0, NULL, VK_NULL_HANDLE), VK_SUCCESS);
    assert_int_equal(wait_ours(ours.queue), VK_SUCCESS);
    dsvk_device_unlock_queue(demo.device);
    application_asks(session, 2, 6);
    assert_int_equal(dsvk_device_recover_imported(demo.device, &(dsvk_vulkan_import){ 0 }, NULL),
                     DSVK_BAD_ARGUMENT);
    dsvk_session_free(session);
    demo_close(&demo);
    application_end(&app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_device_goes_on_after_a_loss),
        cmocka_unit_test(an_application_uses_ours),
    };
    return cmocka_run_group_tests_name("import_again", tests, NULL, NULL);
}
