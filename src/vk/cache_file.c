/* SPDX-License-Identifier: MIT */
/* The driver's pipeline cache in a file. What is read back may be damaged or of another driver,
 * so a header of our own with a checksum stands before the driver's data; a bad file costs time
 * and never a run. */
#include "vk/cache_file.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "os/os.h"
#include "os/place.h"

#define VERSION 1u
#define DRIVER_HEADER 32 /* VkPipelineCacheHeaderVersionOne */
#define ENDING ".pipelines"

static const char magic[8] = { 'd', 's', '-', 'v', 'k', 'p', 'i', 'p' };

/* Where the header's fields begin, little-endian. */
enum {
    AT_MAGIC          = 0,
    AT_VERSION        = 8,
    AT_HEADER         = 12, /* bytes of the header */
    AT_VENDOR         = 16,
    AT_DEVICE         = 20,
    AT_DRIVER         = 24,
    AT_DRIVER_VERSION = 28,
    AT_UUID           = 32,
    AT_POINTER        = 48, /* bytes of a pointer: drivers of both widths may share a folder */
    AT_ZERO           = 52,
    AT_BYTES          = 56, /* of the data */
    AT_SUM            = 64, /* of the data */
    AT_OWN_SUM        = 72, /* of the header up to here */
};

struct dv_cache_file {
    char     folder[DV_PATH_BYTES], path[DV_PATH_BYTES];
    uint64_t sum; /* of the data that were read; 0: none */
    size_t   n;
    char     reason[256]; /* why the last file operation failed */
};

/* ---- the header ---- */

static uint64_t sum_of(const void *data, size_t n)
{
    const unsigned char *bytes = data;
    uint64_t             sum   = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    return sum;
}

void dv_cache_file_header(unsigned char header[DV_CACHE_HEADER], const void *data, size_t n,
                          const struct dv_pipeline_key *key)
{
    memset(header, 0, DV_CACHE_HEADER);
    memcpy(header + AT_MAGIC, magic, sizeof magic);
    dv_put_bytes(header + AT_VERSION, VERSION, 4);
    dv_put_bytes(header + AT_HEADER, DV_CACHE_HEADER, 4);
    dv_put_bytes(header + AT_VENDOR, key->vendor, 4);
    dv_put_bytes(header + AT_DEVICE, key->device, 4);
    dv_put_bytes(header + AT_DRIVER, key->driver, 4);
    dv_put_bytes(header + AT_DRIVER_VERSION, key->driver_version, 4);
    memcpy(header + AT_UUID, key->uuid, sizeof key->uuid);
    dv_put_bytes(header + AT_POINTER, sizeof(void *), 4);
    dv_put_bytes(header + AT_BYTES, n, 8);
    dv_put_bytes(header + AT_SUM, sum_of(data, n), 8);
    dv_put_bytes(header + AT_OWN_SUM, sum_of(header, AT_OWN_SUM), 8);
}

/* The driver looks at this too, but not every driver does so with care. */
static bool is_for_driver(const unsigned char *data, size_t n, const struct dv_pipeline_key *key)
{
    return n >= DRIVER_HEADER && dv_get_bytes(data, 4) >= DRIVER_HEADER &&
           dv_get_bytes(data, 4) <= n &&
           dv_get_bytes(data + 4, 4) == VK_PIPELINE_CACHE_HEADER_VERSION_ONE &&
           dv_get_bytes(data + 8, 4) == key->vendor && dv_get_bytes(data + 12, 4) == key->device &&
           memcmp(data + 16, key->uuid, sizeof key->uuid) == 0;
}

const char *dv_cache_file_check(const unsigned char **data, size_t *n, const void *file,
                                size_t bytes, const struct dv_pipeline_key *key)
{
    const unsigned char *header = file;
    unsigned char        wanted[DV_CACHE_HEADER];
    *data = NULL;
    *n    = 0;
    if (bytes < DV_CACHE_HEADER)
        return "it is shorter than its header";
    if (memcmp(header + AT_MAGIC, magic, sizeof magic) != 0)
        return "it is no pipeline cache of ds-vk";
    if (dv_get_bytes(header + AT_VERSION, 4) != VERSION ||
        dv_get_bytes(header + AT_HEADER, 4) != DV_CACHE_HEADER)
        return "it is of another version of ds-vk";
    if (dv_get_bytes(header + AT_OWN_SUM, 8) != sum_of(header, AT_OWN_SUM))
        return "its header was altered";
    if (dv_get_bytes(header + AT_BYTES, 8) != bytes - DV_CACHE_HEADER)
        return "its length is not what its header says";
    dv_cache_file_header(wanted, header + DV_CACHE_HEADER, bytes - DV_CACHE_HEADER, key);
    if (memcmp(wanted + AT_VENDOR, header + AT_VENDOR, AT_BYTES - AT_VENDOR) != 0)
        return "it is for another device or driver";
    if (memcmp(wanted, header, DV_CACHE_HEADER) != 0)
        return "its data were altered";
    if (!is_for_driver(header + DV_CACHE_HEADER, bytes - DV_CACHE_HEADER, key))
        return "its data are not for this driver";
    *data = header + DV_CACHE_HEADER;
    *n    = bytes - DV_CACHE_HEADER;
    return NULL;
}

size_t dv_cache_file_name(char name[DV_CACHE_NAME], const struct dv_pipeline_key *key)
{
    size_t at =
        (size_t)snprintf(name, DV_CACHE_NAME, "%x-%x-%x-", key->vendor, key->device, key->driver);
    size_t prefix = at;
    at += (size_t)snprintf(name + at, DV_CACHE_NAME - at, "%x-", key->driver_version);
    for (size_t i = 0; i < sizeof key->uuid; i++)
        at += (size_t)snprintf(name + at, DV_CACHE_NAME - at, "%02x", key->uuid[i]);
    snprintf(name + at, DV_CACHE_NAME - at, ENDING);
    return prefix;
}

/* ---- reading ---- */

static void keep_reason(void *user, dsvk_log_level level, const char *line)
{
    struct dv_cache_file *file = user;
    (void)level;
    snprintf(file->reason, sizeof file->reason, "%s", line);
}

/* Files that cannot be read or written are no error of the device: their lines are kept, and told
 * as information. */
static struct dv_context aside(const struct dv_device *dev)
{
    return (struct dv_context){ .log       = { keep_reason, dev->cache_file, DSVK_LOG_ERROR },
                                .allocator = dev->ctx->allocator };
}

static dsvk_status set_cache(struct dv_device *dev, const unsigned char *data, size_t n)
{
    VkPipelineCacheCreateInfo info = { .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                       .initialDataSize = n,
                                       .pInitialData    = data };
    VkPipelineCache           cache;
    VkResult result = dev->vk.vkCreatePipelineCache(dev->handle, &info, NULL, &cache);
    if (result != VK_SUCCESS)
        return dv_device_result(dev, result, "filling the pipeline cache");
    dev->vk.vkDestroyPipelineCache(dev->handle, dev->cache, NULL);
    dev->cache           = cache;
    dev->cache_file->n   = n;
    dev->cache_file->sum = sum_of(data, n);
    return DSVK_OK;
}

static dsvk_status read_file(struct dv_device *dev)
{
    struct dv_cache_file *file  = dev->cache_file;
    struct dv_context     quiet = aside(dev);
    const unsigned char  *data;
    char                 *text;
    size_t                bytes, n;
    if (!dv_file_exists(file->path))
        return DSVK_OK;
    dsvk_status status =
        dv_file_read(&text, &bytes, &quiet, file->path, DV_CACHE_LIMIT + DV_CACHE_HEADER);
    if (status == DSVK_NO_MEMORY)
        return dv_fail(dev->ctx, status, "pipeline cache: %s", file->reason);
    if (status != DSVK_OK) {
        dv_log(dev->ctx, DSVK_LOG_INFO, "pipeline cache: not read: %s", file->reason);
        return DSVK_OK;
    }
    const char *why = dv_cache_file_check(&data, &n, text, bytes, &dev->key);
    if (why)
        dv_log(dev->ctx, DSVK_LOG_INFO, "pipeline cache: %s: ignored, %s", file->path, why);
    else
        status = set_cache(dev, data, n);
    dv_free(dev->ctx, text);
    return status;
}

dsvk_status dv_cache_file_read(struct dv_device *dev)
{
    struct dv_cache_file *file = dev->cache_file;
    char                  name[DV_CACHE_NAME];
    dv_cache_file_name(name, &dev->key);
    file->n   = 0;
    file->sum = 0;
    if (dv_place_join(file->path, file->folder, name))
        return read_file(dev);
    dv_log(dev->ctx, DSVK_LOG_INFO, "pipeline cache: the folder's name is too long");
    dv_cache_file_free(dev);
    return DSVK_OK;
}

dsvk_status dv_device_keep_pipelines(struct dv_device *dev, const char *folder)
{
    dsvk_status           status;
    struct dv_cache_file *file = dv_zalloc(dev->ctx, sizeof *file);
    if (!file)
        return dv_fail(dev->ctx, DSVK_NO_MEMORY, "pipeline cache: no memory for its name");
    size_t n = strlen(folder), most = sizeof file->folder - 1;
    memcpy(file->folder, folder, n < most ? n : most); /* then no path fits either */
    dev->cache_file = file;
    status          = dv_cache_file_read(dev);
    if (status != DSVK_OK)
        dv_cache_file_free(dev);
    return status;
}

/* ---- writing ---- */

struct stale {
    struct dv_cache_file *file;
    char                  name[DV_CACHE_NAME]; /* that is kept */
    size_t                prefix;
};

/* Of this device and driver, but of another version. */
static dsvk_status remove_stale(void *user, const char *name)
{
    struct stale *stale = user;
    char          path[DV_PATH_BYTES];
    if (!dv_text_ends(name, ENDING) || strncmp(name, stale->name, stale->prefix) != 0 ||
        strcmp(name, stale->name) == 0)
        return DSVK_OK;
    if (dv_place_join(path, stale->file->folder, name))
        dv_file_remove(path);
    return DSVK_OK;
}

static void write_file(struct dv_device *dev, const unsigned char *whole, size_t n)
{
    struct dv_cache_file *file   = dev->cache_file;
    struct dv_context     quiet  = aside(dev);
    dsvk_status           status = dv_folder_make(&quiet, file->folder, true);
    struct stale          stale  = { .file = file };
    if (status == DSVK_OK)
        status = dv_file_replace(&quiet, file->path, whole, DV_CACHE_HEADER + n);
    if (status != DSVK_OK) {
        dv_log(dev->ctx, DSVK_LOG_INFO, "pipeline cache: not written: %s", file->reason);
        return;
    }
    dv_log(dev->ctx, DSVK_LOG_DEBUG, "pipeline cache: %s: %zu bytes written", file->path, n);
    stale.prefix = dv_cache_file_name(stale.name, &dev->key);
    dv_folder_list(&quiet, file->folder, remove_stale, &stale);
}

void dv_cache_file_save(struct dv_device *dev)
{
    struct dv_cache_file *file  = dev->cache_file;
    unsigned char        *whole = NULL;
    size_t                n     = 0;
    if (!file || dev->lost || !dev->pipelines)
        return;
    VkResult result = dev->vk.vkGetPipelineCacheData(dev->handle, dev->cache, &n, NULL);
    /* Some drivers, those on the CPU among them, have no more to say than their header. */
    if (result == VK_SUCCESS && n > DRIVER_HEADER && n <= DV_CACHE_LIMIT)
        whole = dv_alloc(dev->ctx, DV_CACHE_HEADER + n);
    if (whole)
        result =
            dev->vk.vkGetPipelineCacheData(dev->handle, dev->cache, &n, whole + DV_CACHE_HEADER);
    if (!whole || result != VK_SUCCESS)
        dv_log(dev->ctx, DSVK_LOG_DEBUG, "pipeline cache: %zu bytes are not kept", n);
    else if (!is_for_driver(whole + DV_CACHE_HEADER, n, &dev->key)) /* seen: half a header */
        dv_log(dev->ctx, DSVK_LOG_DEBUG, "pipeline cache: the driver's data are not well-formed");
    else if (n != file->n || sum_of(whole + DV_CACHE_HEADER, n) != file->sum) {
        dv_cache_file_header(whole, whole + DV_CACHE_HEADER, n, &dev->key);
        write_file(dev, whole, n);
    }
    dv_free(dev->ctx, whole);
}

void dv_cache_file_free(struct dv_device *dev)
{
    dv_free(dev->ctx, dev->cache_file);
    dev->cache_file = NULL;
}
