// SPDX-License-Identifier: MIT
// The step block (struct dv_step): where the tokens of the pass stand and which they are. No other
// shader text knows its layout.
#ifndef DV_STEP_GLSL
#define DV_STEP_GLSL

// Position of row `row` of the pass.
uint step_position(dv_address step, uint row)
{
    return load_word(address(step), DV_STEP_POSITION) + row;
}

// Its token.
uint step_id(dv_address step, uint row)
{
    return load_word(address(step), DV_STEP_IDS + row * 4u);
}

// How the token that a pass which advances finds is chosen.
dv_choice step_choice(dv_address step)
{
    uvec4 a = load_words4(address(step), DV_STEP_CHOICE);
    uvec4 b = load_words4(address(step), DV_STEP_CHOICE + 16u);
    return dv_choice(a.x, int(a.y), int(a.z), a.w, b.x, b.y, b.z, b.w);
}

// Makes `id` the token of the next pass of one row, one position further on, whose context is cut
// into splits of `split` positions. Every reader of the block is behind a barrier.
void step_advance(dv_address step, uint id, uint split)
{
    ADDRESS block = address(step);
    uint    position = step_position(step, 0u), next = position + 1u;
    uint    splits = next / split + 1u;
    store_word(block, DV_STEP_POSITION, next);
    store_word(block, DV_STEP_SPLITS, splits);
    store_word(block, DV_STEP_ATTEND + 4u, splits); // attend_y
    store_word(block, DV_STEP_CHOSEN + position % DV_STEP_RING * 4u, id);
    store_word(block, DV_STEP_IDS, id == DV_NOT_FINITE ? 0u : id);
}

#endif
