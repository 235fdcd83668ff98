/* SPDX-License-Identifier: MIT */
/* The parts of `ds-vk run`: the prompt becomes ids, then tokens come out. */
#ifndef RUN_H
#define RUN_H

#include "input.h"

#include <jansson.h>

/* Wrong combinations of options, before any file is opened. */
int prompt_check_usage(struct cli *cli);
struct prompt {
    struct bytes text;
    bool         piped; /* from a file or standard input, where a line end is no part of it */
};
/* Reads the text, before a model is opened. */
int  prompt_read(struct cli *cli, struct prompt *prompt);
void prompt_done(struct prompt *prompt);
/* The ids of --tokens or of the text, in the chat format where there is one; checked against the
 * vocabulary and what is known of the context. */
int prompt_make(struct cli *cli, struct ids *ids, struct prompt *prompt);
/* The chat's part of these: options that need a chat and have none; whether the text is continued
 * as it is, which is said where nobody asked for it; the ids of a question. */
int chat_check_usage(struct cli *cli);
int chat_choose(struct cli *cli, bool *raw);
int chat_ids(struct cli *cli, struct ids *ids, const struct bytes *text);
/* The prompt must fit into `context` tokens. */
int prompt_check_length(struct cli *cli, const struct ids *ids, uint64_t context);

/* Options over generation_config.json, with a seed in any case. */
dsvk_sampling sampling_choose(struct cli *cli, const dsvk_model *model);
/* The options that are given over `sampling`, and the temperature 0 where one token alone is left
 * to choose from. */
void sampling_apply(const struct cli *cli, dsvk_sampling *sampling);
/* --logit-bias; `biases` must stay as long as `sampling` is used. */
void sampling_add_biases(const struct cli *cli, dsvk_sampling *sampling,
                         dsvk_bias biases[MAX_BIASES]);

struct run_result {
    size_t prompt, generated;
    size_t loaded;        /* tokens of the prompt that came from --load-session */
    double first_seconds; /* until the first token was there; < 0: none came */
    double load_seconds, total_seconds;
    /* for --json */
    struct ids   out;
    struct bytes text;
    size_t       text_room;
    bool         has_text;
    json_t      *logprobs;   /* NULL: not asked for */
    const char  *stopped_by; /* end, stop, limit, context, interrupt */
};

/* --load-session and --save-session: whether files can be there, before a model is opened; then the
 * open session begins with what `ids` and the file have in common, *n tokens; at last it is saved,
 * after an interrupt too, as long as more than those is in it. */
int session_files_check(struct cli *cli);
int session_file_load(struct cli *cli, const struct ids *ids, size_t *n);
int session_file_save(struct cli *cli, size_t loaded);

void report_stats(struct cli *cli, const struct run_result *result);
int  run_json(struct cli *cli, const struct run_result *result);
/* --logprobs: `sampling` is told to collect them in the result, which stays where it is. */
void run_json_logprobs(const struct cli *cli, dsvk_sampling *sampling, struct run_result *result);
int  report_profile(struct cli *cli);

#endif
