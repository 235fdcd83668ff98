/* SPDX-License-Identifier: MIT */
/* The demonstration model for tests of the public interface. */
#ifndef TESTS_API_DEMO_H
#define TESTS_API_DEMO_H

#include <dsvk/dsvk.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct demo {
    dsvk_device *device;
    dsvk_model  *model;
};

/* Prints warnings and errors, and counts the errors. */
struct demo_log {
    unsigned errors;
};

dsvk_log demo_log_sink(struct demo_log *log);

/* Fails the test when it cannot be opened; with `load` also the best device is. */
struct demo demo_open(struct demo_log *log, bool load);
struct demo demo_open_folder(struct demo_log *log, const char *folder, bool load);
void        demo_close(struct demo *demo);

#endif
