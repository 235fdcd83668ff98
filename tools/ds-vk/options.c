/* SPDX-License-Identifier: MIT */
/* Parses a command line by the option table. All that is wrong with a word is said in one
 * sentence that names the option and what it takes; a misspelled name gets a suggestion. It knows
 * no command and opens nothing. */
#include "options.h"

#include "cli.h"
#include "values.h"

#include <stdlib.h>
#include <string.h>

struct parse {
    struct cli           *cli;
    const struct command *command;
    int                   argc, next;
    char                **argv;
};

/* ---- suggestions ---- */

#define MAX_WORD 24

/* Edits (insert, delete, replace) that turn one word into the other. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[MAX_WORD + 1];
    size_t   n = strlen(b);
    for (unsigned j = 0; j <= n; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1]; i++) {
        unsigned diagonal = row[0];
        row[0]            = i;
        for (size_t j = 1; j <= n; j++) {
            unsigned replace = diagonal + (a[i - 1] != b[j - 1]);
            unsigned other   = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal         = row[j];
            row[j]           = replace < other ? replace : other;
        }
    }
    return row[n];
}

const char *options_nearest(const char *wrong, const char *const *words, size_t n)
{
    const char *best   = NULL;
    unsigned    least  = 3;
    size_t      length = strlen(wrong);
    if (length < 2 || length > MAX_WORD)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        unsigned edits  = distance(wrong, words[i]);
        bool     begins = length >= 3 && strncmp(words[i], wrong, length) == 0;
        if (begins)
            edits = 1;
        if (edits < least && edits < length) {
            best  = words[i];
            least = edits;
        }
    }
    return best;
}

/* ---- finding ---- */

static bool applies(const struct parse *parse, size_t id)
{
    return option_table[id].commands >> parse->command->id & 1;
}

static size_t find_name(const struct parse *parse, const char *name, size_t length)
{
    const char *alias = options_alias(name, length);
    if (alias)
        return find_name(parse, alias, strlen(alias));
    for (size_t id = 0; id < N_OPTIONS; id++)
        if (applies(parse, id) && strncmp(option_table[id].name, name, length) == 0 &&
            option_table[id].name[length] == 0)
            return id;
    return N_OPTIONS;
}

static size_t find_letter(const struct parse *parse, char letter)
{
    for (size_t id = 0; id < N_OPTIONS; id++)
        if (applies(parse, id) && letter && option_table[id].letter == letter)
            return id;
    return N_OPTIONS;
}

static int unknown(const struct parse *parse, const char *written, size_t length)
{
    const char *words[N_OPTIONS];
    size_t      n        = 0;
    char        name[64] = "";
    if (length < sizeof name)
        memcpy(name, written, length);
    for (size_t id = 0; id < N_OPTIONS; id++)
        if (applies(parse, id))
            words[n++] = option_table[id].name;
    const char *near = options_nearest(name, words, n);
    if (near)
        return cli_usage(parse->cli, "unknown option --%.*s, did you mean --%s?", (int)length,
                         written, near);
    return cli_usage(parse->cli, "unknown option --%.*s (see ds-vk %s --help)", (int)length,
                     written, parse->command->name);
}

/* ---- values ---- */

static int set_count(const struct parse *parse, const struct option *option,
                     struct option_value *value)
{
    if (value_count(value->text, &value->count) && value->count >= option->low &&
        value->count <= option->high)
        return EXIT_DONE;
    return cli_usage(parse->cli, "--%s takes a whole number from %llu to %llu, not '%s'",
                     option->name, (unsigned long long)option->low,
                     (unsigned long long)option->high, value->text);
}

/* 4k tokens are 4096. */
static int set_tokens(const struct parse *parse, const struct option *option,
                      struct option_value *value)
{
    size_t n = strlen(value->text);
    if (n && strchr("kKmM", value->text[n - 1]) && value_size(value->text, &value->count) &&
        value->count >= option->low && value->count <= option->high)
        return EXIT_DONE;
    return set_count(parse, option, value);
}

static int set_limit(const struct parse *parse, const struct option *option,
                     struct option_value *value)
{
    if (strcmp(value->text, "-1") != 0)
        return set_count(parse, option, value);
    value->count = UINT64_MAX;
    return EXIT_DONE;
}

static int set_real(const struct parse *parse, const struct option *option,
                    struct option_value *value)
{
    if (value_real(value->text, &value->real) && value->real >= (double)option->low &&
        value->real <= (double)option->high)
        return EXIT_DONE;
    return cli_usage(parse->cli, "--%s takes a number from %llu to %llu, not '%s'", option->name,
                     (unsigned long long)option->low, (unsigned long long)option->high,
                     value->text);
}

static int set_signed(const struct parse *parse, const struct option *option,
                      struct option_value *value)
{
    double most = (double)option->high;
    if (value_real(value->text, &value->real) && value->real >= -most && value->real <= most)
        return EXIT_DONE;
    return cli_usage(parse->cli, "--%s takes a number from -%llu to %llu, not '%s'", option->name,
                     (unsigned long long)option->high, (unsigned long long)option->high,
                     value->text);
}

static int set_size(const struct parse *parse, const struct option *option,
                    struct option_value *value)
{
    if (value_size(value->text, &value->count) && value->count >= option->low)
        return EXIT_DONE;
    return cli_usage(parse->cli, "--%s takes a size such as 512M or 8G, not '%s'", option->name,
                     value->text);
}

static int set_choice(const struct parse *parse, const struct option *option,
                      struct option_value *value)
{
    size_t      length = strlen(value->text);
    const char *word   = option->value;
    for (uint64_t i = 0; *word; i++) {
        size_t n     = strcspn(word, "|");
        value->count = i;
        if (n == length && memcmp(word, value->text, n) == 0)
            return EXIT_DONE;
        word += n + (word[n] == '|');
    }
    return cli_usage(parse->cli, "--%s takes %s, not '%s'", option->name, option->value,
                     value->text);
}

static int set_list(const struct parse *parse, const struct option *option,
                    struct option_value *value)
{
    const char *bad = "";
    free(value->list);
    if (value_list(value->text, option->high, &value->list, &value->n_list, &bad))
        return EXIT_DONE;
    return cli_usage(parse->cli,
                     "--%s takes whole numbers up to %llu separated by commas, not '%.*s'",
                     option->name, (unsigned long long)option->high, (int)strcspn(bad, ", "), bad);
}

static int add_stop(const struct parse *parse, const char *text)
{
    struct options *options = &parse->cli->options;
    if (!text[0] || strlen(text) > 1024)
        return cli_usage(parse->cli, "--stop takes a text of 1 to 1024 bytes, not %zu",
                         strlen(text));
    if (options->n_stops == MAX_STOPS)
        return cli_usage(parse->cli, "--stop can be given %d times at most", MAX_STOPS);
    options->stops[options->n_stops++] = text;
    return EXIT_DONE;
}

static int add_bias(const struct parse *parse, const char *text)
{
    struct options     *options = &parse->cli->options;
    struct option_bias *bias    = &options->biases[options->n_biases];
    if (options->n_biases == MAX_BIASES)
        return cli_usage(parse->cli, "--logit-bias can be given %d times at most", MAX_BIASES);
    if (!value_bias(text, &bias->token, &bias->bias))
        return cli_usage(parse->cli,
                         "--logit-bias takes ID=VALUE, a number from -1000 to 1000 or -inf, not "
                         "'%s'",
                         text);
    options->n_biases++;
    return EXIT_DONE;
}

static int set(const struct parse *parse, size_t id, const char *text)
{
    static int (*const setters[])(const struct parse *, const struct option *,
                                  struct option_value *) = {
        [OPTION_COUNT] = set_count,   [OPTION_REAL] = set_real,     [OPTION_SIZE] = set_size,
        [OPTION_CHOICE] = set_choice, [OPTION_LIST] = set_list,     [OPTION_TOKENS] = set_tokens,
        [OPTION_LIMIT] = set_limit,   [OPTION_SIGNED] = set_signed,
    };
    const struct option *option = &option_table[id];
    struct option_value *value  = &parse->cli->options.values[id];

    value->given++;
    value->text = text;
    if (id == OPT_GREEDY) { /* of --temp and --greedy the last one counts */
        parse->cli->options.values[OPT_TEMP].given++;
        parse->cli->options.values[OPT_TEMP].real = 0;
    }
    if (id == OPT_STOP)
        return add_stop(parse, text);
    if (id == OPT_LOGIT_BIAS)
        return add_bias(parse, text);
    if (option->kind == OPTION_FLAG || option->kind == OPTION_TEXT)
        return EXIT_DONE;
    return setters[option->kind](parse, option, value);
}

/* The next word is the value, unless it is plainly another option. */
static int set_next(struct parse *parse, size_t id)
{
    const struct option *option = &option_table[id];
    const char          *text   = parse->next < parse->argc ? parse->argv[parse->next] : NULL;
    bool                 other  = text && strncmp(text, "--", 2) == 0 && text[2] &&
                 find_name(parse, text + 2, strcspn(text + 2, "=")) != N_OPTIONS;
    if (!text || other)
        return cli_usage(parse->cli, "--%s needs a value: %s", option->name, option->value);
    parse->next++;
    return set(parse, id, text);
}

/* ---- words ---- */

static int long_option(struct parse *parse, const char *word)
{
    size_t length = strcspn(word, "=");
    size_t id     = find_name(parse, word, length);
    if (id == N_OPTIONS)
        return unknown(parse, word, length);
    bool flag = option_table[id].kind == OPTION_FLAG;
    if (flag && word[length])
        return cli_usage(parse->cli, "--%s takes no value", option_table[id].name);
    if (flag)
        return set(parse, id, NULL);
    return word[length] ? set(parse, id, word + length + 1) : set_next(parse, id);
}

/* -v, -vq, -n 5, -n5 */
static int short_options(struct parse *parse, const char *letters)
{
    for (; *letters; letters++) {
        size_t id = find_letter(parse, *letters);
        if (id == N_OPTIONS)
            return cli_usage(parse->cli, "unknown option -%s (see ds-vk %s --help)", letters,
                             parse->command->name);
        if (option_table[id].kind != OPTION_FLAG)
            return letters[1] ? set(parse, id, letters + 1) : set_next(parse, id);
        int code = set(parse, id, NULL);
        if (code)
            return code;
    }
    return EXIT_DONE;
}

static int argument(struct parse *parse, const char *word)
{
    struct options *options = &parse->cli->options;
    if (options->n_arguments == parse->command->max_arguments)
        return cli_usage(parse->cli, "unexpected argument '%s'%s", word,
                         parse->command->max_arguments ? "; quote a text of several words" : "");
    options->arguments[options->n_arguments++] = word;
    return EXIT_DONE;
}

int options_parse(struct cli *cli, const struct command *command, int argc, char **argv)
{
    struct parse parse          = { .cli = cli, .command = command, .argc = argc, .argv = argv };
    bool         only_arguments = false;

    while (parse.next < argc && !cli->options.values[OPT_HELP].given) {
        const char *word = argv[parse.next++];
        int         code;
        if (only_arguments || word[0] != '-' || word[1] == 0) {
            code = argument(&parse, word);
        } else if (strcmp(word, "--") == 0) {
            only_arguments = true;
            code           = EXIT_DONE;
        } else if (options_foreign(word)) {
            code = cli_usage(cli, "no option %.*s: %s", (int)strcspn(word, "="), word,
                             options_foreign(word));
        } else {
            code = word[1] == '-' ? long_option(&parse, word + 2) : short_options(&parse, word + 1);
        }
        if (code)
            return code;
    }
    return EXIT_DONE;
}

void options_done(struct options *options)
{
    for (size_t id = 0; id < N_OPTIONS; id++)
        free(options->values[id].list);
    *options = (struct options){ 0 };
}
