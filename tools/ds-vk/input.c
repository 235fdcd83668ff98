/* SPDX-License-Identifier: MIT */
/* Texts and token ids that come in, from files, standard input or the command line. A text is
 * read whole, as far as memory goes, and ids are checked against the vocabulary. */
#include "input.h"

#include "host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int read_all(struct cli *cli, FILE *file, const char *name, struct bytes *bytes)
{
    size_t capacity = 0, got;
    do {
        if (bytes->n + 1 >= capacity) {
            capacity    = capacity ? capacity * 2 : 65536;
            char *grown = realloc(bytes->data, capacity);
            if (!grown)
                return cli_fail(cli, "%s: no memory for %zu bytes", name, capacity);
            bytes->data = grown;
        }
        errno = 0;
        got   = fread(bytes->data + bytes->n, 1, capacity - bytes->n - 1, file);
        bytes->n += got;
    } while (got > 0 && !host_interrupted());
    bytes->data[bytes->n] = 0;
    if (host_interrupted())
        return EXIT_SIGNAL + host_interrupted();
    if (ferror(file))
        return cli_fail(cli, "%s: %s", name, strerror(errno));
    return EXIT_DONE;
}

int input_read(struct cli *cli, const char *name, struct bytes *bytes)
{
    *bytes     = (struct bytes){ 0 };
    FILE *file = name ? host_open(name, "rb") : stdin;
    if (!file)
        return cli_fail(cli, "%s: %s", name, strerror(errno));
    int code = read_all(cli, file, name ? name : "standard input", bytes);
    if (name)
        fclose(file);
    return code;
}

int input_text(struct cli *cli, const char *what, struct bytes *bytes, bool *piped)
{
    const struct option_value *values = cli->options.values;
    const char                *file = values[OPT_FILE].text, *text = values[OPT_TEXT].text;
    bool                       argument = !text && cli->options.n_arguments;
    if (argument)
        text = cli->options.arguments[0];
    *bytes = (struct bytes){ 0 };
    *piped = !text || (argument && strcmp(text, "-") == 0);
    if (file)
        return input_read(cli, strcmp(file, "-") == 0 ? NULL : file, bytes);
    if (!text && host_is_terminal(stdin))
        return cli_usage(cli, "no %s: give it as an argument or on standard input", what);
    if (*piped)
        return input_read(cli, NULL, bytes);
    bytes->n    = strlen(text);
    bytes->data = malloc(bytes->n + 1);
    if (!bytes->data)
        return cli_fail(cli, "no memory for the %s of %zu bytes", what, bytes->n);
    memcpy(bytes->data, text, bytes->n + 1);
    return EXIT_DONE;
}

int ids_append(struct cli *cli, struct ids *ids, const uint32_t *more, size_t n)
{
    if (n > ids->capacity - ids->n) {
        size_t    capacity = ids->capacity * 2 + n + 64;
        uint32_t *grown    = realloc(ids->data, capacity * sizeof *grown);
        if (!grown)
            return cli_fail(cli, "no memory for %zu token ids", capacity);
        ids->data     = grown;
        ids->capacity = capacity;
    }
    if (n)
        memcpy(ids->data + ids->n, more, n * sizeof *more);
    ids->n += n;
    return EXIT_DONE;
}

int ids_tokenize(struct cli *cli, struct ids *ids, const char *text, size_t bytes, bool special,
                 bool bos)
{
    uint32_t *more;
    size_t    n;
    int       code =
        cli_status(cli, dsvk_model_tokenize(cli->model, text, bytes, special, bos, &more, &n),
                   "the tokenizer");
    if (code)
        return code;
    code = ids_append(cli, ids, more, n);
    dsvk_model_free_memory(cli->model, more);
    return code;
}

int ids_check(struct cli *cli, const struct ids *ids)
{
    uint32_t vocab = dsvk_model_describe(cli->model)->vocab;
    for (size_t i = 0; i < ids->n; i++)
        if (ids->data[i] >= vocab)
            return cli_fail(cli, "token id %u at position %zu is outside the vocabulary of %u",
                            ids->data[i], i, vocab);
    return EXIT_DONE;
}

void ids_done(struct ids *ids)
{
    free(ids->data);
    *ids = (struct ids){ 0 };
}
