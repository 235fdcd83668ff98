/* SPDX-License-Identifier: MIT */
/* `ds-vk tokenize`: text to token ids and back. It opens the tokenizer alone and needs neither
 * weights nor a device. */
#include "input.h"
#include "text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_usage(struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    if (values[OPT_DECODE].given && (cli->options.n_arguments || values[OPT_LINES].given ||
                                     values[OPT_SPECIAL].given || values[OPT_BOS].given))
        return cli_usage(cli, "--decode goes with no text, --lines, --special or --bos");
    if (values[OPT_SHOW].given && values[OPT_LINES].given)
        return cli_usage(cli, "--show and --lines exclude each other");
    return EXIT_DONE;
}

/* Quoted, in characters; what is none and what a terminal would obey as \\xNN. */
static void print_quoted(const char *bytes, size_t n)
{
    putchar('"');
    for (size_t i = 0; i < n;) {
        size_t        length = text_character(bytes + i, n - i);
        unsigned char byte   = (unsigned char)bytes[i];
        bool          c1     = length == 2 && byte == 0xc2 && (unsigned char)bytes[i + 1] < 0xa0;
        if (byte == '\n')
            fputs("\\n", stdout);
        else if (byte == '"' || byte == '\\')
            printf("\\%c", byte);
        else if (length == 0 || c1 || byte < 0x20 || byte == 0x7f)
            length = (size_t)printf("\\x%02x", byte) - 3;
        else
            fwrite(bytes + i, 1, length, stdout);
        i += length;
    }
    puts("\"");
}

static void show_ids(const struct cli *cli, const uint32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t      bytes;
        const char *text = dsvk_model_token(cli->model, ids[i], &bytes);
        printf("%8" PRIu32 "  ", ids[i]);
        print_quoted(text ? text : "", text ? bytes : 0);
    }
}

static int decode(struct cli *cli)
{
    const struct option_value *value = &cli->options.values[OPT_DECODE];
    for (size_t i = 0; i < value->n_list; i++) {
        size_t n;
        if (!dsvk_model_token(cli->model, value->list[i], &n))
            return cli_fail(cli, "--decode: no token has the id %" PRIu32, value->list[i]);
    }
    if (cli->options.values[OPT_SHOW].given) {
        show_ids(cli, value->list, value->n_list);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < value->n_list; i++) {
        size_t      n;
        const char *bytes = dsvk_model_token(cli->model, value->list[i], &n);
        int         code  = cli_write(cli, bytes, n);
        if (code)
            return code;
    }
    return EXIT_DONE;
}

static int print_ids(struct cli *cli, const char *text, size_t bytes)
{
    const struct option_value *values = cli->options.values;
    struct ids                 ids    = { 0 };
    int                        code =
        ids_tokenize(cli, &ids, text, bytes, values[OPT_SPECIAL].given, values[OPT_BOS].given);
    bool show = values[OPT_SHOW].given;
    if (show)
        show_ids(cli, ids.data, ids.n);
    for (size_t i = 0; i < ids.n && !show; i++)
        printf("%s%" PRIu32, i ? " " : "", ids.data[i]);
    ids_done(&ids);
    if (code == EXIT_DONE && !show)
        putchar('\n');
    return code;
}

static int print_line(struct cli *cli, const char *line, size_t bytes, size_t number)
{
    json_error_t error;
    json_t      *value = json_loadb(line, bytes, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!json_is_string(value)) {
        json_decref(value);
        return cli_fail(cli, "--lines: line %zu is not a JSON string", number);
    }
    int code = print_ids(cli, json_string_value(value), json_string_length(value));
    json_decref(value);
    return code;
}

static int print_lines(struct cli *cli, const struct bytes *input)
{
    const char *line = input->data, *end = input->data + input->n;
    for (size_t number = 1; line < end; number++) {
        const char *stop  = memchr(line, '\n', (size_t)(end - line));
        size_t      bytes = (size_t)((stop ? stop : end) - line);
        int         code  = print_line(cli, line, bytes, number);
        if (code)
            return code;
        line += bytes + 1;
    }
    return EXIT_DONE;
}

int command_tokenize(struct cli *cli)
{
    struct bytes input = { 0 };
    bool         piped;
    int          code = check_usage(cli);
    if (code == EXIT_DONE && !cli->options.values[OPT_DECODE].given)
        code = input_text(cli, "text", &input, &piped);
    if (code == EXIT_DONE)
        code = cli_open_model(cli, PART_TOKENIZER);
    if (code == EXIT_DONE && cli->options.values[OPT_DECODE].given)
        code = decode(cli);
    else if (code == EXIT_DONE)
        code = cli->options.values[OPT_LINES].given ? print_lines(cli, &input)
                                                    : print_ids(cli, input.data, input.n);
    free(input.data);
    return code;
}
