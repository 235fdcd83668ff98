/* SPDX-License-Identifier: MIT */
/* What a program that knows only what is installed does without a device, in C and in C++: opens a
 * model, plans it, and takes a conversation apart. */
#include <dsvk/dsvk.h>

#include <stdio.h>
#include <string.h>

static int failed(const char *what, dsvk_status status)
{
    printf("%s: %s\n", what, dsvk_status_text(status));
    return 1;
}

static int use(const dsvk_model *model)
{
    dsvk_plan_params params;
    dsvk_plan        plan;
    dsvk_message     message;
    uint32_t        *ids;
    size_t           n;
    memset(&params, 0, sizeof params);
    params.memory_limit = (uint64_t)1 << 30;
    dsvk_status status  = dsvk_model_plan(&plan, model, NULL, &params);
    if (status != DSVK_OK || !plan.fits)
        return failed("plan", status);
    memset(&message, 0, sizeof message);
    message.role = "user";
    message.text = "What is MLA?";
    status       = dsvk_model_chat(model, &message, 1, NULL, &ids, &n);
    if (status != DSVK_OK)
        return failed("chat", status);
    printf("%s %s %u layers %u tokens %s\n", dsvk_version(),
           dsvk_model_describe(model)->architecture, (unsigned)dsvk_model_describe(model)->layers,
           (unsigned)n, plan.device_bytes > 0 ? "fits" : "");
    dsvk_model_free_memory(model, ids);
    return 0;
}

int main(int argc, char **argv)
{
    dsvk_model_params params;
    dsvk_model       *model;
    memset(&params, 0, sizeof params);
    params.folder      = argc > 1 ? argv[1] : ".";
    dsvk_status status = dsvk_model_open(&model, &params);
    if (status != DSVK_OK)
        return failed("open", status);
    int result = use(model);
    dsvk_model_close(model);
    return result;
}
