/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include "host.h"

#include <stdio.h>
#include <string.h>

#define LLU(x) ((unsigned long long)(x))
#define GIB(x) ((double)(x) / (1024.0 * 1024.0 * 1024.0))

/* ---- what is planned for ---- */

static dsvk_status open_with(struct cli *cli, const dsvk_log *log)
{
    const struct option_value *values = cli->options.values;
    dsvk_device_params         params = { .which = values[OPT_DEVICE].text,
                                          .memory_limit = values[OPT_MEMORY].count,
                                          .log = *log };
    return dsvk_device_open(&cli->device, &params);
}

/* The chosen device. With --memory a plan needs none: --device none asks for that, and it is taken
 * where there is no other. */
static int open_device(struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    const char                *which = values[OPT_DEVICE].text;
    dsvk_log                   silent = { 0 }, log = log_sink(&cli->log);
    bool                       given = values[OPT_MEMORY].given;
    if (which && strcmp(which, "none") == 0)
        return given ? EXIT_DONE : cli_usage(cli, "--device none goes with --memory SIZE");
    if (!which && given && open_with(cli, &silent) == DSVK_NO_DEVICE) {
        log_note(&cli->log, "no Vulkan device; planned for a card of the usual kind");
        return EXIT_DONE;
    }
    int code = cli->device ? EXIT_DONE
                           : cli_status(cli, open_with(cli, &log), "opening the device");
    if (code)
        return code;
    const dsvk_device_info *info = dsvk_device_describe(cli->device);
    if (info->software && !which)
        log_note(&cli->log, "no GPU was found; planned for the software device %s", info->name);
    return EXIT_DONE;
}

static int make_plan(struct cli *cli, dsvk_plan *plan)
{
    const struct option_value *values = cli->options.values;
    dsvk_plan_params           params = { .math = (dsvk_math)values[OPT_MATH].count,
                                          .weights = (dsvk_weights)values[OPT_WEIGHTS].count,
                                          .no_fuse = values[OPT_NO_FUSE].given,
                                          .context = (uint32_t)values[OPT_CTX].count,
                                          .chunk = (uint32_t)values[OPT_CHUNK].count,
                                          .cache = (dsvk_cache)values[OPT_CACHE].count,
                                          .memory_limit = values[OPT_MEMORY].count,
                                          .host_memory = values[OPT_HOST_MEMORY].count };
    return cli_status(cli, dsvk_model_plan(plan, cli->model, cli->device, &params), "planning");
}

/* ---- lines, for text and JSON ---- */

static size_t list_device(const dsvk_plan *plan, struct plan_line lines[PLAN_LINES])
{
    const dsvk_plan_bytes *b = &plan->device;
    const struct plan_line all[] = {
        { "attention", "attention", b->attention },
        { "dense_ffn", "dense feed forward", b->dense_ffn },
        { "shared_experts", "shared experts", b->shared_experts },
        { "routed_experts", "routed experts", b->routed_experts },
        { "embedding_head", "embedding and head", b->embedding_head },
        { "norms_routers", "norms and routers", b->norms_routers },
        { "alignment", "alignment", b->alignment },
        { "expert_tables", "expert tables", b->expert_tables },
        { "latent_cache", "latent cache", b->latent_cache },
        { "activations", "activations", b->activations },
        { "rope_table", "rope table", b->rope_table },
        { "arguments", "arguments", b->arguments },
    };
    memcpy(lines, all, sizeof all);
    return sizeof all / sizeof *all;
}

static size_t list_host(const dsvk_plan *plan, struct plan_line lines[PLAN_LINES])
{
    lines[0] = (struct plan_line){ "session", "parameters and results", plan->host_session };
    lines[1] = (struct plan_line){ "staging", "staging, while loading", plan->host_staging };
    lines[2] = (struct plan_line){ "routed_experts", "routed experts", plan->host_experts };
    return 3;
}

void plan_view(struct plan_view *view, struct cli *cli, const dsvk_plan *plan)
{
    const struct option_value *values = cli->options.values;
    *view = (struct plan_view){ .cli = cli, .plan = plan };
    view->n_device = list_device(plan, view->device);
    view->n_host = list_host(plan, view->host);
    view->needed = plan->device_before + plan->device_bytes;
    view->margin = view->needed < plan->device_limit ? plan->device_limit - view->needed : 0;
    if (!plan->fits) /* scoring takes more than what is listed, and must fit too */
        view->needed = plan->least_bytes;
    view->shortfall = view->needed > plan->device_limit ? view->needed - plan->device_limit : 0;
    view->cache = values[OPT_CACHE].given ? values[OPT_CACHE].text : "bf16";
    for (uint32_t i = 0; i < plan->n_heaps; i++)
        view->unified |= plan->heaps[i].holds_device && plan->heaps[i].holds_host;
    double bandwidth = values[OPT_BANDWIDTH].real * 1e9;
    if (bandwidth > 0) {
        view->bound = bandwidth / (double)plan->token_weights;
        view->bound_full = bandwidth / (double)(plan->token_weights + plan->token_cache);
    }
}

/* ---- text ---- */

static void print_bytes(const char *name, uint64_t bytes)
{
    printf("  %-28s %20llu %12.3f\n", name, LLU(bytes), GIB(bytes));
}

static void print_lines(const struct plan_line *lines, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (lines[i].bytes)
            print_bytes(lines[i].name, lines[i].bytes);
}

static const char *heap_use(const dsvk_heap *heap)
{
    if (heap->holds_device)
        return heap->holds_host ? "device and host, unified" : "weights, caches, activations";
    if (heap->holds_host)
        return "parameters, results, staging";
    return heap->device_local && heap->host_visible ? "not used: a mapped window" : "not used";
}

static void print_heaps(const dsvk_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_heaps; i++) {
        const dsvk_heap *heap = &plan->heaps[i];
        printf("  heap %u %9.2f GiB %9.2f %s  %s\n", i, GIB(heap->size), GIB(heap->free),
               plan->has_budget ? "free" : "(free not known)", heap_use(heap));
    }
}

static void print_head(const struct plan_view *view)
{
    const dsvk_plan       *plan = view->plan;
    const dsvk_model_info *info = dsvk_model_describe(view->cli->model);
    printf("model    %s, %u layers, %s\n", info->architecture, plan->layers, info->number_formats);
    if (plan->has_device)
        printf("device   %.70s\n", dsvk_device_describe(view->cli->device)->name);
    else
        printf("device   none: a card of the usual kind, subgroups of 32, matrix units\n");
    print_heaps(plan);
    printf("context  %u tokens, %s latents; passes of at most %u, %s products\n",
           plan->context, view->cache, plan->chunk, plan->math_f16 ? "f16" : "f32");
}

static void print_ledger(const struct plan_view *view)
{
    const dsvk_plan *plan = view->plan;
    printf("\n%-30s %20s %12s\n", view->unified ? "unified memory" : "device memory", "bytes",
           "GiB");
    print_lines(view->device, view->n_device);
    print_bytes("in all", plan->device_bytes);
    if (plan->device_before)
        print_bytes("taken before", plan->device_before);
    if (plan->fits)
        print_bytes("margin", view->margin);
    else
        print_bytes("short of", view->shortfall);
    print_bytes("limit", plan->device_limit);
    printf("%s\n", view->unified ? "of the host, in the same heap" : "host memory");
    print_lines(view->host, view->n_host);
}

static void print_experts(const struct plan_view *view)
{
    const dsvk_plan *plan = view->plan;
    printf("\nlayers          %u, of which %u dense\n", plan->layers, plan->dense_layers);
    if (plan->experts == 0)
        return;
    uint32_t each = plan->experts / (plan->layers - plan->dense_layers);
    printf("experts         %u in a layer, %u in all, slots of %llu bytes\n", each, plan->experts,
           LLU(plan->expert_bytes));
    if (plan->experts_device == plan->experts) {
        printf("placement       all on the device\n");
        return;
    }
    printf("placement       %u on the device%s, %u in host memory, %u on the disk\n",
           plan->experts_device, plan->fits ? "" : " (the least)",
           plan->experts_host, plan->experts_disk);
    dsvk_plan_layer layer;
    uint32_t        last = plan->layers - 1;
    dsvk_model_plan_layer(&layer, view->cli->model, plan, last);
    printf("                layer %u: %u, %u, %u, and others alike\n", last, layer.experts_device,
           layer.experts_host, layer.experts_disk);
}

static void print_bounds(const struct plan_view *view)
{
    const dsvk_plan *plan = view->plan;
    bool all = plan->experts_device == plan->experts;
    if (plan->largest_context)
        printf("largest context %u tokens, in passes of at most %u%s\n", plan->largest_context,
               plan->largest_chunk, all ? "" : ", with fewer experts");
    else
        printf("largest context none fits\n");
    printf("least memory    %llu bytes\n", LLU(plan->least_bytes));
    printf("read per token  %llu bytes of weights, %llu of latents when the\n"
           "                context is full\n",
           LLU(plan->token_weights), LLU(plan->token_cache));
    if (view->bound > 0)
        printf("speed bound     %.1f tokens/s, %.1f when the context is full%s\n", view->bound,
               view->bound_full, all ? "" : ";\n                without bringing experts");
}

/* ---- the command ---- */

static int outcome(const struct plan_view *view)
{
    const dsvk_plan *plan = view->plan;
    if (plan->fits)
        return EXIT_DONE;
    bool        small = view->needed < (uint64_t)10 << 30;
    double      unit = small ? 1 << 20 : 1 << 30;
    const char *name = small ? "MiB" : "GiB";
    return cli_fail(view->cli,
                    "it does not fit: %.2f %s are needed, %.2f may be used, %.2f too few; the "
                    "least that works is --memory %llu",
                    (double)view->needed / unit, name, (double)plan->device_limit / unit,
                    (double)view->shortfall / unit, LLU(plan->least_bytes));
}

int command_plan(struct cli *cli)
{
    dsvk_plan        plan;
    struct plan_view view;
    int              code = cli_open_model(cli, PART_ALL);
    if (code == EXIT_DONE)
        code = open_device(cli);
    if (code == EXIT_DONE)
        code = make_plan(cli, &plan);
    if (code)
        return code;
    plan_view(&view, cli, &plan);
    if (cli->options.values[OPT_JSON].given) {
        code = plan_json(&view);
    } else {
        print_head(&view);
        print_ledger(&view);
        print_experts(&view);
        print_bounds(&view);
    }
    return code ? code : outcome(&view);
}
