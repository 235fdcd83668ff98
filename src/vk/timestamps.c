/* SPDX-License-Identifier: MIT */
#include "vk/commands.h"

#include <string.h>

static dsvk_status make_queries(struct dv_commands *commands, uint32_t slots)
{
    struct dv_device     *dev = commands->dev;
    dsvk_status           status;
    VkQueryPoolCreateInfo info = {
        .sType      = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType  = VK_QUERY_TYPE_TIMESTAMP,
        .queryCount = slots,
    };
    VkResult result = dev->vk.vkCreateQueryPool(dev->handle, &info, NULL, &commands->queries);
    TRY(dv_device_result(dev, result, "making a query pool"));
    commands->n_queries = slots;
    return DSVK_OK;
}

dsvk_status dv_commands_timestamp(struct dv_commands *commands, uint32_t slots, uint32_t i)
{
    struct dv_device *dev = commands->dev;
    dsvk_status       status;
    if (dev->caps.timestamp_ns <= 0)
        return DSVK_OK;
    TRY(dv_device_check(dev, "writing a timestamp"));
    if (!commands->queries)
        TRY(make_queries(commands, slots));
    if (i >= commands->n_queries)
        return dv_fail(dev->ctx, DSVK_BAD_ARGUMENT, "commands: timestamp %u of %u", i,
                       commands->n_queries);
    if (!commands->queries_reset)
        dev->vk.vkCmdResetQueryPool(commands->handle, commands->queries, 0, commands->n_queries);
    commands->queries_reset = true;
    dev->vk.vkCmdWriteTimestamp(commands->handle, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT,
                                commands->queries, i);
    return DSVK_OK;
}

dsvk_status dv_commands_read_timestamps(struct dv_commands *commands, uint32_t n, uint64_t *ns)
{
    struct dv_device *dev = commands->dev;
    dsvk_status       status;
    memset(ns, 0, n * sizeof *ns);
    if (dev->caps.timestamp_ns <= 0 || n == 0)
        return DSVK_OK;
    TRY(dv_device_check(dev, "reading timestamps"));
    if (n > commands->n_queries)
        return dv_fail(dev->ctx, DSVK_BAD_ARGUMENT, "commands: %u timestamps of %u", n,
                       commands->n_queries);
    /* Never asks the driver to wait: on a lost device it would do so for ever. */
    VkResult result =
        dev->vk.vkGetQueryPoolResults(dev->handle, commands->queries, 0, n, n * sizeof *ns, ns,
                                      sizeof *ns, VK_QUERY_RESULT_64_BIT);
    TRY(dv_device_result(dev, result, "reading timestamps"));
    for (uint32_t i = 0; i < n; i++)
        ns[i] = (uint64_t)((double)ns[i] * (double)dev->caps.timestamp_ns);
    return DSVK_OK;
}
