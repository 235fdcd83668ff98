/* SPDX-License-Identifier: MIT */
/* Any bytes as a file of the pipeline cache: what is taken lies inside, and its header is the one
 * that we would write for it. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "vk/cache_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *file, size_t bytes)
{
    const unsigned char   *data;
    size_t                 n;
    struct dv_pipeline_key key = {
        .vendor = 0x1005, .device = 7, .driver = 13, .driver_version = 5
    };
    memcpy(key.uuid, "0123456789abcdef", sizeof key.uuid);
    const char *why = dv_cache_file_check(&data, &n, file, bytes, &key);
    if (why && (data || n != 0))
        abort();
    if (!why) {
        if (data != file + DV_CACHE_HEADER || n != bytes - DV_CACHE_HEADER)
            abort();
        unsigned char header[DV_CACHE_HEADER];
        dv_cache_file_header(header, data, n, &key);
        if (memcmp(header, file, sizeof header) != 0)
            abort();
    }
    return 0;
}
