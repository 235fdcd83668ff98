/* SPDX-License-Identifier: MIT */
/* Opens, closes and converts, again for each test, so that none sees what another left. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "model/model.h"
#include "support/make_checkpoint.h"

struct dv_checkpoint *open_folder(struct dv_test_context *test, const char *path)
{
    struct dv_checkpoint *checkpoint;
    if (dv_checkpoint_open(&checkpoint, &test->ctx, path) != DSVK_OK ||
        dv_model_check(&test->ctx, checkpoint) != DSVK_OK)
        fail_msg("%s", test->line);
    return checkpoint;
}

void setup(struct fixture *f, const char *name)
{
    dv_test_context_init(&f->test);
    dv_folder_init(&f->in);
    assert_int_equal(dv_make_checkpoint(&f->test.ctx, name, 1, f->in.path), DSVK_OK);
    assert_true(snprintf(f->out.path, sizeof f->out.path, "%s.out", f->in.path) > 0);
    f->checkpoint = open_folder(&f->test, f->in.path);
}

void teardown(struct fixture *f)
{
    dv_checkpoint_close(f->checkpoint);
    dv_folder_done(&f->in);
    assert_int_equal(f->test.live, 0);
}

void write_folder(struct fixture *f, dsvk_weights formats, const char *target)
{
    dv_test_context_reset(&f->test);
    if (dv_quantize(&f->test.ctx, f->checkpoint, &(struct dv_conversion){ formats, DSVK_HEAD_AUTO },
                    target, NULL) != DSVK_OK)
        fail_msg("%s: %s", target, f->test.line);
}
