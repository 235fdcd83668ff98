/* SPDX-License-Identifier: MIT */
#include "json.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

struct copy {
    char  *data;
    size_t n;
};

static bool append(void *user, const char *bytes, size_t n)
{
    struct copy *copy = user;
    memcpy(copy->data + copy->n, bytes, n);
    copy->n += n;
    return true;
}

json_t *json_text(const char *text)
{
    size_t      n     = strlen(text);
    struct copy copy  = { .data = malloc(3 * n + 1) }; /* a wrong byte grows to three */
    struct text clean = { .write = append, .user = &copy };
    if (!copy.data)
        return NULL;
    text_put(&clean, text, n);
    text_end(&clean);
    json_t *value = json_stringn(copy.data, copy.n);
    free(copy.data);
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
