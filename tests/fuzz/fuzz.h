/* SPDX-License-Identifier: MIT */
/* A fuzz target is one function, which libFuzzer or replay.c calls. */
#ifndef DV_TESTS_FUZZ_H
#define DV_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#endif
