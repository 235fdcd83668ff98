/* SPDX-License-Identifier: MIT */
/* What a pass is told at run time, beside the arguments that are recorded: one text for C and GLSL,
 * behind args.h. Words of 32 bits only. */
#ifndef DV_STEP_BLOCK_H
#define DV_STEP_BLOCK_H

#ifndef VULKAN /* C */
typedef struct dv_choice dv_choice;
typedef struct dv_extras dv_extras;
#endif

/* How a token is chosen by chance: the rule of tensor/choose.h. factor 0: by the greatest logit. */
struct dv_choice {
    uint32_t factor;
    int      exponent, reach;
    uint32_t top_k, top_p, min_weight, seed_low, seed_high;
};

/* How logits are changed before that: step 0 of tensor/choose.h. Arrays over all tokens that may be
 * chosen, in whole groups of four words; 0: none. Then what is told of the token that is chosen. */
struct dv_extras {
    uint32_t   up, down;
    int        presence, frequency;
    dv_address bias, counts; /* argmax counts the tokens that it finds */
    dv_address mask;
    dv_address window; /* ids of the tokens that are counted, by position modulo `last` */
    uint32_t   last;   /* so many, or 0: all, without a window */
    uint32_t   answer; /* position of the first token that is of the answer */
    dv_address told;   /* DV_STEP_RING blocks of DV_TOLD_BYTES, by position modulo that; 0: none */
    uint32_t   n_best, changes; /* 0: logits stay as they are */
    uint32_t   unused[2];
};
#define DV_EXTRAS_BYTES 80

/* Of logits as they were: bits of the greatest and of the chosen token's, the sum of all weights at
 * temperature 1 (step 5 of tensor/choose.h, low word first), then of each of the best tokens the id
 * and the logit's bits. */
#define DV_TOLD_GREATEST 0
#define DV_TOLD_CHOSEN 4
#define DV_TOLD_SUM 8
#define DV_TOLD_BEST 16
#define DV_MOST_TOLD 20
#define DV_TOLD_BYTES (DV_TOLD_BEST + DV_MOST_TOLD * 8)

/* One row of a pass: a token, where it stands and the cache of its timeline. */
struct dv_row {
    uint32_t   token, position;
    dv_address pages; /* table of the addresses of its timeline's pages */
};

#define DV_MOST_ROWS 32 /* of a batch */
#define DV_STEP_RING 16

/* The parameter block of one pass (host-visible), followed by its rows. Written by the host before
 * each submission; the recorded commands never change. There are two kinds of passes:
 * - a prompt: rows of one timeline at consecutive positions;
 * - a batch: at most DV_MOST_ROWS rows, each the next token of a timeline of its own. It leaves
 *   here what the pass of the tokens found needs, so that this may be queued behind it. A pass of
 *   one token is a batch of one row.
 * A batch that was recorded for more rows than there are timelines has its first row again in the
 * rest: the same token, position and pages put the same values in the same places. So no kernel
 * knows of empty rows but argmax, which chooses once and counts once for all of them. */
struct dv_step {
    uint32_t attend_x, attend_y, attend_z; /* group counts of attend, for indirect dispatch; */
    uint32_t rows; /* y: the splits of the longest row. Rows before those that repeat the first */
    /* Of a batch, by row: how the token that it finds is chosen (extras: of a dv_extras, or 0), and
     * by position modulo 16 the tokens found. */
    dv_choice  choices[DV_MOST_ROWS];
    dv_address extras[DV_MOST_ROWS];
    uint32_t   chosen[DV_MOST_ROWS][DV_STEP_RING];
    /* dv_row rows[tokens] follow at byte DV_STEP_ROWS */
};
/* Byte offsets of its members, for lib/step.glsl; kernel/argmax.c compares them. */
#define DV_CHOICE_BYTES 32 /* a multiple of 16, as are all parts of the block */
#define DV_ROW_BYTES 16
#define DV_STEP_ATTEND 0 /* attend_x */
#define DV_STEP_LIVE 12  /* rows */
#define DV_STEP_CHOICES 16
#define DV_STEP_EXTRAS (DV_STEP_CHOICES + DV_MOST_ROWS * DV_CHOICE_BYTES)
#define DV_STEP_CHOSEN (DV_STEP_EXTRAS + DV_MOST_ROWS * 8)
#define DV_STEP_ROWS (DV_STEP_CHOSEN + DV_MOST_ROWS * DV_STEP_RING * 4)
/* What argmax finds where a value that it looks at is NaN or infinite, and where extras leave no
 * token. The host sees it in the result and in the ring; a pass that is queued behind reads token
 * 0, so that it stays inside of the embedding. */
#define DV_NOT_FINITE 0xFFFFFFFFu
#define DV_NONE_LEFT 0xFFFFFFFEu
#define DV_IS_TOKEN(id) ((id) < DV_NONE_LEFT)

#endif
