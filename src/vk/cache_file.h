/* SPDX-License-Identifier: MIT */
/* A driver's pipeline cache data in a file of ours. The header around them says for which device
 * and driver they are, how many they are and what their sum is, so that a truncated, altered or
 * foreign file never reaches the driver, which may trust what it reads.
 *
 * The file's name is made of the device and the driver, so that a driver finds its own data again
 * and what an older version left can be removed. */
#ifndef DV_VK_CACHE_FILE_H
#define DV_VK_CACHE_FILE_H

#include "vk/device.h"

#define DV_CACHE_HEADER 80                /* bytes before the driver's data */
#define DV_CACHE_LIMIT ((size_t)64 << 20) /* bytes of data that are kept at most */
#define DV_CACHE_NAME 96                  /* room for a file's name */

/* NULL, with the data of the file at *data; or one clause that says why they are not taken. */
const char *dv_cache_file_check(const unsigned char **data, size_t *n, const void *file,
                                size_t bytes, const struct dv_pipeline_key *key);
/* The header for n bytes of data. */
void dv_cache_file_header(unsigned char header[DV_CACHE_HEADER], const void *data, size_t n,
                          const struct dv_pipeline_key *key);
/* "10005-0-14-0-<uuid>.pipelines"; returns the length of the part before the driver's version. */
size_t dv_cache_file_name(char name[DV_CACHE_NAME], const struct dv_pipeline_key *key);

/* Fills dev->cache from the file of dev->key in the folder that the device keeps, when the device
 * was opened or opened again. Failures are those of dv_device_keep_pipelines(). */
dsvk_status dv_cache_file_read(struct dv_device *dev);
/* Both for dv_device_free. */
void dv_cache_file_save(struct dv_device *dev);
void dv_cache_file_free(struct dv_device *dev);

#endif
