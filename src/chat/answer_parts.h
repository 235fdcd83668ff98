/* SPDX-License-Identifier: MIT */
/* What the files of answers share. A machine is fed byte by byte, so that it cannot matter how an
 * answer is cut. Marks of the format are looked for in what it is doing at the time; what may be
 * the beginning of one is held back. A call is kept until its end mark and then read as a whole. */
#ifndef DV_CHAT_ANSWER_PARTS_H
#define DV_CHAT_ANSWER_PARTS_H

#include "chat/answer.h"
#include "chat/value.h"
#include "text/utf8.h"

#define DV_ANSWER_CALL_BYTES (4u << 20) /* of one call; a longer one is text */
#define DV_ANSWER_MARK_BYTES 48u        /* more than any mark has */
#define DV_ANSWER_SPACE 64u             /* white space held back; more is no indentation */
#define DV_ANSWER_OUT 1024u

enum dv_answer_mark {
    DV_MARK_THINK,
    DV_MARK_THINK_END,
    DV_MARK_SECTION,       /* around all calls */
    DV_MARK_SPACE_SECTION, /* the same and the empty line before it, which is no text */
    DV_MARK_SECTION_END,
    DV_MARK_CALL,
    DV_MARK_CALL_END,
    DV_MARK_VALUE, /* an argument, in which nothing but its own end is a mark */
    DV_MARK_VALUE_END,
    DV_MARKS
};

enum dv_answer_mode {
    DV_ANSWER_START,       /* reasoning may begin */
    DV_ANSWER_THINK_START, /* it has begun in the prompt, and the model may say so again */
    DV_ANSWER_REASONING,
    DV_ANSWER_TEXT,
    DV_ANSWER_SECTION, /* between calls */
    DV_ANSWER_CALL,
    DV_ANSWER_VALUE,
    DV_ANSWER_TAIL, /* behind calls, where white space is no text unless text follows */
    DV_ANSWER_MODES
};

struct dv_answer {
    const struct dv_context *ctx;
    enum dv_chat_format      format;
    void (*take)(void *user, const dsvk_piece *piece);
    void                  *user;
    struct dv_arena        arena; /* of the tools */
    const struct dv_value *tools; /* NULL: none */
    bool                   no_calls, trims;
    enum dv_answer_mode    mode;
    bool                   lead;       /* white space at the beginning of a text is left out */
    bool                   blank;      /* one blank is */
    bool                   given;      /* the mark of the section at hand came as text */
    uint32_t               calls;      /* so far */
    uint32_t               in_section; /* of them */
    size_t                 call_at;    /* in the block */
    struct dv_bytes        block;      /* what may become calls, from the first mark on */
    struct dv_utf8         utf8;
    char                   held[DV_ANSWER_MARK_BYTES]; /* the beginning of a mark */
    size_t                 n_held;
    char                   space[DV_ANSWER_SPACE];
    size_t                 n_space;
    char                   out[DV_ANSWER_OUT];
    size_t                 n_out;
    dsvk_piece_kind        out_kind;
    dsvk_status            status; /* of the call at hand */
};

/* NULL: the format has none. */
const char *dv_answer_mark(enum dv_chat_format format, enum dv_answer_mark mark);

/* One call, read. */
struct dv_answer_call {
    const char *id, *name; /* the id may be NULL */
    const char *arguments; /* a JSON object */
    size_t      bytes;
    const char *why; /* it is none; NULL: it is one */
};
/* Of what stands between the marks of a call. NO_MEMORY. */
dsvk_status dv_answer_read_call(struct dv_answer_call *call, const struct dv_answer *answer,
                                struct dv_arena *arena, const char *text, size_t bytes);

/* ---- giving and keeping ---- */

/* At most half of `out`. */
void dv_answer_put(struct dv_answer *a, dsvk_piece_kind kind, const char *bytes, size_t n);
void dv_answer_flush(struct dv_answer *a);
/* What was kept is text; behind a note, and so is the end of the section. */
void dv_answer_give_block(struct dv_answer *a);
void dv_answer_give_back(struct dv_answer *a, const char *why);
/* False: there is no room, and what was kept came as text. Signs are kept whole or not at all. */
bool dv_answer_keep(struct dv_answer *a, const char *bytes, size_t n);
/* The same, but then this comes as text, too. */
void dv_answer_keep_mark(struct dv_answer *a, enum dv_answer_mark mark);
/* White space before a call, which is no text if it becomes one. */
void dv_answer_keep_space(struct dv_answer *a);
/* Gives the call that was kept, without so many bytes at its end; or gives it back. */
void dv_answer_end_call(struct dv_answer *a, size_t end_bytes);

/* ---- what the readers of calls share ---- */

struct dv_part {
    const char *text;
    size_t      bytes;
};

struct dv_call_reader {
    const struct dv_answer *answer;
    struct dv_arena        *arena;
    struct dv_answer_call  *call;
    struct dv_part          rest; /* not read yet */
    dsvk_status             status;
};

/* Takes `word` off the beginning. */
bool dv_part_begins(struct dv_part *part, const char *word);
/* What stands before the first `word`, which is taken off too; false, and nothing is: none is. */
bool dv_part_until(struct dv_part *part, const char *word, struct dv_part *before);
/* Without the white space at both ends. */
struct dv_part dv_part_strip(struct dv_part part);
/* A call is refused. */
void dv_call_refuse(struct dv_call_reader *r, const char *why);
/* Reads a value; NULL: it is no JSON, or memory ended, as the status says. */
struct dv_value *dv_call_value(struct dv_call_reader *r, struct dv_part text);
/* The calls whose arguments are tags: DSML and GLM's. */
void dv_call_read_dsml(struct dv_call_reader *r);
void dv_call_read_glm(struct dv_call_reader *r);
/* A name that a program can take. */
void dv_call_name(struct dv_call_reader *r, struct dv_part name);
/* The arguments as they are written: a JSON object, or nothing. */
void dv_call_arguments(struct dv_call_reader *r, struct dv_part text);

#endif
