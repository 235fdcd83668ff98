/* SPDX-License-Identifier: MIT */
/* Choosing a device by what a person wrote. */
#include "vk/instance.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define LIST_BYTES 768

/* Digits alone are an index and nothing else: "4" must never choose an "RTX 4090". */
static bool is_number(const char *text)
{
    return text[strspn(text, "0123456789")] == 0;
}

/* The index as `ds-vk devices` prints it, so "00" is none; n: there is no such device. */
static uint32_t index_of(const char *text, uint32_t n)
{
    uint32_t value = 0;
    if (text[0] == '0' && text[1])
        return n;
    for (const char *c = text; *c; c++) {
        value = value * 10 + (uint32_t)(*c - '0');
        if (value >= n)
            return n;
    }
    return value;
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

static bool is_name(const char *text, const char *name)
{
    return strlen(text) == strlen(name) && starts_with(text, name);
}

/* How well a text says a device: not at all, by a part of its name, by the whole. */
enum match { NO_MATCH, PART, WHOLE };

static enum match match(const struct dv_caps *caps, const char *which)
{
    if (is_uuid(which, caps->uuid))
        return WHOLE;
    if (is_number(which))
        return NO_MATCH;
    return is_name(caps->name, which) ? WHOLE : is_part(caps->name, which) ? PART : NO_MATCH;
}

/* The devices that match a text at least so well; all of them for NO_MATCH. */
static void list(char *text, size_t room, const struct dv_instance *instance, const char *which,
                 enum match least)
{
    size_t used = 0;
    text[0]     = 0;
    for (uint32_t i = 0; i < instance->n_physical && used < room; i++) {
        const struct dv_caps *caps = &instance->caps[i];
        if (least != NO_MATCH && match(caps, which) < least)
            continue;
        int n =
            snprintf(text + used, room - used, "%s%u \"%s\"%s%s%s", used ? ", " : "", i, caps->name,
                     caps->usable ? "" : " (", caps->why_not, caps->usable ? "" : ")");
        used += n > 0 ? (size_t)n : 0;
    }
}

static dsvk_status fail_none(const struct dv_instance *instance, const char *which)
{
    char text[LIST_BYTES];
    if (instance->n_physical == 0)
        return dv_fail(instance->ctx, DSVK_NO_DEVICE,
                       "instance: no device \"%.64s\"; there is no Vulkan device at all", which);
    list(text, sizeof text, instance, NULL, NO_MATCH);
    return dv_fail(instance->ctx, DSVK_NO_DEVICE, "instance: no device \"%.64s\"; there %s: %s",
                   which, instance->n_physical == 1 ? "is" : "are", text);
}

/* Of two cards with one name only an index or a UUID says one. */
static dsvk_status find_match(uint32_t *found, const struct dv_instance *instance,
                              const char *which)
{
    enum match best   = NO_MATCH;
    uint32_t   n_best = 0;
    char       text[LIST_BYTES];
    for (uint32_t i = 0; i < instance->n_physical; i++) {
        enum match m = match(&instance->caps[i], which);
        if (m > best) {
            best   = m;
            n_best = 0;
            *found = i;
        }
        n_best += m == best;
    }
    if (best == NO_MATCH)
        return fail_none(instance, which);
    if (n_best == 1)
        return DSVK_OK;
    list(text, sizeof text, instance, which, best);
    return dv_fail(instance->ctx, DSVK_NO_DEVICE,
                   "instance: device \"%.64s\" fits %u: %s; give an index or more of the name",
                   which, n_best, text);
}

static dsvk_status find_first(const struct dv_instance *instance)
{
    char text[LIST_BYTES];
    if (instance->n_physical && instance->caps[0].usable)
        return DSVK_OK; /* they are ranked */
    if (instance->n_physical == 0)
        return dv_fail(instance->ctx, DSVK_NO_DEVICE, "instance: there is no Vulkan device");
    list(text, sizeof text, instance, NULL, NO_MATCH);
    return dv_fail(instance->ctx, DSVK_NO_DEVICE, "instance: no usable device among %s", text);
}

dsvk_status dv_instance_find(uint32_t *index, const struct dv_instance *instance, const char *which)
{
    dsvk_status status = DSVK_OK;
    uint32_t    n = instance->n_physical, found = n;
    *index = 0;
    if (!which || !which[0])
        return find_first(instance);
    if (is_number(which))
        found = index_of(which, n);
    if (found == n)
        status = find_match(&found, instance, which);
    if (status)
        return status;
    if (!instance->caps[found].usable)
        return dv_fail(instance->ctx, DSVK_NO_DEVICE, "instance: device %u \"%s\": %s", found,
                       instance->caps[found].name, instance->caps[found].why_not);
    *index = found;
    return DSVK_OK;
}
