/* SPDX-License-Identifier: MIT */
/* `ds-vk completion SHELL`: what a shell completes, from the tables that the program itself reads.
 * The build calls it, people need not. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#define MAX_WORDS 512

enum kind { KIND_FLAG, KIND_FOLDER, KIND_FILE, KIND_WORDS, KIND_OTHER };

static bool takes(const struct command *command, size_t id)
{
    return option_table[id].commands >> command->id & 1;
}

static void add_word(char *words, const char *word, size_t length)
{
    size_t at = strlen(words);
    snprintf(words + at, MAX_WORDS - at, "%s%.*s", at ? " " : "", (int)length, word);
}

/* `words`: those that the value may be. */
static enum kind kind_of(size_t id, char words[MAX_WORDS])
{
    const struct option *option = &option_table[id];
    const char          *name;
    words[0] = 0;
    if (option->kind == OPTION_FLAG)
        return KIND_FLAG;
    if (option->kind == OPTION_CHOICE) {
        for (const char *at = option->value; *at; at += strspn(at, "|")) {
            add_word(words, at, strcspn(at, "|"));
            at += strcspn(at, "|");
        }
        return KIND_WORDS;
    }
    for (uint32_t i = 0; id == OPT_LIKE && (name = dsvk_like_name(i)) != NULL; i++)
        add_word(words, name, strlen(name));
    if (id == OPT_OP)
        add_word(words, "all choose", sizeof "all choose" - 1);
    for (uint32_t i = 0; id == OPT_OP && (name = dsvk_op_name(i)) != NULL; i++)
        add_word(words, name, strlen(name));
    if (words[0])
        return KIND_WORDS;
    if (option->kind == OPTION_TEXT && strncmp(option->value, "DIR", 3) == 0)
        return KIND_FOLDER;
    return option->kind == OPTION_TEXT && strstr(option->value, "FILE") ? KIND_FILE : KIND_OTHER;
}

/* What its arguments are, KIND_OTHER where no shell knows. */
static enum kind argument_kind(const struct command *command)
{
    const char *arguments = command->arguments;
    if (strcmp(arguments, "IN OUT") == 0 || strcmp(arguments, "[DIR]") == 0)
        return KIND_FOLDER;
    return strcmp(arguments, "[FILE]") == 0 ? KIND_FILE : KIND_OTHER;
}

/* A text inside '...': `quote` stands for a quotation mark; brackets and colons mean something to
 * zsh. What is in brackets or follows a semicolon is left out: a line is short. */
static void put_help(const char *text, const char *quote)
{
    size_t n = strcspn(text, "(;");
    while (n > 0 && text[n - 1] == ' ')
        n--;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\'')
            fputs(quote, stdout);
        else
            putchar(strchr("[]:\\", text[i]) ? ' ' : text[i]);
    }
}

/* ---- bash ---- */

static void bash_names(const struct command *command, enum kind wanted, const char *what)
{
    char        words[MAX_WORDS];
    const char *between = "        ";
    for (size_t id = 0; id < N_OPTIONS; id++) {
        if (!takes(command, id) || kind_of(id, words) != wanted)
            continue;
        printf("%s--%s", between, option_table[id].name);
        if (option_table[id].letter)
            printf(" | -%c", option_table[id].letter);
        between = " | ";
    }
    if (between[1] == '|')
        printf(") %s ;;\n", what);
}

static void bash_command(const struct command *command)
{
    char words[MAX_WORDS];
    printf("    %s)\n        case $option in\n", command->name);
    for (size_t id = 0; id < N_OPTIONS; id++)
        if (takes(command, id) && kind_of(id, words) == KIND_WORDS)
            printf("        --%s) words='%s' ;;\n", option_table[id].name, words);
    bash_names(command, KIND_FOLDER, "_ds_vk_names -d \"$word\"; return");
    bash_names(command, KIND_FILE, "_ds_vk_names -f \"$word\"; return");
    bash_names(command, KIND_OTHER, "return");
    enum kind kind = argument_kind(command);
    if (kind != KIND_OTHER)
        printf("        *) [[ $word == -* ]] || { _ds_vk_names -%c \"$word\"; return; } ;;&\n",
               kind == KIND_FILE ? 'f' : 'd');
    printf("        *) words='");
    for (size_t id = 0; id < N_OPTIONS; id++)
        if (takes(command, id))
            printf("%s--%s", id == 0 ? "" : " ", option_table[id].name);
    printf("' ;;\n        esac ;;\n");
}

static void bash(const struct command *commands, size_t n)
{
    printf("# bash completion for ds-vk, made by `ds-vk completion bash`\n\n"
           "_ds_vk_names() # -d|-f WORD: names with blanks, and a slash behind a folder\n{\n"
           "    compopt -o filenames 2>/dev/null\n"
           "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$2\")\n}\n\n"
           "_ds_vk()\n{\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} words= option=\n"
           "    COMPREPLY=()\n"
           "    ((COMP_CWORD < 2)) || option=${COMP_WORDS[COMP_CWORD - 1]}\n"
           "    # --name=value comes as three words\n"
           "    if [[ $word == = ]]; then\n        word=\n"
           "    elif [[ $option == = ]]; then\n        option=${COMP_WORDS[COMP_CWORD - 2]}\n"
           "    fi\n"
           "    if ((COMP_CWORD == 1)); then\n        words='");
    for (size_t i = 0; i < n; i++)
        printf("%s ", commands[i].name);
    printf("--help --version'\n    else\n    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < n; i++)
        bash_command(&commands[i]);
    printf("    esac\n    fi\n    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n\n"
           "complete -F _ds_vk ds-vk\n");
}

/* ---- zsh ---- */

static void zsh_option(size_t id)
{
    const struct option *option = &option_table[id];
    char                 words[MAX_WORDS], help[HELP_BYTES];
    enum kind            kind  = kind_of(id, words);
    const char          *value = kind == KIND_FLAG ? "" : "=";
    if (option->letter)
        printf(" \\\n        '(-%c --%s)'{-%c%s,--%s%s}'[", option->letter, option->name,
               option->letter, kind == KIND_FLAG ? "" : "+", option->name, value);
    else
        printf(" \\\n        '--%s%s[", option->name, value);
    put_help(option_help(id, help), "'\\''");
    printf("]");
    if (kind != KIND_FLAG)
        printf(": :%s%s%s",
               kind == KIND_FOLDER ? "_files -/"
               : kind == KIND_FILE ? "_files"
                                   : "",
               kind == KIND_WORDS ? "(" : "", words);
    printf("%s'", kind == KIND_WORDS ? ")" : "");
}

static void zsh(const struct command *commands, size_t n)
{
    printf("#compdef ds-vk\n# zsh completion for ds-vk, made by `ds-vk completion zsh`\n\n"
           "_ds_vk() {\n    local -a commands=(\n");
    for (size_t i = 0; i < n; i++) {
        printf("        '%s:", commands[i].name);
        put_help(commands[i].summary, "'\\''");
        printf("'\n");
    }
    printf("    )\n    if ((CURRENT == 2)); then\n        _describe command commands\n"
           "        compadd -- --help --version\n        return\n    fi\n"
           "    shift words\n    ((CURRENT--))\n    case $words[1] in\n");
    for (size_t i = 0; i < n; i++) {
        printf("    %s)\n        _arguments -s", commands[i].name);
        for (size_t id = 0; id < N_OPTIONS; id++)
            if (takes(&commands[i], id))
                zsh_option(id);
        enum kind kind = argument_kind(&commands[i]);
        printf("%s ;;\n", kind == KIND_FOLDER ? " \\\n        '*: :_files -/'"
                          : kind == KIND_FILE ? " \\\n        '*: :_files'"
                                              : "");
    }
    printf("    esac\n}\n\nif [ \"$funcstack[1]\" = _ds_vk ]; then\n    _ds_vk \"$@\"\n"
           "else\n    compdef _ds_vk ds-vk\nfi\n");
}

/* ---- fish ---- */

static void fish_option(const struct command *command, size_t id)
{
    const struct option *option = &option_table[id];
    char                 words[MAX_WORDS], help[HELP_BYTES];
    enum kind            kind = kind_of(id, words);
    printf("complete -c ds-vk -n '__fish_seen_subcommand_from %s' -l %s", command->name,
           option->name);
    if (option->letter)
        printf(" -s %c", option->letter);
    if (kind == KIND_FILE)
        printf(" -r -F");
    else if (kind != KIND_FLAG)
        printf(" -x");
    if (kind == KIND_FOLDER)
        printf(" -a '(__fish_complete_directories)'");
    if (kind == KIND_WORDS)
        printf(" -a '%s'", words);
    printf(" -d '");
    put_help(option_help(id, help), "\\'");
    printf("'\n");
}

static void fish(const struct command *commands, size_t n)
{
    printf("# fish completion for ds-vk, made by `ds-vk completion fish`\n\n"
           "complete -c ds-vk -f\n");
    for (size_t i = 0; i < n; i++) {
        printf("complete -c ds-vk -n __fish_use_subcommand -a %s -d '", commands[i].name);
        put_help(commands[i].summary, "\\'");
        printf("'\n");
    }
    printf("complete -c ds-vk -n __fish_use_subcommand -l help -d 'all commands'\n"
           "complete -c ds-vk -n __fish_use_subcommand -l version -d 'the version'\n");
    for (size_t i = 0; i < n; i++) {
        for (size_t id = 0; id < N_OPTIONS; id++)
            if (takes(&commands[i], id))
                fish_option(&commands[i], id);
        enum kind kind = argument_kind(&commands[i]);
        if (kind != KIND_OTHER)
            printf("complete -c ds-vk -n '__fish_seen_subcommand_from %s' %s\n", commands[i].name,
                   kind == KIND_FILE ? "-F" : "-a '(__fish_complete_directories)'");
    }
}

int completion_print(struct cli *cli, const char *shell, const struct command *commands, size_t n)
{
    static const struct {
        const char *shell;
        void (*print)(const struct command *commands, size_t n);
    } all[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };
    for (size_t i = 0; shell && i < sizeof all / sizeof *all; i++)
        if (strcmp(shell, all[i].shell) == 0) {
            all[i].print(commands, n);
            return EXIT_DONE;
        }
    return cli_usage(cli, "completion takes bash, zsh or fish");
}
