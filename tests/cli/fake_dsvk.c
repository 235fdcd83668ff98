/* SPDX-License-Identifier: MIT */
/* The library's interface with nothing behind it, so that the command line can be tested on any
 * machine and in any situation. A token is a byte plus 3; 0 begins, 1 ends a text, 2 is half a
 * character. What a model does is said by the name of its folder:
 *   .../empty-folder  cannot be opened       .../no-chat      has no chat format
 *   .../drag-load, drag-prompt, drag-score, drag-plan  take half a minute there
 *   .../orders        answers with orders to a terminal
 *   .../ramp          scores with rows of 0 but for the position in the first column
 *   .../no-tokenizer  has none
 *   .../odd-chat      has an unknown chat template; asked to think on, every model refuses
 *   .../lost          loses the device       .../slow         never ends, until interrupted
 *   .../lost-once     loses it, and has it back when it is recovered
 *   .../dies-amid     loses it in its third answer at once, until there is a file dies-amid.heal
 *   .../echo          answers with the prompt .../two-sessions has memory for no more of them
 *   .../vast          needs the device for itself
 *   .../wide, words   answer with wide signs, with words of all lengths
 *   .../muses         answers with reasoning and a word
 *   .../scripted-FORMAT  answers what the prompt says, as fake_script.c has it
 *   .../sampling      samples by default     .../broken-text  answers with invalid UTF-8 */
#define _POSIX_C_SOURCE 200809L
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

_Thread_local char last_failure[600];

dsvk_status fail(const dsvk_log *log, dsvk_status status, const char *line)
{
    snprintf(last_failure, sizeof last_failure, "%s", line);
    if (log->write)
        log->write(log->user, DSVK_LOG_ERROR, line);
    return status;
}

bool is(const dsvk_model *model, const char *name)
{
    const char *last =
        strrchr(model->folder, '/'); /* what a temporary folder is called says nothing */
    return strstr(last ? last : model->folder, name) != NULL;
}

const char *dsvk_version(void)
{
    return "0.2.0";
}

const char *dsvk_status_text(dsvk_status status)
{
    return status == DSVK_OK ? "success" : "failure";
}

bool goes_on(const dsvk_progress *progress, uint64_t done, uint64_t total)
{
    if (progress && progress->stop && dsvk_stop_is_set(progress->stop))
        return false;
    return !progress || !progress->report || progress->report(progress->user, done, total);
}

bool drag(const dsvk_progress *progress)
{
    for (uint64_t i = 0; i < 3000; i++) {
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
        if (!goes_on(progress, i, 3000))
            return false;
    }
    return true;
}

/* ---- devices ---- */

static const dsvk_device_info device_info = {
    .name         = "fake\xff", /* a driver's name may be anything */
    .vendor       = "none",
    .driver       = "fake 1.0",
    .uuid         = "00000000-0000-0000-0000-000000000001",
    .api          = "1.2.0",
    .usable       = true,
    .software     = true,
    .memory_total = 1u << 30,
    .memory_free  = 1u << 29,
    .subgroup     = 8,
};

dsvk_status dsvk_device_list(dsvk_device_info **list, uint32_t *n, const dsvk_log *log,
                             const dsvk_allocator *allocator)
{
    (void)log;
    (void)allocator;
    *n    = 2;
    *list = calloc(2, sizeof **list);
    if (!*list)
        return DSVK_NO_MEMORY;
    (*list)[0] = device_info;
    snprintf((*list)[1].name, sizeof(*list)[1].name, "odd");
    snprintf((*list)[1].why_not, sizeof(*list)[1].why_not, "no timeline semaphores");
    return DSVK_OK;
}

void dsvk_device_list_free(dsvk_device_info *list, const dsvk_allocator *allocator)
{
    (void)allocator;
    free(list);
}

dsvk_status dsvk_device_open(dsvk_device **out, const dsvk_device_params *params)
{
    *out = NULL;
    if (params->which && strcmp(params->which, "0") != 0 && strcmp(params->which, "fake") != 0)
        return fail(&params->log, DSVK_NO_DEVICE, "device: nothing of 2 devices matches");
    *out = calloc(1, sizeof **out);
    if (!*out)
        return DSVK_NO_MEMORY;
    char line[600];
    snprintf(line, sizeof line, "pipelines in %.500s",
             params->pipeline_cache ? params->pipeline_cache : "nothing");
    if (params->log.write && params->log.level >= DSVK_LOG_INFO)
        params->log.write(params->log.user, DSVK_LOG_INFO, line);
    (*out)->info = device_info;
    (*out)->log  = params->log;
    return DSVK_OK;
}

void dsvk_device_close(dsvk_device *device)
{
    free(device);
}

const dsvk_device_info *dsvk_device_describe(const dsvk_device *device)
{
    return &device->info;
}

/* ---- models ---- */

dsvk_status dsvk_model_open(dsvk_model **out, const dsvk_model_params *params)
{
    const char *folder = params->folder ? params->folder : params->like;
    *out               = NULL;
    if (strstr(folder, "empty-folder")) {
        fail(&params->log, DSVK_BAD_FILE, "empty-folder/config.json: No such file or directory");
        return fail(&params->log, DSVK_BAD_FILE, "a second line that says the same");
    }
    dsvk_model *model = calloc(1, sizeof *model);
    if (!model)
        return DSVK_NO_MEMORY;
    snprintf(model->folder, sizeof model->folder, "%s", folder);
    model->log  = params->log;
    model->info = (dsvk_model_info){
        .architecture   = "fake",
        .layers         = 2,
        .vocab          = VOCAB,
        .top_k          = 2,
        .max_context    = 2 * CONTEXT,
        .routing        = "none",
        .chat_format    = is(model, "no-chat")    ? "none"
                          : is(model, "odd-chat") ? "unknown"
                                                  : script_format(model),
        .number_formats = "F8_E4M3 100%",
        .tensors        = 1,
        .shards         = 1,
        .tokenizer_size = is(model, "no-tokenizer") ? 0 : VOCAB,
        .adds_bos       = true,
        .do_sample      = is(model, "sampling"),
        .temperature    = 0.5f,
        .top_p          = 0.9f,
    };
    *out = model;
    return DSVK_OK;
}

void dsvk_model_close(dsvk_model *model)
{
    free(model);
}

const dsvk_model_info *dsvk_model_describe(const dsvk_model *model)
{
    return &model->info;
}

bool dsvk_model_tensor(const dsvk_model *model, uint32_t i, dsvk_tensor_info *info)
{
    *info = (dsvk_tensor_info){ .name = "w", .dtype = "BF16", .n_dims = 2, .dims = { 2, 3 } };
    return i < model->info.tensors;
}

dsvk_status dsvk_model_tokenize(const dsvk_model *model, const char *text, size_t bytes,
                                bool special, bool bos, uint32_t **ids, size_t *n)
{
    (void)model;
    (void)special;
    *n   = 0;
    *ids = calloc(bytes + 1, sizeof **ids);
    if (!*ids)
        return DSVK_NO_MEMORY;
    if (bos)
        (*ids)[(*n)++] = 0;
    for (size_t i = 0; i < bytes; i++)
        (*ids)[(*n)++] = (unsigned char)text[i] + 3u;
    return DSVK_OK;
}

const char *dsvk_model_token(const dsvk_model *model, uint32_t id, size_t *bytes)
{
    static _Thread_local char table[256];
    (void)model;
    *bytes = id < VOCAB ? 1 : 0;
    if (id >= VOCAB)
        return NULL;
    if (id == 2)
        return "\xe2";
    table[id < 3 ? 0 : id - 3] = (char)(id < 3 ? '?' : id - 3);
    return &table[id < 3 ? 0 : id - 3];
}

bool dsvk_model_token_is_special(const dsvk_model *model, uint32_t id)
{
    (void)model;
    return id < 2;
}

bool dsvk_model_token_is_end(const dsvk_model *model, uint32_t id)
{
    (void)model;
    return id == 1;
}

void dsvk_model_free_memory(const dsvk_model *model, void *memory)
{
    (void)model;
    free(memory);
}

dsvk_status dsvk_model_graph(const dsvk_model *model, const dsvk_graph_params *params)
{
    (void)model;
    params->write(params->user, "graph\n", 6);
    return DSVK_OK;
}

/* Does not fit into less than a thousand bytes. */
dsvk_status dsvk_model_plan(dsvk_plan *plan, const dsvk_model *model, const dsvk_device *device,
                            const dsvk_plan_params *params)
{
    if (is(model, "drag-plan"))
        drag(NULL);
    uint64_t limit = params->memory_limit ? params->memory_limit : 1u << 29;

    *plan = (dsvk_plan){ .has_device   = device != NULL,
                         .context      = params->run.context ? params->run.context : CONTEXT,
                         .chunk        = CONTEXT,
                         .device_bytes = 1000,
                         .device_limit = limit,
                         .least_bytes  = 1000 };
    if (device && !params->run.context) /* the largest: all of it is free */
        plan->context = model->info.max_context;
    plan->fits = plan->device_bytes <= plan->device_limit &&
                 !(device && is(model, "vast") && device->loaded > 0);
    return DSVK_OK;
}

bool dsvk_model_plan_layer(dsvk_plan_layer *placed, const dsvk_model *model, const dsvk_plan *plan,
                           uint32_t layer)
{
    (void)model;
    (void)plan;
    *placed = (dsvk_plan_layer){ .moe = layer > 0 };
    return layer < 2;
}

dsvk_status dsvk_model_load(dsvk_model *model, dsvk_device *device, const dsvk_load_params *params)
{
    if (is(model, "vast") && device->loaded > 0)
        return fail(&model->log, DSVK_NO_VRAM, "weights: 9 bytes are needed, 8 are free");
    if (is(model, "drag-load") && !drag(&params->progress))
        return DSVK_CANCELLED;
    if (is(model, "big"))
        return fail(&model->log, DSVK_NO_VRAM, "weights: 9 bytes are needed, 8 are free");
    if (!goes_on(&params->progress, 1, 1))
        return DSVK_CANCELLED;
    model->device = device;
    device->loaded++;
    return DSVK_OK;
}

dsvk_status dsvk_model_unload(dsvk_model *model)
{
    if (model->device)
        model->device->loaded--;
    model->device = NULL;
    return model->sessions ? DSVK_BUSY : DSVK_OK;
}

dsvk_status dsvk_model_quantize_with(const dsvk_model *model, const char *folder,
                                     const dsvk_quantize_params *params)
{
    const dsvk_progress *progress = &params->progress;
    if (strcmp(folder, "taken") == 0)
        return fail(&model->log, DSVK_BAD_FILE, "quantize: taken is there already");
    if (is(model, "drag") && !drag(progress))
        return DSVK_CANCELLED;
    return params->weights && progress->report(progress->user, 1, 1) ? DSVK_OK : DSVK_CANCELLED;
}

const char *dsvk_like_name(uint32_t index)
{
    static const char *const names[] = { "v2-lite", "v3" };
    return index < 2 ? names[index] : NULL;
}

const char *dsvk_op_name(uint32_t index)
{
    static const char *const names[] = { "embed", "matmul" };
    return index < 2 ? names[index] : NULL;
}
