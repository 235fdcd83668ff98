/* SPDX-License-Identifier: MIT */
/* The library on the device of an application: the same tokens, and nothing that is not ours is
 * touched. */
#include "answer.h"
#include "application.h"
#include "demo.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct demo_log demo_messages;

struct line {
    char text[512];
};

static void remember(void *user, dsvk_log_level level, const char *line)
{
    struct line *last = user;
    if (level == DSVK_LOG_ERROR)
        snprintf(last->text, sizeof last->text, "%s", line);
}

static void answers(dsvk_device *device)
{
    dsvk_session_params params = { .context = 128 };
    dsvk_model         *model  = application_model(device, &demo_messages);
    dsvk_session       *session;
    assert_int_equal(dsvk_session_new(&session, model, &params), DSVK_OK);
    application_asks(session, 0, N_ANSWER);
    dsvk_session_free(session);
    dsvk_model_close(model);
}

static void all_that_is_wished_for_is_used(void **state)
{
    struct application  app;
    dsvk_vulkan_wishes *wishes;
    dsvk_device        *own, *device;
    (void)state;
    application_begin(&app);
    dsvk_vulkan_import lent = application_lend(&app);
    assert_int_equal(dsvk_vulkan_wishes_new(&wishes, &lent), DSVK_OK);
    app.family = wishes->queue_family;
    application_make(&app, wishes->features, wishes->extensions, wishes->n_extensions);
    lent              = application_lend(&app);
    lent.features     = wishes->features;
    lent.extensions   = wishes->extensions;
    lent.n_extensions = wishes->n_extensions;
    assert_int_equal(dsvk_device_import(&device, &lent), DSVK_OK);
    dsvk_vulkan_wishes_free(wishes); /* it is not needed any more */
    dsvk_device_params params = { .which = getenv("DSVK_TEST_DEVICE") };
    assert_int_equal(dsvk_device_open(&own, &params), DSVK_OK);
    const dsvk_device_info *a = dsvk_device_describe(own), *b = dsvk_device_describe(device);
    assert_string_equal(a->uuid, b->uuid);
    assert_true(a->int64 == b->int64 && a->float16 == b->float16 && a->bfloat16 == b->bfloat16 &&
                a->float8 == b->float8 && a->cooperative_matrix == b->cooperative_matrix &&
                a->integer_dot == b->integer_dot && a->subgroup_min == b->subgroup_min &&
                a->subgroup_max == b->subgroup_max && a->max_workgroup == b->max_workgroup);
    dsvk_device_close(own);
    dsvk_device_close(device);
    application_end(&app);
}

/* In one sentence, with the name of what is missing. */
static void refuses(struct application *app, const dsvk_vulkan_import *given, dsvk_status status,
                    const char *word)
{
    struct line        line   = { "" };
    dsvk_vulkan_import lent   = *given;
    dsvk_device       *device = (dsvk_device *)app;
    lent.log                  = (dsvk_log){ .write = remember, .user = &line };
    assert_int_equal(dsvk_device_import(&device, &lent), status);
    assert_null(device);
    if (!strstr(line.text, word))
        fail_msg("'%s' does not say '%s'", line.text, word);
}

static void refuses_without_features(struct application *app, const dsvk_vulkan_import *lent)
{
    static const struct {
        const char *name;
        size_t      at;
    } needed[] = {
        { "bufferDeviceAddress", offsetof(VkPhysicalDeviceVulkan12Features, bufferDeviceAddress) },
        { "timelineSemaphore", offsetof(VkPhysicalDeviceVulkan12Features, timelineSemaphore) },
        { "scalarBlockLayout", offsetof(VkPhysicalDeviceVulkan12Features, scalarBlockLayout) },
    };
    dsvk_vulkan_import bad;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        VkPhysicalDeviceVulkan12Features less =
            *(const VkPhysicalDeviceVulkan12Features *)application_needed.pNext;
        VkPhysicalDeviceFeatures2 features          = application_needed;
        *(VkBool32 *)((char *)&less + needed[i].at) = VK_FALSE;
        features.pNext                              = &less;
        bad                                         = *lent;
        bad.features                                = &features;
        refuses(app, &bad, DSVK_UNSUPPORTED, needed[i].name);
    }
}

static void what_is_missing_is_named(void **state)
{
    struct application app;
    (void)state;
    application_begin(&app);
    application_make(&app, &application_needed, NULL, 0);
    dsvk_vulkan_import lent = application_lend(&app), bad;
    refuses_without_features(&app, &lent);
#define BAD(member, value, status, word)                                                           \
    bad        = lent;                                                                             \
    bad.member = value;                                                                            \
    refuses(&app, &bad, status, word)
    BAD(instance, VK_NULL_HANDLE, DSVK_BAD_ARGUMENT, "no instance");
    BAD(physical, VK_NULL_HANDLE, DSVK_BAD_ARGUMENT, "no physical device");
    BAD(device, VK_NULL_HANDLE, DSVK_BAD_ARGUMENT, "no device");
    BAD(queue, VK_NULL_HANDLE, DSVK_BAD_ARGUMENT, "no queue");
    BAD(queue_family, 77, DSVK_BAD_ARGUMENT, "family 77");
    BAD(lock, NULL, DSVK_BAD_ARGUMENT, "who else submits");
    BAD(unlock, NULL, DSVK_BAD_ARGUMENT, "who else submits");
    BAD(queue_is_ours, true, DSVK_BAD_ARGUMENT, "who else submits");
    BAD(n_extensions, 3, DSVK_BAD_ARGUMENT, "3 extensions");
    BAD(api_version, VK_API_VERSION_1_1, DSVK_UNSUPPORTED, "Vulkan 1.1");
#undef BAD
    dsvk_device *device;
    assert_int_equal(dsvk_device_import(&device, NULL), DSVK_BAD_ARGUMENT);
    assert_int_equal(dsvk_device_import(NULL, &lent), DSVK_BAD_ARGUMENT);
    assert_int_equal(app.locks, 0);
    application_end(&app);
}

/* ---- memory that ends ---- */

static unsigned calls_left, blocks;

static void *get_memory(void *user, void *old, size_t bytes)
{
    (void)user;
    if (bytes == 0) {
        blocks -= old != NULL;
        free(old);
        return NULL;
    }
    if (calls_left == 0)
        return NULL;
    calls_left--;
    void *now = realloc(old, bytes);
    blocks += now && !old;
    return now;
}

static dsvk_status import_and_close(const dsvk_vulkan_import *lent)
{
    dsvk_device *device;
    dsvk_status  status = dsvk_device_import(&device, lent);
    dsvk_device_close(device);
    return status;
}

static dsvk_status wish(const dsvk_vulkan_import *lent)
{
    dsvk_vulkan_wishes *wishes;
    dsvk_status         status = dsvk_vulkan_wishes_new(&wishes, lent);
    dsvk_vulkan_wishes_free(wishes);
    return status;
}

static void starve(dsvk_status (*work)(const dsvk_vulkan_import *), const dsvk_vulkan_import *lent)
{
    dsvk_status status = DSVK_NO_MEMORY;
    for (unsigned n = 0; status == DSVK_NO_MEMORY; n++) {
        calls_left = n;
        assert_true(n < 100);
        status = work(lent);
        assert_int_equal(blocks, 0);
    }
    assert_int_equal(status, DSVK_OK);
}

static void memory_may_end(void **state)
{
    struct application app;
    (void)state;
    application_begin(&app);
    application_make(&app, &application_needed, NULL, 0);
    dsvk_vulkan_import lent = application_lend(&app);
    lent.allocator          = (dsvk_allocator){ .resize = get_memory };
    starve(import_and_close, &lent);
    starve(wish, &lent);
    application_end(&app);
}

/* ---- frames meanwhile ---- */

struct frames {
    struct application *app;
    atomic_bool         ended;
    unsigned            n;
};

static void *draw(void *user)
{
    struct frames *f = user;
    while (!atomic_load(&f->ended)) {
        application_frame(f->app);
        f->n++;
    }
    return NULL;
}

/* With what is needed and no more. */
static void frames_go_on_meanwhile(void **state)
{
    struct application app;
    dsvk_device       *device;
    pthread_t          thread;
    (void)state;
    application_begin(&app);
    application_make(&app, &application_needed, NULL, 0);
    dsvk_vulkan_import lent = application_lend(&app);
    lent.log                = demo_log_sink(&demo_messages);
    assert_int_equal(dsvk_device_import(&device, &lent), DSVK_OK);
    const dsvk_device_info *info = dsvk_device_describe(device);
    assert_false(info->int64 || info->float16 || info->cooperative_matrix || info->integer_dot);
    struct frames frames = { .app = &app };
    assert_int_equal(pthread_create(&thread, NULL, draw, &frames), 0);
    answers(device);
    atomic_store(&frames.ended, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(frames.n > N_ANSWER);
    dsvk_device_close(device);
    assert_true(app.locks >= N_ANSWER && app.held == 0);
    application_frame(&app);
    application_end(&app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_wished_for_is_used),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(memory_may_end),
        cmocka_unit_test(frames_go_on_meanwhile),
    };
    return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
