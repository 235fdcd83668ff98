/* SPDX-License-Identifier: MIT */
#include "engine/step.h"

#include <string.h>

/* The memory may be slow to read and to write in pieces: it is written once, in order. */
static void write_head(struct dv_step *step, const struct dv_program *p, uint32_t splits,
                       uint32_t rows)
{
    step->attend_x = p->attend_groups[0];
    step->attend_y = splits;
    step->attend_z = p->attend_groups[2];
    step->rows     = rows;
}

static void write_row(struct dv_step *step, uint32_t r, const struct dv_step_row *row)
{
    struct dv_row words = { row->token, row->position, dv_address_of(row->pages) };
    memcpy((unsigned char *)step + DV_STEP_ROWS + (size_t)r * DV_ROW_BYTES, &words, sizeof words);
}

void dv_step_write_prompt(void *mapped, const struct dv_program *p, uint32_t split,
                          const struct dv_step_prompt *prompt)
{
    struct dv_step *step = mapped;
    write_head(step, p, (prompt->position + prompt->n - 1) / split + 1, prompt->n);
    for (uint32_t r = 0; r < prompt->n; r++) {
        struct dv_step_row row = { .token    = prompt->tokens[r],
                                   .position = prompt->position + r,
                                   .pages    = prompt->pages };
        write_row(step, r, &row);
    }
}

void dv_step_write_batch(void *mapped, const struct dv_program *p, uint32_t split,
                         const struct dv_step_row *rows, uint32_t n)
{
    struct dv_step *step   = mapped;
    uint32_t        splits = 0;
    for (uint32_t r = 0; r < n; r++)
        if (rows[r].position / split + 1 > splits)
            splits = rows[r].position / split + 1;
    write_head(step, p, splits, n);
    for (uint32_t r = 0; r < n; r++)
        step->choices[r] = rows[r].choice;
    for (uint32_t r = 0; r < n; r++)
        step->extras[r] = dv_address_of(rows[r].extras);
    for (uint32_t r = 0; r < p->graph->size.tokens; r++)
        write_row(step, r, &rows[r < n ? r : 0]);
}

uint32_t dv_step_chosen(const void *mapped, uint32_t row, uint32_t position)
{
    const struct dv_step *step = mapped;
    return step->chosen[row][position % DV_STEP_RING];
}
