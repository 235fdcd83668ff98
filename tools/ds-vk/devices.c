/* SPDX-License-Identifier: MIT */
/* `ds-vk devices`: what each Vulkan device offers and what is missing for speed. It opens no
 * device, so it also lists those that the engine would refuse. */
#include "json.h"
#include "text.h"

#include <stdio.h>

static const char *type(const dsvk_device_info *info)
{
    return info->software ? "software" : info->integrated ? "integrated" : "discrete";
}

static json_t *describe(const dsvk_device_info *info, uint32_t index)
{
    json_t *device = json_pack(
        "{s:i, s:o, s:o, s:o, s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:b}", "index", (int)index, "name",
        json_text(info->name), "vendor", json_text(info->vendor), "driver", json_text(info->driver),
        "uuid", json_text(info->uuid), "api_version", json_text(info->api), "type", type(info),
        "usable", info->usable, "why_not", info->usable ? json_null() : json_text(info->why_not),
        "memory_total", json_count(info->memory_total), "memory_free",
        json_count(info->memory_free), "unified_memory", info->unified_memory);
    json_t *shape =
        json_pack("{s:o, s:o, s:o, s:o, s:o}", "subgroup_size", json_count(info->subgroup),
                  "subgroup_min", json_count(info->subgroup_min), "subgroup_max",
                  json_count(info->subgroup_max), "max_workgroup", json_count(info->max_workgroup),
                  "shared_bytes", json_count(info->shared_bytes));
    json_t *capabilities =
        json_pack("{s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "slow_driver", info->slow,
                  "cooperative_matrix", info->cooperative_matrix, "float8", info->float8,
                  "bfloat16", info->bfloat16, "float16", info->float16, "int64", info->int64,
                  "integer_dot", info->integer_dot, "host_import", info->host_import);
    json_object_update(device, shape);
    json_object_update(device, capabilities);
    json_decref(shape);
    json_decref(capabilities);
    return device;
}

static int print_json(struct cli *cli, const dsvk_device_info *list, uint32_t n)
{
    json_t *devices = json_array();
    for (uint32_t i = 0; i < n; i++)
        json_array_append_new(devices, describe(&list[i], i));
    return json_print(cli, json_pack("{s:o}", "devices", devices));
}

struct capability {
    const char *name;
    bool        there;
    bool        of_matrices; /* of use with cooperative matrices only */
    const char *cost;        /* of lacking it; NULL: none yet */
};

/* What is missing is said with what that costs. */
static void print_capabilities(const dsvk_device_info *info)
{
    const struct capability all[] = {
        { "cooperative matrix", info->cooperative_matrix, false,
          "no matrix units, prompts take longer" },
        { "float8", info->float8, true, "matrix units get FP8 weights widened" },
        { "bfloat16", info->bfloat16, true, "matrix units take float16 instead" },
        { "float16", info->float16, false, "products are of float32 numbers" },
        { "int64", info->int64, false, "addresses are put together, a little slower" },
        { "integer dot", info->integer_dot, false, NULL },
        { "host import", info->host_import, false, NULL },
    };
    const char *between = "";
    printf("   uses         ");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].there)
            printf("%s%s", between, all[i].name);
        between = all[i].there ? ", " : between;
    }
    puts(*between ? "" : "nothing optional");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!all[i].there && all[i].cost && (info->cooperative_matrix || !all[i].of_matrices))
            printf("   lacks        %s: %s\n", all[i].name, all[i].cost);
}

static void line(const char *name, const char *value)
{
    printf("   %-12s ", name);
    text_print(value);
    putchar('\n');
}

static void print_text(const dsvk_device_info *info, uint32_t index)
{
    char total[TEXT_SIZE], left[TEXT_SIZE], shared[TEXT_SIZE];
    printf("%u: ", index);
    text_print(info->name);
    puts(info->usable ? "" : " (not usable)");
    if (!info->usable)
        line("why not", info->why_not);
    line("vendor", info->vendor);
    line("driver", info->driver);
    if (info->slow)
        line("", SLOW_DRIVER);
    printf("   type         %s, Vulkan %s\n", type(info), info->api);
    line("uuid", info->uuid);
    printf("   memory       %s, %s free%s\n", text_size_short(total, info->memory_total),
           text_size_short(left, info->memory_free), info->unified_memory ? ", unified" : "");
    printf("   subgroup     %u (%u to %u), workgroup %u, %s shared\n", info->subgroup,
           info->subgroup_min, info->subgroup_max, info->max_workgroup,
           text_size_short(shared, info->shared_bytes));
    print_capabilities(info);
}

int command_devices(struct cli *cli)
{
    dsvk_device_info *list;
    uint32_t          n;
    dsvk_log          log = log_sink(&cli->log);
    int code = cli_status(cli, dsvk_device_list(&list, &n, &log, NULL), "listing devices");
    if (code)
        return code;
    if (cli->options.values[OPT_JSON].given) {
        code = print_json(cli, list, n);
    } else {
        for (uint32_t i = 0; i < n; i++)
            print_text(&list[i], i);
    }
    dsvk_device_list_free(list, NULL);
    return code;
}
