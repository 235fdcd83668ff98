/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include "../input.h"
#include "serve.h"

#include <stdlib.h>
#include <string.h>

#define VARIABLE "DSVK_API_KEY"
#define MAX_KEY 512

static int add(struct server *server, const char *key, size_t n, const char *where)
{
    while (n > 0 && strchr(" \t\r", key[n - 1]))
        n--;
    if (n == 0 || key[0] == '#')
        return EXIT_DONE;
    if (n > MAX_KEY)
        return cli_fail(server->cli, "%s: a key of %zu bytes, more than %d", where, n, MAX_KEY);
    if (server->n_keys == MAX_KEYS)
        return cli_fail(server->cli, "%s: more than %d keys", where, MAX_KEYS);
    char *copy = calloc(1, n + 1);
    if (!copy)
        return cli_fail(server->cli, "no memory for a key");
    memcpy(copy, key, n);
    server->keys[server->n_keys++] = copy;
    return EXIT_DONE;
}

static int from_file(struct server *server, const char *name)
{
    struct bytes text = { 0 };
    int          code = input_read(server->cli, name, &text);
    for (const char *at = text.data; code == EXIT_DONE && at && *at;) {
        size_t n = strcspn(at, "\n");
        code     = add(server, at, n, name);
        at += n + (at[n] == '\n');
    }
    free(text.data);
    if (code == EXIT_DONE && server->n_keys == 0)
        return cli_fail(server->cli, "%s: there is no key in it", name);
    return code;
}

int keys_read(struct server *server)
{
    const char *file = server->cli->options.values[OPT_API_KEY_FILE].text;
    const char *key  = getenv(VARIABLE);
    if (file)
        return from_file(server, file);
    return key ? add(server, key, strlen(key), VARIABLE) : EXIT_DONE;
}

void keys_forget(struct server *server)
{
    for (size_t i = 0; i < server->n_keys; i++)
        free(server->keys[i]);
    server->n_keys = 0;
}
