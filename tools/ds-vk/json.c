/* SPDX-License-Identifier: MIT */
#include "json.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

json_t *json_text(const char *text)
{
    size_t n = strlen(text), made = 0;
    char  *copy = malloc(3 * n + 1); /* a wrong byte grows to three */
    if (!copy)
        return NULL;
    for (size_t at = 0, length; at < n; at += length ? length : 1) {
        length = text_character(text + at, n - at);
        memcpy(copy + made, length ? text + at : "\xef\xbf\xbd", length ? length : 3);
        made += length ? length : 3;
    }
    json_t *value = json_stringn(copy, made);
    free(copy);
    return value;
}

json_t *json_count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

int json_print(struct cli *cli, json_t *document)
{
    if (!document)
        return cli_fail(cli, "no memory for the JSON document");
    char *print = json_dumps(document, JSON_INDENT(2));
    json_decref(document);
    if (!print)
        return cli_fail(cli, "no memory for the JSON document");
    int code = cli_write(cli, print, strlen(print));
    if (code == EXIT_DONE)
        code = cli_write(cli, "\n", 1);
    free(print);
    return code;
}
