/* SPDX-License-Identifier: MIT */
/* Any bytes as a safetensors file: no crash, no leak, and all tensors inside the bytes. */
#include <stdlib.h>

#include "file/safetensors.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct dv_context     ctx;
    struct dv_arena       arena;
    struct dv_tensor_list list     = { 0 };
    struct dv_file_map    file     = { .data = data, .bytes = bytes };
    char                  where[]  = "input";
    char                 *shards[] = { where };
    dv_context_init(&ctx, NULL, NULL);
    dv_arena_init(&arena, &ctx);
    if (dv_safetensors_parse(&list, &arena, where, &file, 0) == DSVK_OK &&
        dv_tensor_list_sort(&list, &arena, shards, NULL) == DSVK_OK)
        for (uint32_t i = 0; i < list.n; i++) {
            const struct dv_tensor_file *tensor = &list.tensors[i];
            if (tensor->data < data || tensor->bytes > bytes ||
                (size_t)(tensor->data - data) > bytes - tensor->bytes ||
                dv_tensor_list_find(&list, tensor->name) != tensor)
                abort();
        }
    dv_tensor_list_done(&list, &ctx);
    dv_arena_done(&arena);
    return 0;
}
