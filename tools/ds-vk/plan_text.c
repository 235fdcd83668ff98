/* SPDX-License-Identifier: MIT */
/* A plan for people: does it fit, what goes where, how fast. */
#include "plan.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

#define GIB(x) ((double)(x) / (1024.0 * 1024.0 * 1024.0))

/* ---- what is planned for ---- */

static const char *heap_use(const dsvk_heap *heap)
{
    if (heap->holds_device)
        return heap->holds_host ? "device and host, unified" : "weights, caches, activations";
    if (heap->holds_host)
        return "parameters, results, staging";
    return heap->device_local && heap->host_visible ? "not used: a mapped window" : "not used";
}

static void print_head(const struct plan_view *view)
{
    const dsvk_plan       *plan = view->plan;
    const dsvk_model_info *info = dsvk_model_describe(view->cli->model);
    printf("model     %s, %u layer%s, ", info->architecture, plan->layers, PLURAL(plan->layers));
    text_print(info->number_formats);
    if (plan->has_device) {
        char name[70]; /* what 80 columns have room for */
        snprintf(name, sizeof name, "%.69s", dsvk_device_describe(view->cli->device)->name);
        printf("\ndevice    ");
        text_print(name);
        printf("\n");
    } else {
        printf("\ndevice    none: a card of the usual kind, subgroups of 32, matrix units\n");
    }
    for (uint32_t i = 0; i < plan->n_heaps; i++) {
        const dsvk_heap *heap = &plan->heaps[i];
        printf("  heap %-2u %.2f GiB, %.2f %s: %s\n", i, GIB(heap->size), GIB(heap->free),
               plan->has_budget ? "free" : "(free not known)", heap_use(heap));
    }
    printf("session   %u token%s of context, %s latents,\n"
           "          passes of at most %u, %s products\n",
           plan->context, PLURAL(plan->context), view->cache, plan->chunk,
           plan->math_f16 ? "f16" : "f32");
}

/* ---- does it fit? ---- */

static void print_fit(const struct plan_view *view)
{
    const dsvk_plan  *plan    = view->plan;
    static const char fewer[] = ";\n                    with fewer experts on the device";
    bool              all     = plan->experts_device == plan->experts;
    char              a[TEXT_SIZE], b[TEXT_SIZE], c[TEXT_SIZE];
    printf("\nDoes it fit?\n");
    text_size(a, view->needed);
    text_size(b, plan->device_limit);
    if (plan->fits)
        printf("  yes               it takes %s of %s, %s are left\n", a, b,
               text_size(c, view->margin));
    else
        printf("  no                it needs %s of device memory, %s may be used\n", a, b);
    printf("  least memory      %s (--memory %" PRIu64 ")\n", text_size(a, plan->least_bytes),
           plan->least_bytes);
    if (plan->largest_context)
        printf("  largest context   %u tokens, in passes of at most %u%s\n", plan->largest_context,
               plan->largest_chunk, all ? "" : fewer);
    else
        printf("  largest context   none fits\n");
}

/* ---- what goes where? ---- */

static void print_bytes(const char *name, uint64_t bytes)
{
    printf("    %-28s %12.3f %20" PRIu64 "\n", name, GIB(bytes), bytes);
}

static void print_lines(const struct plan_line *lines, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (lines[i].bytes)
            print_bytes(lines[i].name, lines[i].bytes);
}

static void print_share(const char *where, uint32_t n, const dsvk_plan *plan, uint32_t moe_layers)
{
    printf("    %-18s %9u  %5.1f %%  about %.1f of %u in a layer\n", where, n,
           100.0 * n / plan->experts, (double)n / moe_layers, plan->experts / moe_layers);
}

static void print_experts(const struct plan_view *view)
{
    const dsvk_plan *plan       = view->plan;
    uint32_t         moe_layers = plan->layers - plan->dense_layers;
    char             each[TEXT_SIZE];
    if (plan->experts == 0 || moe_layers == 0)
        return;
    printf("  %u routed expert%s in %u layer%s, %s each%s\n", plan->experts, PLURAL(plan->experts),
           moe_layers, PLURAL(moe_layers), text_size(each, plan->expert_bytes),
           plan->fits ? "" : ", with the least memory");
    print_share("on the device", plan->experts_device, plan, moe_layers);
    if (plan->experts_device == plan->experts)
        return;
    print_share("in host memory", plan->experts_host, plan, moe_layers);
    print_share("on the disk", plan->experts_disk, plan, moe_layers);
}

static void print_places(const struct plan_view *view)
{
    const dsvk_plan *plan = view->plan;
    printf("\nWhat goes where?                          GiB                bytes\n");
    printf("  %s\n", view->unified ? "unified memory" : "device memory");
    print_lines(view->device, view->n_device);
    print_bytes("total", plan->device_bytes);
    if (plan->device_before)
        print_bytes("taken before", plan->device_before);
    print_bytes(plan->fits ? "left over" : "too few", plan->fits ? view->margin : view->shortfall);
    print_bytes("limit", plan->device_limit);
    printf("  %s\n", view->unified ? "of the host, in the same memory" : "host memory");
    print_lines(view->host, view->n_host);
    print_experts(view);
}

/* ---- how fast? ---- */

static void print_brought(const struct plan_view *view)
{
    char a[TEXT_SIZE], b[TEXT_SIZE];
    if (view->plan->experts_device == view->plan->experts)
        return;
    printf("  brought a token   %s from host memory, %s from the disk, where\n"
           "                    every expert is as likely as any other\n",
           text_size(a, view->token_host), text_size(b, view->token_disk));
    if (view->brought > 0)
        printf("  with these        about %.2f tokens/s at the given --bus and --disk\n",
               view->brought);
    else
        printf("                    (--bandwidth, --bus and --disk in GB/s give tokens/s)\n");
}

static void print_speed(const struct plan_view *view)
{
    const dsvk_plan *plan = view->plan;
    char             a[TEXT_SIZE], b[TEXT_SIZE];
    bool             all = plan->experts_device == plan->experts;
    printf("\nHow fast?\n");
    printf("  read a token      %s of weights, %s of latents when the\n"
           "                    context is full\n",
           text_size(a, plan->token_weights), text_size(b, plan->token_cache));
    if (view->bound > 0)
        printf("  speed bound       %.1f tokens/s, %.1f when the context is full%s\n", view->bound,
               view->bound_full, all ? "" : ";\n                    of the device alone");
    else if (all)
        printf("                    (--bandwidth in GB/s gives the bound on tokens/s)\n");
    print_brought(view);
}

void plan_text(const struct plan_view *view)
{
    print_head(view);
    print_fit(view);
    print_places(view);
    print_speed(view);
}
