/* SPDX-License-Identifier: MIT */
/* Programs of callers: submitted between their semaphores, waited for, filled and read. */
#include <string.h>

#include "api/lent.h"
#include "os/os.h"

#define POLL_NS 2000000u /* how long others wait for the turn while it is waited here */

/* ---- submitting ---- */

static dsvk_status split(const struct dv_context *ctx, VkSemaphore *semaphores, uint64_t *values,
                         const dsvk_semaphore *given, uint32_t n)
{
    if (n > DSVK_MOST_SEMAPHORES || (n > 0 && !given))
        return dv_fail(ctx, DSVK_BAD_ARGUMENT, "program: %u semaphores, of at most %u, or none", n,
                       DSVK_MOST_SEMAPHORES);
    for (uint32_t i = 0; i < n; i++) {
        if (!given[i].semaphore)
            return dv_fail(ctx, DSVK_BAD_ARGUMENT, "program: semaphore %u is none", i);
        semaphores[i] = given[i].semaphore;
        values[i]     = given[i].value;
    }
    return DSVK_OK;
}

/* With the turn. */
static dsvk_status check_there(const dsvk_program *p)
{
    return p->program ? DSVK_OK
                      : dv_fail(p->graph->ctx, DSVK_DEVICE_LOST,
                                "program: its device was lost; it has to be made again");
}

static dsvk_status begin(const dsvk_program *p)
{
    dsvk_status status;
    TRY(dv_lent_begin(p->graph->device));
    status = check_there(p);
    return status == DSVK_OK ? DSVK_OK : dv_lent_end(p->graph->device, status);
}

dsvk_status dsvk_program_submit(dsvk_program *p, const dsvk_semaphores *between)
{
    static const dsvk_semaphores none = { 0 };
    dsvk_status                  status;
    VkSemaphore                  semaphores[2][DSVK_MOST_SEMAPHORES];
    uint64_t                     values[2][DSVK_MOST_SEMAPHORES];
    _Static_assert(DSVK_MOST_SEMAPHORES <= DV_MOST_SIGNALS, "semaphores");
    if (!p)
        return DSVK_BAD_ARGUMENT;
    const dsvk_semaphores   *s   = between ? between : &none;
    const struct dv_context *ctx = p->graph->ctx;
    TRY(split(ctx, semaphores[0], values[0], s->waits, s->n_waits));
    TRY(split(ctx, semaphores[1], values[1], s->signals, s->n_signals));
    struct dv_signals waits   = { semaphores[0], values[0], s->n_waits };
    struct dv_signals signals = { semaphores[1], values[1], s->n_signals };
    TRY(begin(p));
    uint64_t value;
    status = dv_stream_submit_between(p->graph->device->stream, p->program->slices.commands[0],
                                      &waits, &signals, &value);
    if (status == DSVK_OK)
        p->value = value;
    return dv_lent_end(p->graph->device, status);
}

dsvk_status dv_lent_wait(dsvk_device *device, uint64_t value)
{
    dsvk_status status;
    uint64_t    start = dv_time_ns();
    bool        done  = false;
    while (!done && dv_time_ns() - start < device->dev->wait_ns) {
        TRY(dv_stream_poll(&done, device->stream, value, POLL_NS));
        if (!done)
            dv_turn_pass_on(device->turn);
    }
    return dv_stream_wait(device->stream, value, 0);
}

dsvk_status dsvk_program_wait(dsvk_program *p)
{
    dsvk_status status;
    if (!p)
        return DSVK_BAD_ARGUMENT;
    TRY(begin(p));
    return dv_lent_end(p->graph->device, dv_lent_wait(p->graph->device, p->value));
}

/* ---- what is in its own buffer ---- */

static dsvk_status find_own(const struct dv_port **out, const dsvk_program *p, dsvk_tensor tensor,
                            const void *data)
{
    const struct dv_port *port = dv_lent_port(p->graph, tensor);
    *out                       = port;
    if (!port || port->placed || !data)
        return dv_fail(p->graph->ctx, DSVK_BAD_ARGUMENT, "program: tensor %u %s", tensor,
                       port && !port->placed ? "with no data"
                       : port                ? "lies in the caller's buffer"
                                             : "is neither an input nor an output");
    return DSVK_OK;
}

/* Rows without gaps to rows with some, or back. */
static void copy_rows(unsigned char *to, size_t to_step, const unsigned char *from,
                      size_t from_step, const struct dv_value *v)
{
    for (uint32_t r = 0; r < v->rows; r++)
        memcpy(to + r * to_step, from + r * from_step, (size_t)v->cols * 4);
}

/* With the turn: to the device, or back. */
static dsvk_status copy(dsvk_program *p, const struct dv_port *port, const void *set, void *get)
{
    dsvk_status            status;
    dsvk_device           *device = p->graph->device;
    struct dv_stream      *stream = device->stream;
    const struct dv_value *v      = &p->program->graph->values[port->tensor];
    size_t                 dense = (size_t)v->cols * 4, step = (size_t)v->stride * 4;
    size_t                 bytes = v->rows * step;
    TRY(dv_lent_wait(device, stream->submitted));
    TRY(check_there(p)); /* others had the turn */
    if (dense == step)
        return set ? dv_stream_upload(stream, p->memory, port->place.offset, set, bytes)
                   : dv_stream_download(stream, get, p->memory, port->place.offset, bytes);
    unsigned char *rows = dv_zalloc(p->graph->ctx, bytes);
    if (!rows)
        return dv_fail(p->graph->ctx, DSVK_NO_MEMORY, "program: no memory for %zu bytes", bytes);
    if (set) {
        copy_rows(rows, step, set, dense, v);
        status = dv_stream_upload(stream, p->memory, port->place.offset, rows, bytes);
    } else {
        status = dv_stream_download(stream, rows, p->memory, port->place.offset, bytes);
        if (status == DSVK_OK)
            copy_rows(get, dense, rows, step, v);
    }
    dv_free(p->graph->ctx, rows);
    return status;
}

dsvk_status dsvk_program_set(dsvk_program *p, dsvk_tensor input, const void *data)
{
    dsvk_status           status;
    const struct dv_port *port;
    if (!p)
        return DSVK_BAD_ARGUMENT;
    TRY(find_own(&port, p, input, data));
    TRY(begin(p));
    return dv_lent_end(p->graph->device, copy(p, port, data, NULL));
}

dsvk_status dsvk_program_get(dsvk_program *p, dsvk_tensor output, void *data)
{
    dsvk_status           status;
    const struct dv_port *port;
    if (!p)
        return DSVK_BAD_ARGUMENT;
    TRY(find_own(&port, p, output, data));
    TRY(begin(p));
    return dv_lent_end(p->graph->device, copy(p, port, NULL, data));
}

bool dsvk_program_place(const dsvk_program *p, dsvk_tensor tensor, dsvk_place *place)
{
    const struct dv_port *port = p ? dv_lent_port(p->graph, tensor) : NULL;
    if (place)
        *place = port ? port->place : (dsvk_place){ 0 };
    return port != NULL;
}

/* ---- freeing ---- */

void dv_lent_drop_program(dsvk_program *p)
{
    dv_program_free(p->program);
    dv_buffer_free(p->memory);
    p->program = NULL;
    p->memory  = NULL;
}

void dsvk_program_free(dsvk_program *p)
{
    if (!p)
        return;
    dsvk_graph       *graph  = p->graph;
    dsvk_device      *device = graph->device;
    bool              mine   = dv_turn_take(device->turn);
    dsvk_program    **link   = &device->programs;
    struct dv_stream *stream = device->stream;
    while (*link && *link != p)
        link = &(*link)->next;
    if (*link)
        *link = p->next;
    if (p->program && p->value > stream->completed)
        dv_stream_settle(stream);
    dv_lent_drop_program(p);
    if (mine)
        dv_turn_give(device->turn);
    dv_free(graph->ctx, p);
    dsvk_graph_free(graph);
}
