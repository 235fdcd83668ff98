/* SPDX-License-Identifier: MIT */
/* JSON documents for --json. A document that could not be built whole is NULL, which the last
 * step reports. */
#ifndef JSON_H
#define JSON_H

#include "cli.h"

#include <jansson.h>

/* Invalid UTF-8 becomes U+FFFD: names come from drivers and folders. */
json_t *json_text(const char *text);
json_t *json_count(uint64_t value);
/* Consumes the document. */
int json_print(struct cli *cli, json_t *document);

#endif
