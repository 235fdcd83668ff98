/* SPDX-License-Identifier: MIT */
/* Single operations, and small graphs of them, on the application's own buffers: for engines that
 * compute with us what they have in these formats. Not part of dsvk.h, since it needs Vulkan's
 * header. docs/embedding.md has an example.
 *
 *   dsvk_weight    matrices or a vector of the caller's, packed on a device
 *   dsvk_graph     operations on rows of numbers, while they are put together
 *   dsvk_program   a graph that is compiled for a device: recorded once, submitted often
 *
 * A product that waits for the application's semaphore and sets another one:
 *   dsvk_weight_new(&w, device, &(dsvk_matrix){ .dtype = "BF16", .rows = 4096, ... }, NULL);
 *   dsvk_graph_new(&g, device, &(dsvk_pass){ .tokens = 8 });
 *   x = dsvk_graph_input(g, 8, 1024);
 *   y = dsvk_graph_matmul(g, w, x);
 *   dsvk_graph_place(g, x, &(dsvk_place){ .buffer = in, .bytes = 8 * 1024 * 4 });
 *   dsvk_graph_place(g, y, &(dsvk_place){ .buffer = out, .bytes = 8 * 4096 * 4 });
 *   dsvk_graph_compile(&program, g, NULL, 0);
 *   dsvk_program_submit(program, &(dsvk_semaphores){ .waits = &before, .n_waits = 1,
 *                                                    .signals = &after, .n_signals = 1 });
 *
 * All numbers are f32, but for ids, which are 32-bit integers. A tensor is [rows, cols]; in a
 * buffer its rows begin at multiples of 16 bytes, `stride` words apart.
 *
 * Ownership: whoever makes frees, in any order; what is still used by something else lives until
 * that is freed. Free functions take NULL.
 *
 * Threads: any call from any thread, but a graph that is put together is one thread's at a time.
 * Calls that use the device take turns with all others on it. From a callback that has the turn
 * (dsvk.h) they answer BUSY.
 *
 * Errors: a status, and a sentence in the device's log and dsvk_device_why(). All that was made on
 * a device that is lost answers DEVICE_LOST from then on, also when the device was recovered: it is
 * freed and made again. */
#ifndef DSVK_GRAPH_H
#define DSVK_GRAPH_H

#include "dsvk/run.h"
#include "dsvk/vulkan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether an operation of this name runs on the device with weights, or latents, in a format:
 *   "matmul", "experts"                        "F32", "F16", "BF16", "F8_E4M3", "INT4", "FP4"
 *   "attend", "latents_write"                  "F32", "BF16", "FP8"
 *   "rms_norm", "swiglu", "add", "router"      "F32"
 * dtype NULL: in any. False for all other names. A shape that is too large for a device is told by
 * compiling. Never waits. */
DSVK_API bool dsvk_device_can(const dsvk_device *device, const char *op, const char *dtype);

/* ---- weights ---- */

typedef struct dsvk_weight dsvk_weight;

/* A matrix [rows, cols] as safetensors has it: row after row, a row's values from its first column
 * on. A product with it takes `cols` values and gives `rows`. */
typedef struct {
    const char *name; /* for sentences; NULL = "weight" */
    /* "F32", "F16", "BF16"; "F8_E4M3"; "INT4": -8 to 7 stored as 0 to 15, or "FP4": e2m1, both two
     * a byte with the even column in the low bits. cols is a multiple of 4, of these two of 8. */
    const char *dtype;
    uint32_t    rows; /* 0: a vector of `cols` values, such as a norm or a bias: F32, F16, BF16 */
    uint32_t    cols;
    uint32_t experts; /* that many matrices, one expert's after the other's; 0 = one, no experts */
    const void *data;
    uint64_t    bytes; /* of all */
    /* A value is what is stored times the scale of its block: of F8_E4M3 one for block_rows x
     * block_cols values (0 = 128 x 128; data without scales counts as scaled by 1), of INT4 and FP4
     * one for block_cols values of a row (0 = 32; block_rows is 1). [ceil(rows / block_rows),
     * ceil(cols / block_cols)] scales, row after row, for each expert. scale_dtype: "F32", "F16",
     * "BF16" or "F8_E8M0", of INT4 not that, of FP4 that alone; NULL = F32, of INT4 BF16, of FP4
     * F8_E8M0. */
    const void *scales;
    uint64_t    scale_bytes; /* of all */
    const char *scale_dtype;
    uint32_t    block_rows, block_cols;
    /* Where experts do not lie one after the other: the data and scales of each of them, instead of
     * the above; `bytes` and `scale_bytes` are still those of all. */
    const void *const *data_of, *const *scales_of;
} dsvk_matrix;

/* Packs it on all cores and brings it to the device, as weights of a model. Values stay as they are
 * stored where kernels have a place for their scales: block_rows of F8_E4M3 a multiple of 8 and
 * block_cols of 16, or as many as there are; block_cols of INT4 and FP4 a multiple of 32, scales of
 * INT4 in BF16. Other matrices become F32, which computes the same and takes the room of F32.
 * Nothing of the caller's is needed afterwards. Codes of F8_E4M3 that stand for no number count as
 * 480, with a warning. A weight takes an allocation of the driver's for each GiB, experts one more;
 * a program takes one.
 *
 * `up` is NULL, or another one of the same shape: then `matrix` is the gate, and a product with x
 * gives silu(gate x) * (up x), in one go.
 *
 * BAD_ARGUMENT for sizes that do not fit together, formats that there are not, scales that are not
 * finite or below 0 (of F8_E4M3: not above 0); UNSUPPORTED above 4 GiB a matrix and for a number
 * of columns that is no multiple of what is said above; NO_VRAM, NO_MEMORY, DEVICE_LOST. */
DSVK_API dsvk_status dsvk_weight_new(dsvk_weight **out, dsvk_device *device,
                                     const dsvk_matrix *matrix, const dsvk_matrix *up);
DSVK_API void        dsvk_weight_free(dsvk_weight *weight);
/* Device bytes that it takes; 0 when its device was lost. */
DSVK_API uint64_t dsvk_weight_bytes(const dsvk_weight *weight);

/* ---- graphs ---- */

typedef struct dsvk_graph   dsvk_graph;
typedef struct dsvk_program dsvk_program;
/* Of one graph and its program; 0: none. */
typedef uint32_t dsvk_tensor;

/* What a graph computes at a time. */
typedef struct {
    uint32_t tokens; /* at most DSVK_MAX_CHUNK; 0 = 1 */
    /* As in dsvk_run: with f16 products a value beyond float16 makes NaN of its row's results;
     * nothing is computed again. */
    dsvk_math math;
    bool      batch;   /* each token is of a timeline of its own; else all of one, in order */
    uint32_t  context; /* positions of a timeline, at most; 0: nothing looks at latents */
} dsvk_pass;

/* Operations are added in an order in which they may be computed. Where one cannot be added, for
 * its operands do not fit, it answers 0, and so do all after it; compiling answers the first
 * failure, whose sentence is in the log by then. NULL for `pass` is as all zero. BAD_ARGUMENT,
 * NO_MEMORY. */
DSVK_API dsvk_status dsvk_graph_new(dsvk_graph **out, dsvk_device *device, const dsvk_pass *pass);
/* For those that are not compiled. */
DSVK_API void dsvk_graph_free(dsvk_graph *graph);

/* Values that the caller gives: in a buffer of its own (dsvk_graph_place), or by
 * dsvk_program_set(). */
DSVK_API dsvk_tensor dsvk_graph_input(dsvk_graph *g, uint32_t rows, uint32_t cols);
/* [rows of x, rows of w]: w times each row of x; with gate and up silu(gate x) * (up x). */
DSVK_API dsvk_tensor dsvk_graph_matmul(dsvk_graph *g, dsvk_weight *w, dsvk_tensor x);
/* As x: x / sqrt(mean(x^2) + eps) * w, row by row; w is a vector. */
DSVK_API dsvk_tensor dsvk_graph_rms_norm(dsvk_graph *g, dsvk_weight *w, dsvk_tensor x, float eps);
/* silu(gate) * up and a + b, of two tensors of one shape. */
DSVK_API dsvk_tensor dsvk_graph_swiglu(dsvk_graph *g, dsvk_tensor gate, dsvk_tensor up);
DSVK_API dsvk_tensor dsvk_graph_add(dsvk_graph *g, dsvk_tensor a, dsvk_tensor b);

/* How top_k of a token's experts are chosen: the largest of score + bias, where scores are the
 * softmax of the logits or the sigmoid of each. With groups (runs of experts / groups experts) only
 * those of the top_k_groups best groups; a group counts by its best, or by the sum of its two best.
 * The weight of a chosen expert is its score, divided by their sum where that is asked for, times
 * scale. At most 16 of 512 experts in 64 groups. */
typedef struct {
    uint32_t experts, top_k;
    uint32_t groups, top_k_groups; /* 0 = 1, and all groups */
    bool     sigmoid, group_sums, normalise;
    float    scale; /* 0 = 1 */
} dsvk_router;

/* A route [rows of logits, 2 * top_k]: of each row the ids of the chosen experts, ascending, then
 * their weights in that order. logits [rows, experts]; bias: a vector, or NULL. */
DSVK_API dsvk_tensor dsvk_graph_router(dsvk_graph *g, dsvk_tensor logits, dsvk_weight *bias,
                                       const dsvk_router *router);
/* [tokens * top_k, rows of w]: a row for each token and choice, the product of that expert's matrix
 * with the row of x: x has a row a token, or a row for each token and choice. A route of the
 * caller's has distinct ids in a row, all below the number of experts: others read and write what
 * is not theirs. */
DSVK_API dsvk_tensor dsvk_graph_expert_matmul(dsvk_graph *g, dsvk_weight *w, dsvk_tensor x,
                                              dsvk_tensor route);
/* [tokens, rows of down]: the whole feed forward of the chosen experts, the sum of weight * down
 * silu(gate x) * (up x). gate_up has gate and up. */
DSVK_API dsvk_tensor dsvk_graph_experts(dsvk_graph *g, dsvk_weight *gate_up, dsvk_weight *down,
                                        dsvk_tensor x, dsvk_tensor route);

/* ---- latents ---- */

/* Multi-head latent attention keeps of each position a record: the latent, and the rotated rope key
 * that all heads share. Records lie in pages of DSVK_PAGE positions of one timeline, in order; of
 * several layers one page may have the records, each layer's at an offset of its own. A page has
 * room for all of its records, also where positions are not there yet. */
#define DSVK_PAGE 64

typedef struct {
    dsvk_cache format;       /* of all latents of a graph */
    uint32_t   latent, rope; /* values, multiples of 4, at most 4096 */
    uint32_t   offset;       /* bytes from the beginning of a page to its first record, times 16 */
} dsvk_latents;

/* Bytes of a record. F32: the values; BF16: likewise, two a word; FP8: the latent as e3m4, four f32
 * scales, one for each quarter of it, and the rope key as BF16; all rounded up to 16. 0 for what
 * latents cannot be. */
DSVK_API uint32_t dsvk_latents_bytes(const dsvk_latents *latents);

/* Where a token of a pass stands. */
typedef struct {
    uint32_t unused;
    uint32_t position; /* below dsvk_pass.context */
    VkDeviceAddress
        pages; /* of the addresses of its timeline's pages, as 64-bit words, at least for
                            * those up to its own; multiples of 8, the pages' of 16 */
} dsvk_row;

/* [tokens, 4] words, a dsvk_row each: an input of those that look at latents, and the only one that
 * differs between passes of one program. Without `batch` positions rise by one, and pages are those
 * of the first. The graph has it once. Its stride is 4. */
DSVK_API dsvk_tensor dsvk_graph_rows(dsvk_graph *g);
/* Writes the records of the pass's tokens: latent [tokens, latent], rope_key [tokens, rope]. Those
 * that attend to the same latents come behind it. */
DSVK_API void dsvk_graph_latents_write(dsvk_graph *g, const dsvk_latents *latents,
                                       dsvk_tensor latent, dsvk_tensor rope_key);
/* [tokens, heads * latent]: of each head the sum over positions p up to the token's own of
 * softmax(scale * (q_latent . latent_p + q_rope . rope_p)) * latent_p. q_latent [tokens, heads *
 * latent], q_rope [tokens, heads * rope]: queries that were taken to the latents, and rotated. */
DSVK_API dsvk_tensor dsvk_graph_attend(dsvk_graph *g, const dsvk_latents *latents,
                                       dsvk_tensor q_latent, dsvk_tensor q_rope, uint32_t heads,
                                       float scale);

/* ---- compiling and running ---- */

/* Where a tensor lies: at `offset` in a buffer, or at an address of the device. A buffer is of the
 * device, has memory and VK_BUFFER_USAGE_STORAGE_BUFFER_BIT and _SHADER_DEVICE_ADDRESS_BIT, and
 * belongs to the device's queue family while a program runs. All of that is the caller's to see to,
 * and that it lives as long as the program. */
typedef struct {
    VkBuffer        buffer;  /* VK_NULL_HANDLE: at the address */
    uint64_t        offset;  /* bytes, a multiple of 16 */
    VkDeviceAddress address; /* likewise; without `buffer` */
    uint64_t        bytes;   /* that may be used from there on */
    uint32_t stride; /* words from row to row, a multiple of 4; 0 = the columns, rounded up */
} dsvk_place;

/* Before compiling: the tensor, an input or what an operation gives, lies there. The words that
 * fill a row's last group of four may be written. What is written overlaps nothing that is read. */
DSVK_API void dsvk_graph_place(dsvk_graph *g, dsvk_tensor tensor, const dsvk_place *place);

/* Compiles the kernels, which takes long where the device has not got them yet, and records the
 * commands. `outputs`: those that the program itself keeps for dsvk_program_get(), besides those
 * that have a place. The graph is freed, also after a failure.
 *
 * The first failure of the graph; BAD_ARGUMENT without outputs and without latents that are
 * written; UNSUPPORTED for shapes that the device has no room for; NO_VRAM, NO_MEMORY,
 * DEVICE_LOST. */
DSVK_API dsvk_status dsvk_graph_compile(dsvk_program **out, dsvk_graph *graph,
                                        const dsvk_tensor *outputs, uint32_t n_outputs);
/* Waits for what was submitted of it, ten seconds at most: a program whose semaphores are never
 * signalled takes the device with it. */
DSVK_API void dsvk_program_free(dsvk_program *program);
/* Where an input or output of the program lies, its own buffers as well: valid until it is freed
 * or the device is lost. False: it is neither. */
DSVK_API bool dsvk_program_place(const dsvk_program *program, dsvk_tensor tensor,
                                 dsvk_place *place);

/* A timeline semaphore of the device's, and the value that is waited for or set. */
typedef struct {
    VkSemaphore semaphore;
    uint64_t    value;
} dsvk_semaphore;

#define DSVK_MOST_SEMAPHORES 16

typedef struct {
    const dsvk_semaphore *waits; /* all of them, before anything is read or written */
    uint32_t              n_waits;
    const dsvk_semaphore *signals; /* when all is written, and seen by what waits for them */
    uint32_t              n_signals;
} dsvk_semaphores;

/* Queues the program, and does not wait for it. It may be queued again before it has ended; what is
 * submitted to the queue runs in order, the passes of models as well. So whoever signals what it
 * waits for must not stand behind it in the same queue. It is one submission, whatever it takes
 * (dsvk_device_params.slice_us and paces are for passes of models), under the lock of the queue.
 * A device that has not come to its end 60 seconds (a software device: 600) after somebody began to
 * wait for it here is lost. `semaphores` may be NULL. BAD_ARGUMENT, NO_MEMORY, DEVICE_LOST,
 * BUSY. */
DSVK_API dsvk_status dsvk_program_submit(dsvk_program *program, const dsvk_semaphores *semaphores);
/* Waits for what was submitted of it. Others use the device meanwhile. */
DSVK_API dsvk_status dsvk_program_wait(dsvk_program *program);
/* Copy an input or output that is the program's own, [rows, cols] words without gaps, behind all
 * that was submitted to the device: they wait for it. BAD_ARGUMENT for other tensors. */
DSVK_API dsvk_status dsvk_program_set(dsvk_program *program, dsvk_tensor input, const void *data);
DSVK_API dsvk_status dsvk_program_get(dsvk_program *program, dsvk_tensor output, void *data);

#ifdef __cplusplus
}
#endif
#endif
