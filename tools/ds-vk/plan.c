/* SPDX-License-Identifier: MIT */
/* `ds-vk plan`: asks the library what a run would take in memory and gathers it into a view that
 * plan_text.c and plan_json.c print. It computes no size itself, since only the planner's sizes
 * are those that loading allocates. */
#include "plan.h"
#include "text.h"

#include <string.h>

/* ---- what is planned for ---- */

static dsvk_status open_with(struct cli *cli, const dsvk_log *log)
{
    const struct option_value *values = cli->options.values;
    dsvk_device_params         params = { .which        = values[OPT_DEVICE].text,
                                          .memory_limit = values[OPT_MEMORY].count,
                                          .log          = *log };
    return dsvk_device_open(&cli->device, &params);
}

/* The chosen device. With --memory a plan needs none: --device none asks for that, and it is taken
 * where there is no other. */
static int open_device(struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    const char                *which  = values[OPT_DEVICE].text;
    dsvk_log                   silent = { 0 }, log = log_sink(&cli->log);
    bool                       given = values[OPT_MEMORY].given;
    if (which && strcmp(which, "none") == 0)
        return given ? EXIT_DONE : cli_usage(cli, "--device none goes with --memory SIZE");
    if (!which && given && open_with(cli, &silent) == DSVK_NO_DEVICE) {
        log_note(&cli->log, "no Vulkan device; planned for a card of the usual kind");
        return EXIT_DONE;
    }
    int code =
        cli->device ? EXIT_DONE : cli_status(cli, open_with(cli, &log), "opening the device");
    if (code)
        return code;
    const dsvk_device_info *info = dsvk_device_describe(cli->device);
    if (info->software && !which)
        log_note(&cli->log, "no GPU was found; planned for the software device %s", info->name);
    return EXIT_DONE;
}

static int make_plan(struct cli *cli, dsvk_plan *plan)
{
    dsvk_plan_params params = cli_plan_params(cli, (uint32_t)cli->options.values[OPT_CTX].count);
    return cli_status(cli, dsvk_model_plan(plan, cli->model, cli->device, &params), "planning");
}

/* ---- lines, for text and JSON ---- */

static size_t list_device(const dsvk_plan *plan, struct plan_line lines[PLAN_LINES])
{
    const dsvk_plan_bytes *b     = &plan->device;
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

/* A token wants top_k experts in every layer that has some. Where all are as likely, the share of
 * them that lies elsewhere is brought, which takes its time before they can be read. */
static void view_speed(struct plan_view *view, const struct option_value *values)
{
    const dsvk_plan *plan   = view->plan;
    double           device = values[OPT_BANDWIDTH].real * 1e9, bus = values[OPT_BUS].real * 1e9;
    double           disk = values[OPT_DISK].real * 1e9, seconds;
    if (device > 0) {
        view->bound      = device / (double)plan->token_weights;
        view->bound_full = device / (double)(plan->token_weights + plan->token_cache);
    }
    if (plan->experts == 0)
        return;
    double wanted = (double)(plan->layers - plan->dense_layers) *
                    dsvk_model_describe(view->cli->model)->top_k / plan->experts;
    double host_bytes = wanted * plan->experts_host * (double)plan->expert_bytes;
    double disk_bytes = wanted * plan->experts_disk * (double)plan->expert_bytes;
    view->token_host  = (uint64_t)host_bytes;
    view->token_disk  = (uint64_t)disk_bytes;
    if (device <= 0 || bus <= 0 || (disk <= 0 && disk_bytes > 0) || host_bytes + disk_bytes <= 0)
        return;
    seconds = (host_bytes + disk_bytes) / bus;
    if (disk_bytes > 0 && disk_bytes / disk > seconds)
        seconds = disk_bytes / disk; /* what comes from the disk crosses the bus meanwhile */
    view->brought = 1 / (seconds + (double)plan->token_weights / device);
}

void plan_view(struct plan_view *view, struct cli *cli, const dsvk_plan *plan)
{
    const struct option_value *values = cli->options.values;
    *view                             = (struct plan_view){ .cli = cli, .plan = plan };
    view->n_device                    = list_device(plan, view->device);
    view->n_host                      = list_host(plan, view->host);
    view->needed                      = plan->device_before + plan->device_bytes;
    view->margin = view->needed < plan->device_limit ? plan->device_limit - view->needed : 0;
    if (!plan->fits) /* scoring takes more than what is listed, and must fit too */
        view->needed = plan->least_bytes;
    view->shortfall = view->needed > plan->device_limit ? view->needed - plan->device_limit : 0;
    view->cache     = values[OPT_CACHE].given ? values[OPT_CACHE].text : "bf16";
    for (uint32_t i = 0; i < plan->n_heaps; i++)
        view->unified |= plan->heaps[i].holds_device && plan->heaps[i].holds_host;
    view_speed(view, values);
}

/* ---- the command ---- */

static int outcome(const struct plan_view *view)
{
    const dsvk_plan *plan = view->plan;
    if (plan->fits)
        return EXIT_DONE;
    char needed[TEXT_SIZE], may[TEXT_SIZE];
    text_size_pair(needed, view->needed, may, plan->device_limit);
    return cli_fail(view->cli,
                    "it does not fit: it needs %s of device memory, %s may be used; the least "
                    "that works is --memory %llu",
                    needed, may, (unsigned long long)plan->least_bytes);
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
        plan_text(&view);
    }
    return code ? code : outcome(&view);
}
