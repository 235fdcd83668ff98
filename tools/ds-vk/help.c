/* SPDX-License-Identifier: MIT */
/* The help, made from the tables so that it cannot name what is not there. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS 79
#define HELP_COLUMN 24

/* Prints words from `column` on, each further line indented to `indent`. */
static void wrap(const char *text, int column, int indent)
{
    const char *between = "";
    while (*text) {
        int length = (int)strcspn(text, " ");
        if (column + length + (int)strlen(between) > COLUMNS) {
            printf("\n%*s", indent, "");
            column  = indent;
            between = "";
        }
        column += printf("%s%.*s", between, length, text);
        between = " ";
        text += length + (text[length] != 0);
    }
    putchar('\n');
}

const char *option_help(size_t id, char text[HELP_BYTES])
{
    const char *name;
    size_t      at = (size_t)snprintf(text, HELP_BYTES, "%s", option_table[id].help);
    for (uint32_t i = 0; id == OPT_LIKE && (name = dsvk_like_name(i)) != NULL && at < HELP_BYTES;
         i++)
        at += (size_t)snprintf(text + at, HELP_BYTES - at, "%s %s", i ? "," : "", name);
    return text;
}

/* The choices of an option that are too many for a line go on in the next. */
static void print_head(const char *head, int n)
{
    int end = n;
    while (n > COLUMNS && end > HELP_COLUMN && (end > COLUMNS || head[end - 1] != '|'))
        end--;
    if (end == n)
        puts(head);
    else
        printf("%.*s\n%*s%s\n", end, head, HELP_COLUMN - 2, "", head + end);
}

static void print_option(size_t id)
{
    const struct option *option = &option_table[id];
    char                 head[128], letter[8] = "    ", text[HELP_BYTES];
    if (option->letter)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    int n = snprintf(head, sizeof head, "  %s--%s%s%s", letter, option->name,
                     option->value ? " " : "", option->value ? option->value : "");
    if (n >= HELP_COLUMN - 1)
        print_head(head, n);
    printf("%-*s", HELP_COLUMN, n >= HELP_COLUMN - 1 ? "" : head);
    wrap(option_help(id, text), HELP_COLUMN, HELP_COLUMN);
}

void help_command(const struct command *command)
{
    printf("ds-vk %s [OPTIONS]%s%s\n\n", command->name, command->arguments[0] ? " " : "",
           command->arguments);
    wrap(command->summary, 0, 0);
    printf("\nOptions:\n");
    for (size_t id = 0; id < N_OPTIONS; id++)
        if (option_table[id].commands >> command->id & 1)
            print_option(id);
    if (command->details[0]) {
        putchar('\n');
        wrap(command->details, 0, 0);
    }
}

void help_short(void)
{
    fputs("ds-vk COMMAND [OPTIONS] [ARGUMENTS]\n"
          "  ds-vk run 'What is MLA?'    answers with the demonstration model\n"
          "  ds-vk run -m DIR 'TEXT'     answers with the checkpoint in a folder\n"
          "  ds-vk plan -m DIR           says whether it fits, before loading\n"
          "  ds-vk help [COMMAND]        lists all commands, or the options of one\n",
          stderr);
}

void help_all(const struct command *commands, size_t n)
{
    printf("ds-vk COMMAND [OPTIONS] [ARGUMENTS]\n\n"
           "Runs DeepSeek models on any Vulkan device.\n\nCommands:\n");
    for (size_t i = 0; i < n; i++) {
        printf("  %-10s", commands[i].name);
        wrap(commands[i].summary, 12, 12);
    }
    printf("\n  ds-vk help COMMAND     the options of a command, as ds-vk COMMAND --help\n"
           "  ds-vk --version        the version, as -V\n\n"
           "Options are also written --name=value; -- ends them. Sizes: 512M, 1.5G.\n"
           "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.\n");
}
