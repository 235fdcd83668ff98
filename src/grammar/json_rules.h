/* SPDX-License-Identifier: MIT */
/* The rules of JSON (RFC 8259) that a schema's are made of, narrowed where a text can have no end:
 * little white space, numbers of at most 17 digits. */
#ifndef DV_GRAMMAR_JSON_RULES_H
#define DV_GRAMMAR_JSON_RULES_H

#include "grammar/nodes.h"

struct dv_json_rules {
    struct dv_grammar *g;
    uint32_t           white;  /* a blank, or a line end and its indentation */
    uint32_t           sign;   /* one sign of a text, whole UTF-8 or an escape */
    uint32_t           signs;  /* the rest of a text, with the mark that ends it */
    uint32_t           number; /* any */
    uint32_t           value;  /* any */
};

void dv_json_rules_make(struct dv_json_rules *rules, struct dv_grammar *g);

/* Nothing, or white space. */
uint32_t dv_json_white(const struct dv_json_rules *rules, uint32_t next);
/* A text of least to most signs. */
uint32_t dv_json_text(const struct dv_json_rules *rules, uint32_t least, uint32_t most,
                      uint32_t next);
/* From least to most digits, in a row. */
uint32_t dv_json_digits(struct dv_grammar *g, uint32_t least, uint32_t most, uint32_t next);

/* A member of an object: its name and what comes between. */
uint32_t dv_json_name(const struct dv_json_rules *rules, const char *name, size_t bytes,
                      uint32_t value);
/* The same with any name that is none of these, which are written as in JSON, without marks. */
struct dv_json_names {
    const char *const *names;
    size_t             n;
};
uint32_t dv_json_other_name(const struct dv_json_rules *rules, const struct dv_json_names *names,
                            uint32_t value);

/* What goes round in an object or list: `next` behind the last mark, which `close` is. */
struct dv_json_row {
    char     close;
    uint32_t next;
};
/* Behind an element: the end, or a comma and an element that starts at *element; set later. */
uint32_t dv_json_row_loop(const struct dv_json_rules *rules, const struct dv_json_row *row);
void     dv_json_row_close(const struct dv_json_rules *rules, uint32_t loop, uint32_t element);
uint32_t dv_json_row_end(const struct dv_json_rules *rules, const struct dv_json_row *row);
uint32_t dv_json_row_more(const struct dv_json_rules *rules, uint32_t element);

/* ---- bounded numbers ---- */

/* What lies between: both at most DV_JSON_MOST away from 0. `least_out`: that value itself is
 * out. */
#define DV_JSON_MOST INT64_C(999999999999999)
struct dv_json_range {
    int64_t least, most;
    bool    least_out, most_out;
};
uint32_t dv_json_integer(struct dv_grammar *g, struct dv_json_range range, uint32_t next);
uint32_t dv_json_real(struct dv_grammar *g, struct dv_json_range range, uint32_t next);

#endif
