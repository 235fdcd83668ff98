/* SPDX-License-Identifier: MIT */
/* What needs no device: texts, versions, names, and functions that take NULL. */
#include "demo.h"

#include <string.h>

static void status_text_is_never_null(void **state)
{
    (void)state;
#define X(name, text) assert_string_equal(dsvk_status_text(DSVK_##name), text);
    DSVK_STATUS_MAP(X)
#undef X
    assert_non_null(dsvk_status_text((dsvk_status)-1));
    assert_non_null(dsvk_status_text((dsvk_status)1000));
}

static void version_is_that_of_the_headers(void **state)
{
    (void)state;
    assert_string_equal(dsvk_version(), "0.2.0");
    assert_int_equal(DSVK_VERSION_MAJOR * 10000 + DSVK_VERSION_MINOR * 100 + DSVK_VERSION_PATCH,
                     200);
}

static void free_functions_take_null(void **state)
{
    (void)state;
    dsvk_session_free(NULL);
    dsvk_model_close(NULL);
    dsvk_device_close(NULL);
    dsvk_device_list_free(NULL, NULL);
    dsvk_stop_free(NULL);
}

static void model_open_failure_is_a_status_and_no_model(void **state)
{
    dsvk_model *model = (dsvk_model *)&model;
    (void)state;
    assert_int_equal(dsvk_model_open(&model, &(dsvk_model_params){ .folder = "no/such/folder" }),
                     DSVK_BAD_FILE);
    assert_null(model);
}

static void names_can_be_listed(void **state)
{
    uint32_t    shapes = 0, ops = 0;
    bool        argmax = false;
    const char *name;
    (void)state;
    for (; (name = dsvk_like_name(shapes)) != NULL; shapes++) {
        dsvk_model *model;
        assert_int_equal(dsvk_model_open(&model, &(dsvk_model_params){ .like = name }), DSVK_OK);
        dsvk_model_close(model);
    }
    assert_int_equal(shapes, 7);
    for (; (name = dsvk_op_name(ops)) != NULL; ops++)
        argmax |= strcmp(name, "argmax") == 0;
    assert_true(argmax);
    assert_string_equal(dsvk_op_name(0), "embed");
    assert_null(dsvk_op_name(UINT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_text_is_never_null),
        cmocka_unit_test(version_is_that_of_the_headers),
        cmocka_unit_test(free_functions_take_null),
        cmocka_unit_test(names_can_be_listed),
        cmocka_unit_test(model_open_failure_is_a_status_and_no_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
