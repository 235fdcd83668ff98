/* SPDX-License-Identifier: MIT */
/* `ds-vk inspect`: describes a checkpoint as text or JSON. It reads headers only, never the data
 * of a tensor. */
#include "json.h"
#include "text.h"

#include <stdio.h>

/* ---- JSON ---- */

struct field {
    const char *name;
    uint64_t    value;
};

static void add_counts(json_t *object, const struct field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++)
        json_object_set_new(object, fields[i].name, json_count(fields[i].value));
}

static json_t *describe(const dsvk_model_info *info)
{
    const struct field counts[] = {
        { "layers", info->layers },
        { "dense_layers", info->dense_layers },
        { "hidden", info->hidden },
        { "heads", info->heads },
        { "vocab", info->vocab },
        { "q_lora", info->q_lora },
        { "kv_lora", info->kv_lora },
        { "nope", info->nope },
        { "rope", info->rope },
        { "v_head", info->v_head },
        { "dense_ffn", info->dense_ffn },
        { "expert_ffn", info->expert_ffn },
        { "experts", info->experts },
        { "shared_experts", info->shared_experts },
        { "top_k", info->top_k },
        { "groups", info->groups },
        { "top_k_groups", info->top_k_groups },
        { "mtp_layers", info->mtp_layers },
        { "max_context", info->max_context },
        { "parameters", info->parameters },
        { "active_parameters", info->active_parameters },
        { "bytes", info->bytes },
        { "tensors", info->tensors },
        { "shards", info->shards },
        { "tokenizer_size", info->tokenizer_size },
        { "latent_bytes_per_token", info->latent_bytes },
    };
    json_t *object = json_pack("{s:o}", "architecture", json_text(info->architecture));
    add_counts(object, counts, sizeof counts / sizeof *counts);
    json_object_set_new(object, "routing", json_text(info->routing));
    json_object_set_new(object, "number_formats", json_text(info->number_formats));
    json_object_set_new(object, "chat_format", json_text(info->chat_format));
    json_object_set_new(object, "generation",
                        json_pack("{s:b, s:f, s:f, s:i}", "do_sample", info->do_sample,
                                  "temperature", (double)info->temperature, "top_p",
                                  (double)info->top_p, "top_k", (int)info->gen_top_k));
    return object;
}

static json_t *describe_tensors(const dsvk_model *model)
{
    json_t          *list = json_array();
    dsvk_tensor_info tensor;
    for (uint32_t i = 0; dsvk_model_tensor(model, i, &tensor); i++) {
        json_t *shape = json_array();
        for (uint32_t d = 0; d < tensor.n_dims; d++)
            json_array_append_new(shape, json_count(tensor.dims[d]));
        json_array_append_new(list,
                              json_pack("{s:o, s:o, s:o, s:o}", "name", json_text(tensor.name),
                                        "dtype", json_text(tensor.dtype), "shape", shape, "bytes",
                                        json_count(tensor.bytes)));
    }
    return list;
}

/* ---- text ---- */

#define LLU(x) ((unsigned long long)(x))

static void print_experts(const dsvk_model_info *info)
{
    if (info->experts == 0) {
        printf("experts         none\n");
        return;
    }
    printf("experts         %u, top %u, %u shared", info->experts, info->top_k,
           info->shared_experts);
    if (info->groups > 1)
        printf("; %u groups, top %u", info->groups, info->top_k_groups);
    printf("\nrouting         %s\n", info->routing);
}

static void print_shape(const dsvk_model_info *info)
{
    printf("architecture    ");
    text_print(info->architecture);
    printf("\nlayers          %u, of which %u dense", info->layers, info->dense_layers);
    if (info->mtp_layers)
        printf("; %u for multi-token prediction", info->mtp_layers);
    printf("\nhidden          %u\n", info->hidden);
    printf("heads           %u (nope %u, rope %u, value %u)\n", info->heads, info->nope, info->rope,
           info->v_head);
    printf("latent          %u, ", info->kv_lora);
    if (info->q_lora)
        printf("query %u", info->q_lora);
    else
        printf("query not compressed");
    printf("; %llu bytes a token in the bf16 cache\n", LLU(info->latent_bytes));
    printf("feed forward    %u dense, %u an expert\n", info->dense_ffn, info->expert_ffn);
    print_experts(info);
    printf("vocabulary      %u\ncontext         %u\n", info->vocab, info->max_context);
}

static void print_files(const dsvk_model_info *info)
{
    char all[TEXT_SIZE], active[TEXT_SIZE], size[TEXT_SIZE];
    printf("parameters      %s, %s active a token\n", text_count(all, info->parameters),
           text_count(active, info->active_parameters));
    if (info->tensors)
        printf("tensors         %u in %u file%s, %s\n", info->tensors, info->shards,
               PLURAL(info->shards), text_size_short(size, info->bytes));
    else
        printf("tensors         none, a shape alone\n");
    printf("formats         %s\n", info->number_formats);
    if (info->tokenizer_size)
        printf("tokenizer       %u ids\n", info->tokenizer_size);
    else
        printf("tokenizer       none\n");
    printf("chat format     %s\n", info->chat_format);
    if (info->do_sample)
        printf("generation      temperature %g, top-p %g, top-k %u\n", info->temperature,
               info->top_p, info->gen_top_k);
    else
        printf("generation      greedy\n");
}

static void print_tensors(const dsvk_model *model)
{
    dsvk_tensor_info tensor;
    putchar('\n');
    for (uint32_t i = 0; dsvk_model_tensor(model, i, &tensor); i++) {
        text_print(tensor.name);
        putchar(' ');
        text_print(tensor.dtype);
        printf(" [");
        for (uint32_t d = 0; d < tensor.n_dims; d++)
            printf("%s%llu", d ? ", " : "", LLU(tensor.dims[d]));
        printf("] %llu\n", LLU(tensor.bytes));
    }
}

int command_inspect(struct cli *cli)
{
    struct option_value *values = cli->options.values;
    if (cli->options.n_arguments > 0 && values[OPT_MODEL].given)
        return cli_usage(cli, "the folder is given twice");
    if (cli->options.n_arguments > 0)
        values[OPT_MODEL].text = cli->options.arguments[0];
    int code = cli_open_model(cli, PART_ALL);
    if (code)
        return code;
    const dsvk_model_info *info = dsvk_model_describe(cli->model);
    if (values[OPT_JSON].given) {
        json_t *object = describe(info);
        if (values[OPT_TENSORS].given)
            json_object_set_new(object, "tensor_list", describe_tensors(cli->model));
        return json_print(cli, object);
    }
    print_shape(info);
    print_files(info);
    if (values[OPT_TENSORS].given)
        print_tensors(cli->model);
    return EXIT_DONE;
}
