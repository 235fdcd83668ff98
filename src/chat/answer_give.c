/* SPDX-License-Identifier: MIT */
/* What an answer gives out, and what it keeps until it is certain what that is. */
#include <string.h>

#include "chat/answer_parts.h"

/* ---- giving ---- */

static void give(struct dv_answer *a, const dsvk_piece *piece)
{
    a->take(a->user, piece);
}

void dv_answer_flush(struct dv_answer *a)
{
    size_t n = a->n_out;
    a->n_out = 0;
    if (n)
        give(a, &(dsvk_piece){ .kind = a->out_kind, .text = a->out, .bytes = n });
}

void dv_answer_put(struct dv_answer *a, dsvk_piece_kind kind, const char *bytes, size_t n)
{
    if (a->out_kind != kind)
        dv_answer_flush(a);
    a->out_kind = kind;
    memcpy(a->out + a->n_out, bytes, n);
    a->n_out += n;
}

static void note(struct dv_answer *a, const char *text)
{
    dv_answer_flush(a);
    give(a, &(dsvk_piece){ .kind = DSVK_PIECE_NOTE, .text = text, .bytes = strlen(text) });
}

/* What was kept is text. */
void dv_answer_give_block(struct dv_answer *a)
{
    dv_answer_flush(a);
    if (a->block.n)
        give(a,
             &(dsvk_piece){ .kind = DSVK_PIECE_TEXT, .text = a->block.data, .bytes = a->block.n });
    a->block.n      = 0;
    a->block.status = DSVK_OK;
}

void dv_answer_give_back(struct dv_answer *a, const char *why)
{
    note(a, why);
    dv_answer_give_block(a);
    a->given = true;
}

/* ---- keeping ---- */

/* Signs are kept whole or not at all. */
bool dv_answer_keep(struct dv_answer *a, const char *bytes, size_t n)
{
    static const char room[DV_ANSWER_SPACE + 8];
    bool              begins   = (bytes[0] & 0xC0) != 0x80;
    bool              too_long = begins && a->block.n + n > DV_ANSWER_CALL_BYTES;
    if (begins && !too_long) {
        size_t before = a->block.n;
        dv_bytes_put(&a->block, room, n + 8);
        a->block.n = before;
    }
    if (a->block.status != DSVK_OK)
        a->status = a->block.status;
    if (too_long || a->block.status != DSVK_OK) {
        dv_answer_give_back(a, too_long ? "a call of more than 4 MiB came as text"
                                        : "there was no memory for a call, which came as text");
        a->mode = DV_ANSWER_TEXT;
        return false;
    }
    dv_bytes_put(&a->block, bytes, n);
    return true;
}

void dv_answer_keep_mark(struct dv_answer *a, enum dv_answer_mark mark)
{
    const char *text = dv_answer_mark(a->format, mark);
    if (!dv_answer_keep(a, text, strlen(text)))
        dv_answer_put(a, DSVK_PIECE_TEXT, text, strlen(text));
}

/* White space before a call is no text if it becomes one. */
void dv_answer_keep_space(struct dv_answer *a)
{
    size_t n   = a->n_space;
    a->n_space = 0;
    if (n && !dv_answer_keep(a, a->space, n))
        dv_answer_put(a, DSVK_PIECE_TEXT, a->space, n);
}

/* ---- calls ---- */

static void give_call(struct dv_answer *a, const struct dv_answer_call *call)
{
    dv_answer_flush(a);
    uint32_t at = a->calls++;
    give(a,
         &(dsvk_piece){ .kind = DSVK_PIECE_CALL, .call = at, .id = call->id, .name = call->name });
    give(a, &(dsvk_piece){ .kind  = DSVK_PIECE_ARGUMENTS,
                           .call  = at,
                           .text  = call->arguments,
                           .bytes = call->bytes });
    give(a, &(dsvk_piece){ .kind = DSVK_PIECE_CALL_END, .call = at });
    a->in_section++;
    a->block.n = 0;
}

/* Reads the block from the mark of the call on, without so many bytes at its end. */
void dv_answer_end_call(struct dv_answer *a, size_t end_bytes)
{
    struct dv_arena       arena;
    struct dv_answer_call call;
    size_t                start = a->call_at + strlen(dv_answer_mark(a->format, DV_MARK_CALL));
    dv_arena_init(&arena, a->ctx);
    dsvk_status status = dv_answer_read_call(&call, a, &arena, a->block.data + start,
                                             a->block.n - start - end_bytes);
    if (status != DSVK_OK) {
        a->status = status;
        dv_answer_give_back(a, "there was no memory to read a call, which came as text");
    } else if (call.why) {
        dv_answer_give_back(a, call.why);
    } else {
        give_call(a, &call);
    }
    dv_arena_done(&arena);
}
