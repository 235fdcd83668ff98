/* SPDX-License-Identifier: MIT */
/* The step block of a pass (struct dv_step in shaders/lib/args.h), as the host writes and reads it:
 * whose tokens the recorded commands compute, and where. */
#ifndef DV_ENGINE_STEP_H
#define DV_ENGINE_STEP_H

#include "kernel/program.h"

/* A row of a batch. */
struct dv_step_row {
    uint32_t  token, position;
    uint64_t  pages;  /* address of the page table of its timeline */
    dv_choice choice; /* of the token that it finds; zero: by the greatest logit */
    uint64_t  extras; /* of a dv_extras that changes logits before; 0: none */
};

/* Rows of one timeline at consecutive positions. */
struct dv_step_prompt {
    const uint32_t *tokens;
    uint32_t        n, position; /* of the first */
    uint64_t        pages;
};

/* Of as many rows as the program was recorded for; `split`: positions of a split of attention. */
void dv_step_write_prompt(void *mapped, const struct dv_program *program, uint32_t split,
                          const struct dv_step_prompt *prompt);
/* Of 1 .. program->graph->size.tokens rows, each of another timeline. The first stands for those
 * that are left: it is computed as often, to the same result. */
void dv_step_write_batch(void *mapped, const struct dv_program *program, uint32_t split,
                         const struct dv_step_row *rows, uint32_t n);

/* The token that row `row` of a batch found at `position`, until 16 passes later; the pass has
 * ended. */
uint32_t dv_step_chosen(const void *mapped, uint32_t row, uint32_t position);

#endif
