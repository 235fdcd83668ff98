/* SPDX-License-Identifier: MIT */
/* Choosing a device by what a person wrote. */
#include "vk/vk.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define LIST_BYTES 768

static bool is_index(const char *text, uint32_t limit, uint32_t *index)
{
    uint32_t value = 0;
    for (const char *c = text; *c; c++) {
        if (!isdigit((unsigned char)*c) || value >= limit)
            return false;
        value = value * 10 + (uint32_t)(*c - '0');
    }
    *index = value;
    return value < limit;
}

/* 32 hexadecimal digits, dashes anywhere between them. */
static bool is_uuid(const char *text, const uint8_t uuid[VK_UUID_SIZE])
{
    size_t n = 0;
    for (const char *c = text; *c; c++) {
        if (*c == '-')
            continue;
        if (!isxdigit((unsigned char)*c) || n >= 2 * VK_UUID_SIZE)
            return false;
        unsigned nibble = n % 2 ? uuid[n / 2] & 15u : uuid[n / 2] >> 4;
        if (tolower((unsigned char)*c) != "0123456789abcdef"[nibble])
            return false;
        n++;
    }
    return n == 2 * VK_UUID_SIZE;
}

static bool starts_with(const char *text, const char *part)
{
    for (; *part; text++, part++)
        if (tolower((unsigned char)*text) != tolower((unsigned char)*part))
            return false;
    return true;
}

static bool is_part(const char *text, const char *part)
{
    for (; *text; text++)
        if (starts_with(text, part))
            return true;
    return false;
}

static void list(char *text, size_t room, const struct dv_instance *instance)
{
    size_t used = 0;
    text[0]     = 0;
    for (uint32_t i = 0; i < instance->n_physical && used < room; i++) {
        const struct dv_caps *caps = &instance->caps[i];
        int                   n =
            snprintf(text + used, room - used, "%s%u \"%s\"%s%s%s", i ? ", " : "", i, caps->name,
                     caps->usable ? "" : " (", caps->why_not, caps->usable ? "" : ")");
        used += n > 0 ? (size_t)n : 0;
    }
}

dsvk_status dv_instance_find(uint32_t *index, const struct dv_instance *instance, const char *which)
{
    char     text[LIST_BYTES];
    uint32_t n = instance->n_physical;
    *index     = 0;
    if (!which || !which[0]) {
        if (n > 0 && instance->caps[0].usable)
            return DSVK_OK; /* they are ranked */
        list(text, sizeof text, instance);
        return dv_fail(instance->ctx, DSVK_NO_DEVICE, "instance: no usable device among %s", text);
    }
    uint32_t found = n;
    if (!is_index(which, n, &found)) {
        found = n;
        for (uint32_t i = 0; i < n && found == n; i++)
            if (is_uuid(which, instance->caps[i].uuid) || is_part(instance->caps[i].name, which))
                found = i;
    }
    if (found < n && instance->caps[found].usable) {
        *index = found;
        return DSVK_OK;
    }
    if (found < n)
        return dv_fail(instance->ctx, DSVK_NO_DEVICE, "instance: device %u \"%s\": %s", found,
                       instance->caps[found].name, instance->caps[found].why_not);
    list(text, sizeof text, instance);
    return dv_fail(instance->ctx, DSVK_NO_DEVICE, "instance: no device \"%.64s\" among %s", which,
                   text);
}
