/* SPDX-License-Identifier: MIT */
/* What the handles of dsvk/graph.h hold. Those that have memory of a device are remembered by it,
 * so that recovering it can take their memory away; they stay, and answer DEVICE_LOST. */
#ifndef DV_API_LENT_H
#define DV_API_LENT_H

#include "api/handles.h"
#include "dsvk/graph.h"

#define DV_LENT_NAME 160

struct dsvk_weight {
    dsvk_device           *device;  /* the weight is a user of it */
    dsvk_weight           *next;    /* of the device's */
    atomic_uint            users;   /* the caller, graphs and programs */
    struct dv_weights     *weights; /* NULL once its device was lost; with the turn */
    struct dv_weight_info  info;    /* its only recipe, names those of `text` */
    struct dv_weight_place place;
    atomic_ullong          bytes;
    char                   text[2][DV_LENT_NAME];
};

/* A tensor with a place of its own, outside of the arena. */
struct dv_port {
    dv_tensor  tensor;
    bool       input;  /* else an operation gives it */
    bool       placed; /* by the caller; else in the program's own buffer */
    dsvk_place place;  /* of all, once the graph is compiled, with an address */
};

struct dv_lent_latents {
    dsvk_latents is;
    dv_state     state;
    dv_tensor    written; /* the state behind the last write; 0: it is not written */
    bool         read;
};

struct dsvk_graph {
    dsvk_device             *device; /* the graph is a user of it */
    const struct dv_context *ctx;
    struct dv_graph         *g; /* NULL once it is compiled */
    bool                     math_f16, round_f16;
    dsvk_weight            **weights; /* by dv_weight, as many as g has; it is a user of each */
    uint32_t                 n_weights, cap_weights;
    struct dv_port          *ports;
    uint32_t                 n_ports, cap_ports;
    dv_tensor                sorted, plan; /* the last route whose pairs were sorted */
    uint32_t                 sorted_experts;
    dsvk_tensor              rows;    /* 0: nothing looks at latents */
    struct dv_lent_latents  *latents; /* each once */
    uint32_t                 n_latents, cap_latents;
};

struct dsvk_program {
    dsvk_program      *next;    /* of the device's */
    dsvk_graph        *graph;   /* its ports and weights */
    struct dv_program *program; /* NULL once the device was lost; with the turn */
    struct dv_buffer  *memory;  /* ports that the caller did not place, arguments, the arena */
    uint64_t           blocks_at, arena_at; /* of the latter two */
    uint64_t           value;               /* of the stream, when the last run has ended */
};

/* ---- putting a graph together: api/graph*.c ---- */

/* Whether an operation may look at tensor x; else the graph has failed. */
bool dv_lent_takes(dsvk_graph *g, const char *op, dsvk_tensor x);
/* The weight in the graph; 0: the graph has failed. */
dv_weight dv_lent_weight(dsvk_graph *g, const char *op, dsvk_weight *w);
/* The graph fails; answers 0. */
dsvk_tensor dv_lent_refuse(dsvk_graph *g, dsvk_status status);

/* ---- */

struct dv_port *dv_lent_port(const dsvk_graph *g, dsvk_tensor tensor); /* NULL: it has none */
struct dv_port *dv_lent_port_new(dsvk_graph *g, dsvk_tensor tensor);   /* NULL: no memory */
/* Waits, with the turn, which others have in between, until the stream has come to `value`. */
dsvk_status dv_lent_wait(dsvk_device *device, uint64_t value);

/* With the turn, and nothing of it running: it is without memory of the device. */
void dv_lent_drop_program(dsvk_program *p);
/* With the turn: all that was made on the device is gone. */
void dv_lent_drop(dsvk_device *device);

/* A call on the device begins and ends. BUSY, DEVICE_LOST. */
dsvk_status dv_lent_begin(dsvk_device *device);
dsvk_status dv_lent_end(dsvk_device *device, dsvk_status status);

#endif
