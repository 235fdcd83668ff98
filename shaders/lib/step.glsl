// SPDX-License-Identifier: MIT
// The step block (struct dv_step): where the rows of the pass stand, which tokens they are and in
// whose pages their timelines lie. No other shader text knows its layout.
#ifndef DV_STEP_GLSL
#define DV_STEP_GLSL

#include "lib/step_block.h"

layout(buffer_reference, std430, buffer_reference_align = 4) buffer Count { uint v; };

uint step_row_at(uint row)
{
    return DV_STEP_ROWS + row * DV_ROW_BYTES;
}

// Row `row` of the pass.
dv_row step_row(dv_address step, uint row)
{
    uvec4 words = load_words4(address(step), step_row_at(row));
    return dv_row(words.x, words.y, dv_address(words.z, words.w));
}

// Its token.
uint step_id(dv_address step, uint row)
{
    return load_word(address(step), step_row_at(row));
}

// Its position.
uint step_position(dv_address step, uint row)
{
    return load_word(address(step), step_row_at(row) + 4u);
}

// Rows of a batch that do not repeat the first.
uint step_rows(dv_address step)
{
    return load_word(address(step), DV_STEP_LIVE);
}

// How the token that a row of a batch finds is chosen.
dv_choice step_choice(dv_address step, uint row)
{
    uint  place = DV_STEP_CHOICES + row * DV_CHOICE_BYTES;
    uvec4 a = load_words4(address(step), place);
    uvec4 b = load_words4(address(step), place + 16u);
    return dv_choice(a.x, int(a.y), int(a.z), a.w, b.x, b.y, b.z, b.w);
}

// Of a dv_extras, which changes the row's logits; null: none.
dv_address step_extras(dv_address step, uint row)
{
    uvec2 words = Load2(at(address(step), DV_STEP_EXTRAS + row * 8u)).v;
    return dv_address(words.x, words.y);
}

// Makes `id` the token of this row in the next pass, one position further on, whose context is cut
// into splits of `split` positions. Every other reader of the block is behind a barrier; rows do
// not wait for each other. As they only move on, the most splits of all that were or will be are
// those of the longest row. split 0: nobody reads how many there are.
void step_advance(dv_address step, uint row, uint id, uint split)
{
    ADDRESS block = address(step);
    uint    position = step_position(step, row), next = position + 1u;
    uint    ring = DV_STEP_CHOSEN + (row * DV_STEP_RING + position % DV_STEP_RING) * 4u;
    if (split != 0u)
        atomicMax(Count(at(block, DV_STEP_ATTEND + 4u)).v, next / split + 1u); // attend_y
    store_word(block, ring, id);
    store_word(block, step_row_at(row), DV_IS_TOKEN(id) ? id : 0u);
    store_word(block, step_row_at(row) + 4u, next);
}

#endif
