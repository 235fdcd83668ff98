/* SPDX-License-Identifier: MIT */
/* One timeline of tokens and its latent cache. See dsvk.h for the idea of sync. */
#ifndef DSVK_SESSION_H
#define DSVK_SESSION_H

#include "dsvk/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dsvk_session dsvk_session;

typedef struct {
    uint32_t   context; /* tokens; 0 = as of dsvk_run: at most 8192, or 4096 */
    uint32_t   chunk;   /* most tokens in one pass; 0 = chosen for the device */
    dsvk_cache cache;   /* format of the latent cache */
    bool       profile; /* time each kernel */
    /* Pages of the latent cache are not reserved for the whole context, but allocated as tokens
     * come, 16 pages at a time. Where there is no memory for more, a call ends with NO_VRAM before
     * the pass is submitted, and the timeline keeps what it had. */
    bool overcommit;
    /* With products in f16 the bits of a token's latent depend on the pass that computed it
     * (docs/numerics.md): this session then takes no beginning that another pass has computed. With
     * products in f32 it makes no difference. */
    bool exact_prefix;
    /* Told while kernels are compiled, which the first passes of a kind may have to do; done and
     * total are kernels. Once cancelled, the call ends with DSVK_CANCELLED and the timeline keeps
     * what was computed; there are no results until the next sync. It outlives the session. */
    dsvk_progress compiling;
} dsvk_session_params;

/* The latent cache lies in pages of 64 tokens. Sessions of a model with the same cache format share
 * those of a common beginning, whichever has computed it. NO_VRAM when the pages of its context,
 * which are reserved unless it overcommits, and the activations do not fit. */
DSVK_API dsvk_status dsvk_session_new(dsvk_session **out, dsvk_model *model,
                                      const dsvk_session_params *params);
DSVK_API void        dsvk_session_free(dsvk_session *session);

/* A new session of the same model and settings with the same timeline and the same results; from
 * then on each goes its own way, and gives what it would give alone. It shares the full pages and
 * has a copy of the last one, so that nothing is computed: argmax answers at once, and so do sample
 * and logits until something else is computed on the model (then the last token is once more). The
 * fork reserves pages for its context as any session does: NO_VRAM where they do not fit. BUSY
 * while another call on `session` runs, which is BUSY meanwhile. After a failure *out is NULL, and
 * `session` as it was. */
DSVK_API dsvk_status dsvk_session_fork(dsvk_session **out, dsvk_session *session);

/* Makes the timeline equal to tokens[0 .. n-1], n >= 1: keeps the longest common beginning that is
 * cached, drops the rest, takes the full pages that come next from those that any session of the
 * model has computed behind the same tokens, and computes what is new in chunks. Afterwards the
 * results below are those of the last token (which is computed again when it was cached already).
 * BAD_ARGUMENT for an id outside the vocabulary or n beyond the context. After CANCELLED (progress)
 * and for want of pages (NO_VRAM, with `overcommit`) the finished chunks stay and the one in work
 * is dropped, also when the device was lost (see dsvk_device_recover()); after any other failure
 * the timeline is empty and the session usable. */
DSVK_API dsvk_status dsvk_session_sync(dsvk_session *session, const uint32_t *tokens, size_t n,
                                       const dsvk_progress *progress);
/* Tokens in the timeline. */
DSVK_API size_t dsvk_session_tokens(const dsvk_session *session);
/* Copies the ids of the timeline to `ids`, the first `room` of them; *n (NULL: not wanted) is how
 * many there are. BUSY while another call on the session runs, since that may change them. */
DSVK_API dsvk_status dsvk_session_ids(dsvk_session *session, uint32_t *ids, size_t room, size_t *n);
/* The sentence of the session's last call that failed, which went to the log, too; "" where none
 * did. It is for whoever makes the calls: valid until his next one. That of a call which answered
 * BUSY is the model's. */
DSVK_API const char *dsvk_session_why(const dsvk_session *session);
DSVK_API uint32_t    dsvk_session_context(const dsvk_session *session);
DSVK_API uint32_t    dsvk_session_chunk(const dsvk_session *session);

/* The most likely next token, lowest id among equals, of those that the tokenizer has; found on
 * the device. NOT_FINITE, with a sentence that names the first layer concerned, when one of their
 * logits is NaN or infinite; the timeline stays. */
DSVK_API dsvk_status dsvk_session_argmax(dsvk_session *session, uint32_t *token);
/* All `vocab` logits of the last token as they are, copied to `logits`. */
DSVK_API dsvk_status dsvk_session_logits(dsvk_session *session, float *logits);

/* Added to a token's logit. */
typedef struct {
    uint32_t token;
    float    bias; /* -1000 to 1000, or -INFINITY: the token is never chosen */
} dsvk_bias;

/* A token, and the natural logarithm of the probability that the model gives it: of the softmax
 * over the tokens that the tokenizer has, of the logits as they are, before biases, penalties,
 * masks and the temperature (as of OpenAI). To 0.0005, mostly to 0.000001. */
typedef struct {
    uint32_t token;
    float    logprob;
} dsvk_logprob;

#define DSVK_MOST_LOGPROBS 20

/* How a token is chosen. First biases and penalties change the logits and a mask leaves tokens out,
 * greedy choices included; then come temperature, top-k, top-p, min-p and the draw. All of it is
 * done in integers, so that equal logits give equal tokens on every device. With biases, penalties
 * or a mask logits count in steps of 2^-19 and up to 4096 (docs/numerics.md).
 *
 * BAD_ARGUMENT with a sentence for a temperature that is no finite number, a top-p or min-p outside
 * of 0 to 1, penalties and biases outside of their ranges, a token outside of the vocabulary,
 * more than DSVK_MOST_LOGPROBS log-probabilities, and when mask and biases leave no token to choose
 * from. */
typedef struct {
    float    temperature; /* <= 0: greedy */
    uint32_t top_k;       /* 0 = off */
    float    top_p;       /* 0 or 1 = off */
    float    min_p;       /* 0 = off */
    uint64_t seed;        /* with the position it determines the choice */

    const dsvk_bias *biases; /* of tokens that are there twice the last one counts */
    size_t           n_biases;
    /* Of a token that occurs in the timeline, prompt and answer, a logit above 0 is divided by it,
     * others are multiplied (as in llama.cpp, vLLM and transformers); 0.01 to 100, 0 or 1 = off. */
    float repetition_penalty;
    /* Taken off the logit of a token that occurs in the answer, once, and for each time (as of
     * OpenAI and vLLM); -2 to 2, 0 = off. More than 1023 times count as 1023. */
    float    presence_penalty, frequency_penalty;
    uint32_t penalty_last;  /* penalties see the last so many tokens, to 65535; 0 = all */
    uint32_t prompt_tokens; /* so many tokens of the timeline, from its beginning, are no answer */
    /* Asked before each choice, after `take` was handed all tokens before `position`; answers the
     * tokens that may be chosen there, a bit each, from the lowest bit of the first word on, for
     * all ids below `vocab`, valid until the call returns or it is asked again; NULL: all. For it
     * the session is BUSY. With a mask no passes queue ahead, since it comes with the token before.
     * NULL: there is none. */
    const uint32_t *(*mask)(void *user, size_t position);
    void *mask_user;
    /* Told the log-probability of each token that is chosen, by generate before `take` is handed
     * it, and those of the `n_logprobs` most likely ones, in their order, of equal ones the lower
     * id first; of all where there are fewer. `best` is valid during the call, for which the
     * session is BUSY. Where the device chooses, it finds these as well: 176 bytes a token are read
     * back, and passes queue ahead as without. NULL: not wanted. */
    void (*logprobs)(void *user, size_t position, const dsvk_logprob *chosen,
                     const dsvk_logprob *best, size_t n_best);
    void    *logprobs_user;
    uint32_t n_logprobs; /* at most DSVK_MOST_LOGPROBS */
} dsvk_sampling;

typedef struct {
    dsvk_sampling sampling; /* how tokens are chosen; zero: greedily */
    size_t        limit;    /* most tokens; 0 = to the end of the context */
    bool          past_end; /* goes on at tokens that end an answer */
    /* Is handed each token, with what becomes certain of the text by it: whole UTF-8, often none,
     * by the rules of dsvk_model_text(). False: the token is not taken, and it ends here. Text that
     * is still held back at the end, whatever ended it, comes in a last call, with the token
     * DSVK_TEXT_END. `text` is valid during the call, and no C string. NULL: all are taken. */
    bool (*take)(void *user, uint32_t token, const char *text, size_t bytes);
    void *user;
    /* Texts that end the answer and are no part of it, wherever tokens cut them: what may be the
     * beginning of one is held back. The first that is whole counts. */
    const char *const *stop_texts;
    size_t             n_stop_texts;
    const dsvk_stop   *stop; /* asked before each token; NULL: none */
} dsvk_generate_params;

/* Why an answer ended. */
typedef enum {
    DSVK_END_NONE,      /* it failed, as the status says */
    DSVK_END_TOKEN,     /* a token that ends an answer */
    DSVK_END_STOP_TEXT, /* one of the stop texts */
    DSVK_END_LIMIT,     /* so many tokens as were wanted */
    DSVK_END_CONTEXT,   /* no room for more */
    DSVK_END_TAKER,     /* `take` said so */
    DSVK_END_STOP,      /* `stop` was set: the status is CANCELLED */
} dsvk_end;

/* Decoding: hands out the next token, computes it when it is taken, and so on until it ends. The
 * same tokens as sample (or argmax) and sync by turns, but a GPU chooses them itself, and goes on
 * while they are handed out: it runs some passes ahead and drops them at the end.
 *
 * Afterwards the timeline is what it was before and the tokens taken. A token that ends the answer,
 * that makes a stop text whole, or for which the context has no room is handed out and not taken;
 * dsvk_model_chat_next() has what goes on behind it. argmax and sample give the tokens that they
 * gave without it; logits may have to be computed again.
 *
 * BAD_ARGUMENT before the first sync, for sampling out of its range, and for an empty stop text;
 * BAD_FILE for stop texts of a model without tokenizer. After NOT_FINITE, which is argmax's, and
 * after CANCELLED by `stop` the timeline ends with the last token that was taken, or before it
 * where the stop came while that was computed; for CANCELLED while compiling see
 * dsvk_session_params. After DEVICE_LOST it has the tokens that were taken, so
 * that none is handed out twice once the device is recovered. After any other failure it is empty,
 * or as it was where none was handed out, and the session usable. `params` and `end` may be NULL.
 * For `take` the session is BUSY. */
DSVK_API dsvk_status dsvk_session_generate(dsvk_session               *session,
                                           const dsvk_generate_params *params, dsvk_end *end);

/* The next token, by a generator that depends on the seed and the position only, so that a run can
 * be repeated: equal logits give equal tokens everywhere. Rows of the head that the tokenizer has
 * no token for are never chosen. NOT_FINITE, with a sentence, when a logit of the others is no
 * number; the timeline stays. */
DSVK_API dsvk_status dsvk_session_sample(dsvk_session *session, const dsvk_sampling *sampling,
                                         uint32_t *token);

/* What dsvk_session_score() hands out, in order of position; pointers are valid during the call. */
typedef struct {
    void (*logits)(void *user, size_t position, const float *row); /* [vocab]; NULL: not wanted */
    /* MoE layer, position, top_k chosen experts (ascending) and their weights; NULL: not wanted */
    void (*router)(void *user, uint32_t layer, size_t position, const uint32_t *experts,
                   const float *weights);
    void *user;
} dsvk_score_rows;

/* As sync from an empty timeline, handing out every position's results on the way. */
DSVK_API dsvk_status dsvk_session_score(dsvk_session *session, const uint32_t *tokens, size_t n,
                                        const dsvk_score_rows *rows, const dsvk_progress *progress);

/* Writes the timeline to a file: ids, pages of the latent cache and what argmax answers, so that
 * nothing of it need be computed again. The file is for its owner alone, since it holds the
 * conversation. It is written beside `path` under another name and put in its place once all of it
 * is on the disk: until then, whatever happens, an older file stays whole; what a killed process
 * leaves behind is `path` with six characters more. What of the timeline was dropped is computed
 * first. Others have the device while the file is written, and between two MiB that are read from
 * it. `progress` counts bytes and is called without the device. BAD_ARGUMENT for an empty
 * timeline; BAD_FILE where it cannot be written. CANCELLED by `progress`. The timeline stays. */
DSVK_API dsvk_status dsvk_session_save(dsvk_session *session, const char *path,
                                       const dsvk_progress *progress);
/* The timeline becomes that of a file: going on gives the tokens that going on with the saved
 * session gives. With tokens[0 .. n-1], which may be NULL, it becomes the beginning that they and
 * the file have in common, for a sync with them, unless it has as many of them already. Full pages
 * go to where any session finds them, and those that are there are not read again.
 *
 * BAD_FILE with one sentence for what is no such file, is damaged or cut short, or is of another
 * version, model, device, driver, format of cache, weights or products (float32 or float16), or of
 * a context so different that attention is computed in another order: then the bits would not be
 * those that this session computes. BAD_ARGUMENT for more tokens than the context has room for.
 * NO_VRAM with `overcommit`. CANCELLED by `progress`, which counts bytes that are checked, then
 * bytes that are taken. All of the file is checked before a page is taken, and after a failure
 * the timeline is what it was; where the failure comes later some of it may have to be computed
 * again. There are results where the saved session had them and all tokens were taken. */
DSVK_API dsvk_status dsvk_session_load(dsvk_session *session, const char *path,
                                       const uint32_t *tokens, size_t n,
                                       const dsvk_progress *progress);

typedef struct {
    uint64_t device_bytes; /* weights, cache, activations and buffers of the device, now */
    uint64_t weight_bytes, cache_bytes, arena_bytes; /* cache: what is reserved for this session */
    /* Pages of the latent cache that this session has, and how many of them others have too. Those
     * of all sessions of the model with the same cache format, each once: allocated, in use, and
     * kept without a user for whoever begins with the same tokens. Bytes of one. */
    uint32_t session_pages, session_pages_shared;
    uint32_t pages, pages_used, pages_kept;
    uint64_t page_bytes;
    uint64_t submissions;                   /* so far */
    uint64_t prefill_tokens, decode_tokens; /* computed so far; a pass of one token is decode */
    /* Of these passes; a batch counts for each session in it. Not what they waited for the pace or
     * while others had the device. */
    double   prefill_seconds, decode_seconds;
    uint32_t decode_dispatches, decode_barriers; /* of one token; 0 before the first */
    /* Routed experts of the model that come and go, and how many of them the device and the host
     * hold at a time; 0 when all are on the device. */
    uint32_t experts, expert_slots, host_experts;
    uint64_t host_bytes; /* of experts in host memory */
    /* Since the session was made. An expert that a layer wants counts once a pass: it is on the
     * device, or it is brought from the host or from the disk, or read where it is on the host. */
    uint64_t expert_hits, expert_from_host, expert_from_disk;
    uint64_t expert_host_bytes, expert_disk_bytes; /* brought or read there */
    double   expert_seconds;                       /* of bringing; the device waits */
} dsvk_session_stats;

DSVK_API void dsvk_session_stats_get(const dsvk_session *session, dsvk_session_stats *stats);

/* Names of the operations, as in dsvk_profile_row, from index 0 on; NULL behind the last. */
DSVK_API const char *dsvk_op_name(uint32_t index);

typedef struct {
    char        kernel[64];           /* op, and format and shape of its matrix, in one text */
    const char *op, *format;          /* "" without a matrix; static storage */
    uint32_t    rows, cols, matrices; /* of one matrix; experts or heads */
    uint64_t    dispatches;
    double      seconds; /* on the device */
    /* Of weights and latent cache, each byte once a dispatch, of as many experts as there can be
     * choices; and twice the products that are summed. */
    uint64_t bytes, flops;
} dsvk_profile_row;

/* Device time by kernel since the session was made with `profile`, or since the last reset, longest
 * first; the caller frees *rows with dsvk_model_free_memory(). UNSUPPORTED where the device has no
 * timestamps. */
DSVK_API dsvk_status dsvk_session_profile(const dsvk_session *session, dsvk_profile_row **rows,
                                          uint32_t *n);
DSVK_API void        dsvk_session_profile_reset(dsvk_session *session);

#ifdef __cplusplus
}
#endif
#endif
