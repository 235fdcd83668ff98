/* SPDX-License-Identifier: MIT */
/* The text of a checkpoint's chat template. It is a program in another language (Jinja): it is
 * searched for marks, never run. */
#ifndef DV_TEXT_CHAT_TEMPLATE_H
#define DV_TEXT_CHAT_TEMPLATE_H

#include <jansson.h>

#include "text/tokenizer_parts.h"

/* What `chat_template` holds in a JSON file: a text; a list of {"name", "template"} or an object,
 * of which "default" counts, or the only one. Sets tokenizer->template, "" where there are several
 * and none is the default; leaves it where nothing is said. */
dsvk_status dv_chat_template_take(struct dv_tokenizer *tokenizer, const json_t *value);
/* FOLDER/chat_template.jinja goes before what is set already; where nothing is,
 * chat_template.json and additional_chat_templates/default.jinja follow. A file that cannot be read
 * is a warning, and a template that is not known. */
dsvk_status dv_chat_template_find(struct dv_tokenizer *tokenizer, const char *folder);

#endif
