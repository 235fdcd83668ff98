/* SPDX-License-Identifier: MIT */
/* The bench of the op tests: makes values, builds a graph, runs every node on the device and in
 * the reference. Guards stand around each buffer, and results begin as NaN, so that what is not
 * written shows. */
#include "ops/harness_parts.h"

#include <math.h>

#include "graph/build.h"

#define GUARD 64u            /* words before and after every value */
#define SENTINEL 0x7FDECADEu /* a NaN, so that whoever reads it is found out too */

struct test_device op_device;
struct op_part     op_part = { 0, 1 };

void op_need(const struct op_bench *b, dsvk_status status, const char *what)
{
    if (status != DSVK_OK)
        fail_msg("%s: %s: %s: %s", b->p.name, what, dsvk_status_text(status), op_device.line);
}

void *op_alloc(struct op_bench *b, size_t n, size_t size)
{
    void *memory = dv_arena_alloc(&b->memory, n, size);
    if (!memory)
        fail_msg("%s: no memory", b->p.name);
    return memory;
}

struct dv_buffer *op_upload(struct op_bench *b, const void *data, size_t bytes, const char *what)
{
    struct dv_buffer *buffer;
    op_need(b, dv_buffer_new(&buffer, op_device.dev, bytes, DV_MEMORY_DEVICE, what), what);
    op_need(b, dv_stream_upload(op_device.stream, buffer, 0, data, bytes), what);
    return buffer;
}

static void or_default(uint32_t *field, uint32_t value)
{
    if (*field == 0)
        *field = value;
}

/* Of a batch in leaps, so that neighbours are far apart and any may be the longest. */
static uint32_t position_of(const struct op_bench *b, uint32_t t)
{
    if (b->p.positions)
        return b->p.positions[t];
    return b->p.batch ? (b->p.position + t * (b->p.context / 2 + 29)) % b->p.context
                      : b->p.position + t;
}

void op_begin(struct op_bench *b, const struct op_params *params)
{
    if (!op_device.dev)
        skip();
    memset(b, 0, sizeof *b);
    b->p = *params;
    or_default(&b->p.tokens, 1);
    or_default(&b->p.context, 256);
    or_default(&b->p.split, 64);
    or_default(&b->p.tile, 8);
    or_default(&b->p.block, 128);
    or_default(&b->p.layers, 1);
    or_default(&b->p.vocabulary, 1);
    or_default(&b->p.live, b->p.tokens);
    b->p.seed = b->p.seed ? b->p.seed : 1;
    b->random = b->p.seed;
    dv_arena_init(&b->memory, &op_device.ctx);
    b->graph = dv_graph_new(&op_device.ctx, &(struct dv_graph_size){ .tokens   = b->p.tokens,
                                                                     .context  = b->p.context,
                                                                     .split    = b->p.split,
                                                                     .tile     = b->p.tile,
                                                                     .all_rows = true,
                                                                     .batch    = b->p.batch });
    assert_non_null(b->graph);
    b->rows = op_alloc(b, b->p.tokens, sizeof *b->rows);
    for (uint32_t t = 0; t < b->p.tokens; t++)
        b->rows[t] = (struct dv_ref_row){ .token    = op_random_below(b, b->p.vocabulary),
                                          .position = position_of(b, t),
                                          .timeline = b->p.batch ? t : 0 };

    b->ref = (struct dv_ref_site){ .graph        = b->graph,
                                   .values       = b->expected,
                                   .weights      = (const float **)(void *)b->weights,
                                   .rows         = b->rows,
                                   .cache_format = b->p.cache_format };
    op_declare_states(b);
}

void op_end(struct op_bench *b)
{
    struct dv_buffer *all[] = { b->arena, b->blob, b->step, b->pages, b->page_table, b->blocks };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        dv_buffer_free(all[i]);
    dv_graph_free(b->graph);
    dv_arena_done(&b->memory);
    assert_int_equal(op_device.warnings + op_device.errors, 0);
}

/* ---- values ---- */

static size_t words_of(const struct dv_value *v)
{
    return (size_t)v->rows * v->stride;
}

dv_tensor op_input(struct op_bench *b, uint32_t rows, uint32_t cols)
{
    dv_tensor x = dv_graph_value(b->graph, "input", rows, cols);
    assert_true(x != 0 && x < OP_MAX_VALUES);
    b->expected[x] = op_alloc(b, words_of(&b->graph->values[x]), sizeof(uint32_t));
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t c = 0; c < cols; c++)
            op_row(b, x, r)[c] = op_random(b);
    return x;
}

dv_tensor op_input_route(struct op_bench *b, uint32_t experts, uint32_t top_k)
{
    dv_tensor route = op_input(b, b->p.tokens, 2 * top_k);
    for (uint32_t t = 0; t < b->p.tokens; t++) {
        uint32_t *ids = op_words(b, route, t), n = 0;
        /* Selection sampling: each subset is as likely, and the ids come in order. */
        for (uint32_t e = 0; e < experts && n < top_k; e++)
            if (op_random_below(b, experts - e) < top_k - n)
                ids[n++] = e;
        for (uint32_t s = 0; s < top_k; s++)
            op_row(b, route, t)[top_k + s] = fabsf(op_random(b));
    }
    return route;
}

float *op_row(struct op_bench *b, dv_tensor tensor, uint32_t r)
{
    return dv_ref_row(&b->ref, tensor, r);
}

uint32_t *op_words(struct op_bench *b, dv_tensor tensor, uint32_t r)
{
    return dv_ref_words(&b->ref, tensor, r);
}

const uint32_t *op_got_words(const struct op_bench *b, dv_tensor tensor, uint32_t r)
{
    struct dv_ref_site site = b->ref;
    site.values             = (uint32_t **)(uintptr_t)b->got;
    return dv_ref_words(&site, tensor, r);
}

const float *op_got_row(const struct op_bench *b, dv_tensor tensor, uint32_t r)
{
    return (const float *)(const void *)op_got_words(b, tensor, r);
}

/* Sets arena_offset of all activations, with guards; returns the words in all. */
static size_t place_values(struct op_bench *b)
{
    size_t words = GUARD;
    assert_true(b->graph->n_values < OP_MAX_VALUES);
    for (dv_tensor v = 1; v <= b->graph->n_values; v++) {
        struct dv_value *value = &b->graph->values[v];
        if (value->kind != DV_VALUE_ACTIVATION)
            continue;
        value->arena_offset = words * 4;
        words += (words_of(value) + 63) / 64 * 64 + GUARD;
        b->got[v] = op_alloc(b, words_of(value), sizeof(uint32_t));
    }
    return words;
}

/* Copies inputs into the arena and lets `written` name the words that a node may write: of a row
 * also those that fill its last group of four. */
static void fill_arena(struct op_bench *b, uint32_t *arena, bool *written, size_t words)
{
    const struct dv_node *nodes = b->graph->nodes;
    for (size_t i = 0; i < words; i++)
        arena[i] = SENTINEL;
    for (dv_tensor v = 1; v <= b->graph->n_values; v++) {
        const struct dv_value *value = &b->graph->values[v];
        if (value->kind != DV_VALUE_ACTIVATION)
            continue;
        bool output = false;
        for (uint32_t i = 0; i < b->graph->n_nodes; i++)
            for (uint32_t k = 0; !nodes[i].dead && k < dv_n_outputs(nodes[i].op); k++)
                output |= nodes[i].out.at[k] == v;
        bool input = b->expected[v] != NULL;
        if (!input)
            b->expected[v] = op_alloc(b, words_of(value), sizeof(uint32_t));
        for (size_t i = 0; i < words_of(value); i++) {
            size_t at     = value->arena_offset / 4 + i;
            size_t column = i % value->stride;
            if (column < value->cols && input)
                arena[at] = b->expected[v][i];
            written[at] = column < (value->cols + 3) / 4 * 4 && output;
        }
    }
}

static void check_arena(const struct op_bench *b, const uint32_t *before, const uint32_t *after,
                        const bool *written, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        if (before[i] == after[i] || written[i])
            continue;
        for (dv_tensor v = b->graph->n_values; v > 0; v--) {
            const struct dv_value *value = &b->graph->values[v];
            if (value->kind == DV_VALUE_ACTIVATION && value->arena_offset / 4 <= i + GUARD)
                fail_msg("%s: word %zd of value %u (%s, %u x %u) was written", b->p.name,
                         (ptrdiff_t)i - (ptrdiff_t)(value->arena_offset / 4), v, value->name,
                         value->rows, value->cols);
        }
    }
}

/* ---- the run ---- */

static uint32_t longest(const struct op_bench *b)
{
    uint32_t most = 0;
    for (uint32_t t = 0; t < b->p.tokens; t++)
        most = b->rows[t].position > most ? b->rows[t].position : most;
    return most;
}

/* What the host writes for a pass, behind the head. */
static void write_rows(const struct op_bench *b, struct dv_step *step)
{
    unsigned char *rows = (unsigned char *)step + DV_STEP_ROWS;
    for (uint32_t t = 0; t < b->p.tokens; t++) {
        uint64_t      table = op_table_at(b, b->rows[t].timeline);
        struct dv_row row   = {
              .token    = b->rows[t].token,
              .position = b->rows[t].position,
              .pages    = dv_address_of(b->page_table ? b->page_table->address + table : 0),
        };
        memcpy(rows + (size_t)t * DV_ROW_BYTES, &row, sizeof row);
    }
    for (uint32_t r = 0; r < b->p.live && r < DV_MOST_ROWS; r++) {
        step->choices[r] = b->p.choices ? b->p.choices[r] : step->choices[r];
        step->extras[r]  = dv_address_of(b->p.extras ? b->p.extras[r] : 0);
    }
}

static void run_node(struct op_bench *b, struct dv_commands *commands, uint32_t i,
                     unsigned char *blocks, struct dv_step *step)
{
    uint32_t              splits = longest(b) / b->p.split + 1;
    const struct dv_node *node   = &b->graph->nodes[i];
    struct dv_kernel_site site   = {
          .caps         = &op_device.dev->caps,
          .graph        = b->graph,
          .weights      = b->places,
          .arena        = b->arena->address,
          .step         = b->step->address,
          .step_buffer  = b->step,
          .states       = b->state_places,
          .cache_format = b->p.cache_format,
          .math_f16     = b->p.math_f16,
          .round_f16    = b->p.math_f16,
          .block_data   = blocks + (size_t)i * DV_BLOCK_BYTES,
          .block        = b->blocks->address + (uint64_t)i * DV_BLOCK_BYTES,
    };
    struct dv_dispatch  dispatch = { .indirect = false };
    struct dv_pipeline *pipeline;
    op_need(b, dv_kernel_of(node->op)->dispatch(&dispatch, &site, node), dv_op_name(node->op));
    op_need(b, dv_pipeline_get(&pipeline, op_device.dev, &dispatch.pipeline), dv_op_name(node->op));
    for (uint32_t k = 0; k < dv_n_outputs(node->op); k++)
        b->kernels[node->out.at[k]] = dispatch.pipeline.kernel;
    dv_commands_barrier_all(commands);
    if (dispatch.indirect) {
        step->attend_x = dispatch.groups[0];
        step->attend_y = splits < dispatch.groups[1] ? splits : dispatch.groups[1];
        step->attend_z = dispatch.groups[2];
        dv_commands_dispatch_indirect(commands, pipeline, dispatch.push, b->step, DV_STEP_ATTEND);
    } else {
        dv_commands_dispatch(commands, pipeline, dispatch.push, dispatch.groups[0],
                             dispatch.groups[1], dispatch.groups[2]);
    }
}

static void run_device(struct op_bench *b)
{
    struct dv_commands *commands;
    size_t              n          = b->graph->n_nodes;
    size_t              step_bytes = DV_STEP_ROWS + (size_t)b->p.tokens * DV_ROW_BYTES;
    unsigned char      *blocks     = op_alloc(b, n, DV_BLOCK_BYTES);
    struct dv_step     *step       = op_alloc(b, step_bytes, 1);
    uint64_t            value;

    step->rows     = b->p.live;
    step->attend_y = longest(b) / b->p.split + 1;
    write_rows(b, step);
    b->blocks = op_upload(b, blocks, n * DV_BLOCK_BYTES, "blocks");
    b->step   = op_upload(b, step, step_bytes, "step");
    op_need(b, dv_commands_new(&commands, op_device.dev), "commands");
    op_need(b, dv_commands_begin(commands), "commands");
    for (uint32_t i = 0; i < n; i++)
        if (!b->graph->nodes[i].dead)
            run_node(b, commands, i, blocks, step);
    dv_commands_barrier_all(commands);
    op_need(b, dv_commands_end(commands), "commands");
    op_need(b, dv_stream_upload(op_device.stream, b->step, 0, step, step_bytes), "step");
    op_need(b, dv_stream_upload(op_device.stream, b->blocks, 0, blocks, n * DV_BLOCK_BYTES),
            "blocks");
    op_need(b, dv_stream_submit(op_device.stream, commands, &value), "submit");
    op_need(b, dv_stream_wait(op_device.stream, value, 0), "wait");
    dv_commands_free(commands);
}

void op_run(struct op_bench *b)
{
    op_need(b, dv_graph_finish(b->graph), "graph");
    size_t    words = place_values(b), bytes = words * sizeof(uint32_t);
    uint32_t *before = op_alloc(b, words, sizeof *before),
             *after  = op_alloc(b, words, sizeof *after);
    bool *written    = op_alloc(b, words, sizeof *written);
    fill_arena(b, before, written, words);
    b->arena = op_upload(b, before, bytes, "arena");
    op_place_weights(b);
    op_place_cache(b);
    run_device(b);
    op_need(b, dv_stream_download(op_device.stream, after, b->arena, 0, bytes), "download");
    check_arena(b, before, after, written, words);
    op_check_pages(b);
    for (dv_tensor v = 1; v <= b->graph->n_values; v++)
        if (b->got[v])
            memcpy(b->got[v], after + b->graph->values[v].arena_offset / 4,
                   words_of(&b->graph->values[v]) * sizeof(uint32_t));
    for (uint32_t i = 0; i < b->graph->n_nodes; i++)
        if (!b->graph->nodes[i].dead)
            dv_ref_of(b->graph->nodes[i].op)(&b->ref, &b->graph->nodes[i]);
}
