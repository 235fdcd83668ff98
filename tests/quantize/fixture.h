/* SPDX-License-Identifier: MIT */
/* A made checkpoint that is open, and the folder that a converted one will be written to. Each call
 * fails the running test on trouble. */
#ifndef DV_TESTS_QUANTIZE_FIXTURE_H
#define DV_TESTS_QUANTIZE_FIXTURE_H

#include "file/checkpoint.h"
#include "quantize/quantize.h"
#include "support/folder.h"
#include "support/test_context.h"

struct fixture {
    struct dv_test_context test;
    struct dv_folder       in, out; /* out: not there */
    struct dv_checkpoint  *checkpoint;
};

struct dv_checkpoint *open_folder(struct dv_test_context *test, const char *path);
void                  setup(struct fixture *f, const char *name);
void                  teardown(struct fixture *f);
void                  write_folder(struct fixture *f, dsvk_weights formats, const char *target);

#endif
