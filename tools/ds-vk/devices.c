/* SPDX-License-Identifier: MIT */
#include "json.h"

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
    json_t *capabilities = json_pack(
        "{s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "cooperative_matrix", info->cooperative_matrix,
        "float8", info->float8, "bfloat16", info->bfloat16, "float16", info->float16, "int64",
        info->int64, "integer_dot", info->integer_dot, "host_import", info->host_import);
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

static void print_capabilities(const dsvk_device_info *info)
{
    const struct {
        const char *name;
        bool        there;
    } all[] = {
        { "cooperative matrix", info->cooperative_matrix },
        { "float8", info->float8 },
        { "bfloat16", info->bfloat16 },
        { "float16", info->float16 },
        { "int64", info->int64 },
        { "integer dot", info->integer_dot },
        { "host import", info->host_import },
    };
    const char *between = "";
    printf("   uses         ");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].there)
            printf("%s%s", between, all[i].name);
        between = all[i].there ? ", " : between;
    }
    puts(*between ? "" : "nothing optional");
}

static void print_text(const dsvk_device_info *info, uint32_t index)
{
    printf("%u: %s%s\n", index, info->name, info->usable ? "" : " (not usable)");
    if (!info->usable)
        printf("   why not      %s\n", info->why_not);
    printf("   vendor       %s\n   driver       %s\n   type         %s, Vulkan %s\n", info->vendor,
           info->driver, type(info), info->api);
    printf("   uuid         %s\n", info->uuid);
    printf("   memory       %llu bytes, %llu free%s\n", (unsigned long long)info->memory_total,
           (unsigned long long)info->memory_free, info->unified_memory ? ", unified" : "");
    printf("   subgroup     %u (%u to %u), workgroup %u, %u bytes shared\n", info->subgroup,
           info->subgroup_min, info->subgroup_max, info->max_workgroup, info->shared_bytes);
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
