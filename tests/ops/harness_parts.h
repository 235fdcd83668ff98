/* SPDX-License-Identifier: MIT */
/* Inside the bench: what its files do for each other. */
#ifndef DV_TESTS_OPS_HARNESS_PARTS_H
#define DV_TESTS_OPS_HARNESS_PARTS_H

#include "ops/harness.h"

/* Fails the test unless a call of the library is DSVK_OK. */
void op_need(const struct op_bench *b, dsvk_status status, const char *what);
/* Zeroed memory that op_end() frees. */
void *op_alloc(struct op_bench *b, size_t n, size_t size);
/* A device buffer with these contents. */
struct dv_buffer *op_upload(struct op_bench *b, const void *data, size_t bytes, const char *what);
uint64_t          op_random_word(uint64_t *state);

/* Makes b->blob and b->places from all weights of the graph. */
void op_place_weights(struct op_bench *b);

/* Declares the states: of each layer its latents, of every other one something else before. */
void op_declare_states(struct op_bench *b);
/* Makes the pages, full of random records, and b->ref.states. */
void op_place_cache(struct op_bench *b);
/* Bytes before the page table of a timeline. */
uint64_t op_table_at(const struct op_bench *b, uint32_t timeline);
/* Fails when a byte outside the records of the pass has changed. */
void op_check_pages(struct op_bench *b);

#endif
