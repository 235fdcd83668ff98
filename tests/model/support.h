/* SPDX-License-Identifier: MIT */
/* The made checkpoints on a device, for tests that use the public interface. One device serves all
 * models of a program, so that each pipeline is made once. Everything here fails the running test
 * on trouble; a warning or an error in the log is trouble, unless it was expected. */
#ifndef DV_TESTS_MODEL_SUPPORT_H
#define DV_TESTS_MODEL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dsvk/dsvk.h"
#include "support/folder.h"
#include "support/ids.h"

/* A made checkpoint in a folder of its own. */
struct subject {
    const char      *name;
    struct dv_folder folder;
    uint32_t         vocab;
};

/* Group set-up and tear-down: the device that DSVK_TEST_DEVICE names, or the best. */
int          device_setup(void **state);
int          device_teardown(void **state);
dsvk_device *device_under_test(void);
/* From now on, or no longer, a software device is taken for hardware: it gets the kernels and the
 * shapes of workgroups that a GPU with its capabilities gets. */
void device_as_hardware(bool on);
/* With f16 products passes of few and of many tokens then have different kernels. */
bool device_has_matrix_units(void);

void subject_init(struct subject *subject, const char *name);
void subject_done(struct subject *subject);

dsvk_model *load(const struct subject *subject, dsvk_math math, bool no_fuse);
/* Whose bits are its own passes': exact_prefix. */
dsvk_session *session(dsvk_model *model, uint32_t context, uint32_t chunk, dsvk_cache cache);
/* The form of attention from now on: materialised for passes of at least so many tokens at position
 * 0; 0 = by policy, UINT32_MAX = always absorbed. */
void choose_form(dsvk_session *session, uint32_t materialise_from);
void sync(dsvk_session *session, const uint32_t *tokens, size_t n);
/* Of the last token; free(). */
float *logits(dsvk_session *session, uint32_t vocab);
/* Every position's logits; free(). */
float *score(dsvk_session *session, const uint32_t *tokens, size_t n, uint32_t vocab);

/* Between these two, lines are not printed; the second returns how many there were. */
void     expect_lines(void);
unsigned expected_lines(void);
/* The last one that there was. */
const char *last_line(void);

/* Tokens that look random and are the same everywhere; the first is 0. */
void make_tokens(uint32_t *tokens, size_t n, uint32_t vocab, uint64_t seed);

/* Runs `test` for each checkpoint that the arguments name, or for all; its state is the name. */
int for_each_checkpoint(int argc, char **argv, const char *what, void (*test)(void **state));

#endif
