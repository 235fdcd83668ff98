/* SPDX-License-Identifier: MIT */
/* A published checkpoint folder: shape, tensors, tokenizer, chat format, compiled graph; and its
 * weights on a device. */
#ifndef DSVK_MODEL_H
#define DSVK_MODEL_H

#include "dsvk/device.h"
#include "dsvk/run.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dsvk_model dsvk_model;

typedef struct {
    const char    *folder;      /* config.json, *.safetensors, tokenizer.json */
    const char    *like;        /* instead of a folder: a published shape, one of dsvk_like_name();
                         * loading it makes weights up, the same in every run, in the formats of
                         * the release */
    uint32_t       layers;      /* with `like`: the first so many layers alone; 0 = all */
    bool           config_only; /* read config.json alone: describe and graph work, load does not */
    dsvk_log       log;
    dsvk_allocator allocator;
    bool           tokenizer_only; /* for ids and text: no weights, config.json if there */
} dsvk_model_params;

/* Reads and checks headers only; no weight is touched. A missing tokenizer (tokenizer.json, or
 * tiktoken.model) is no failure here: the functions that need it answer BAD_FILE. */
DSVK_API dsvk_status dsvk_model_open(dsvk_model **out, const dsvk_model_params *params);
DSVK_API void        dsvk_model_close(dsvk_model *model);
/* Copies the sentence of the model's last call that failed, dsvk_session_new() included, as far as
 * `room` goes with a zero behind it; answers how many bytes it has, 0 where none failed. From any
 * thread, so it is that of whichever thread failed last. */
DSVK_API size_t dsvk_model_why(const dsvk_model *model, char *why, size_t room);
/* Names that dsvk_model_params.like takes, from index 0 on; NULL behind the last. */
DSVK_API const char *dsvk_like_name(uint32_t index);

typedef struct {
    const char *architecture; /* model_type */
    uint32_t    layers, dense_layers, hidden, heads, vocab;
    uint32_t    q_lora, kv_lora, nope, rope, v_head; /* q_lora 0: a single query projection */
    uint32_t    dense_ffn, expert_ffn, experts, shared_experts, top_k, groups, top_k_groups;
    uint32_t    mtp_layers, max_context;
    const char *routing;        /* "softmax greedy", "sigmoid noaux_tc", ... */
    const char *chat_format;    /* by its chat template: "none" where there is no template, as in
                                 * base models; "unknown"; or a name, see dsvk_chat_params */
    const char *number_formats; /* of the tensors, by bytes: "F8_E4M3 78%, BF16 22%" */
    uint64_t    parameters, active_parameters; /* of the main model */
    uint64_t    bytes;                         /* of all tensors in the folder */
    uint32_t    tensors, shards;
    bool        adds_bos;       /* its tokenizer starts plain text with BOS */
    uint32_t    tokenizer_size; /* ids, 0 = no tokenizer */
    uint64_t    latent_bytes;   /* of one token in the bf16 latent cache, all layers */
    bool        do_sample;      /* generation_config.json; false: greedy */
    float       temperature, top_p;
    uint32_t    gen_top_k; /* 0 = off */
} dsvk_model_info;

/* Valid as long as the model. */
DSVK_API const dsvk_model_info *dsvk_model_describe(const dsvk_model *model);

typedef struct {
    const char *name, *dtype;
    uint32_t    n_dims;
    uint64_t    dims[4];
    uint64_t    bytes;
} dsvk_tensor_info;

/* Tensor i of dsvk_model_info.tensors, by name; false past the end. */
DSVK_API bool dsvk_model_tensor(const dsvk_model *model, uint32_t i, dsvk_tensor_info *info);

/* ---- tokens ---- */

/* The caller frees *ids with dsvk_model_free_memory(). With `special` the text of special tokens is
 * recognised; without it, it is ordinary text. BOS is added only when `bos`. */
DSVK_API dsvk_status dsvk_model_tokenize(const dsvk_model *model, const char *text, size_t bytes,
                                         bool special, bool bos, uint32_t **ids, size_t *n);
/* Bytes of one token, often not whole UTF-8; NULL and 0 when the id has none. */
DSVK_API const char *dsvk_model_token(const dsvk_model *model, uint32_t id, size_t *bytes);
DSVK_API bool        dsvk_model_token_is_special(const dsvk_model *model, uint32_t id);
/* Whether generation ends at this token. */
DSVK_API bool dsvk_model_token_is_end(const dsvk_model *model, uint32_t id);

/* Text of tokens that come one by one; zero: nothing is held back. */
typedef struct {
    unsigned char held[4]; /* a sign that has begun */
    uint32_t      n;
} dsvk_text;

#define DSVK_TEXT_END UINT32_MAX /* no token: there are no more */

/* Writes what becomes certain of a text by its next token, as whole UTF-8, to `out` and answers how
 * many bytes that are: special tokens and unknown ids have none; a sign that has begun is held back
 * until it is whole; the longest beginning of a sign that does not become whole is one U+FFFD, as
 * is each other byte that is no UTF-8. DSVK_TEXT_END instead of a token: a sign that has begun will
 * not become whole. Where there are more than `room` bytes, nothing is written and `text` stays as
 * it was: try again with more room. Three times the token's bytes and 9 more are always enough. */
DSVK_API size_t dsvk_model_text(const dsvk_model *model, dsvk_text *text, uint32_t id, char *out,
                                size_t room);

/* What the assistant asks a tool for. */
typedef struct {
    const char *id;        /* NULL: none */
    const char *name;      /* of the function */
    const char *arguments; /* a JSON object, as the model wrote it */
} dsvk_tool_call;

/* A message; zero is what it has not. Texts end with a 0. Which formats take what stands in
 * docs/chat.md; what a format has no place for is BAD_ARGUMENT. */
typedef struct {
    const char *role; /* "system", "user", "assistant", "tool"; "developer" and "latest_reminder" in
                       * formats that know them */
    const char *text;
    const char *reasoning;       /* of the assistant */
    const dsvk_tool_call *calls; /* of the assistant */
    size_t                n_calls;
    const char           *call_id; /* of a tool's result: that of its call */
    const char           *name;    /* what Moonshot's formats write instead of the role */
    const char           *tools;   /* JSON list, of a system or developer message of V3.2 and V4 */
    const char           *response_format; /* JSON, likewise */
    const char           *task;            /* of a user's message in V4: "title", "query", ... */
    bool                  open; /* an assistant's message in V4 that is to be continued */
} dsvk_message;

/* AUTO: what the model's template does when nothing is asked. */
typedef enum { DSVK_THINK_AUTO, DSVK_THINK_ON, DSVK_THINK_OFF } dsvk_think;

typedef struct {
    dsvk_think  think;
    const char *format;  /* instead of the model's own, and nothing of its template counts: "v2",
                          * "v3", "r1", "v31", "v32", "v4", "glm", "glm45", "moonlight", "kimi",
                          * "kimi-think", "kimi-k25"; NULL: its own */
    bool        no_open; /* without the opening of the assistant's turn */
    bool keep_reasoning; /* of all answers, in V3.2 and V4, which drop that of earlier ones */
    const char *effort;  /* of reasoning: "low", "medium", "high", "max"; V4 knows it, and there
                         * only "max" changes anything; NULL: the usual */
    const char *tools;   /* JSON list of {"type": "function", "function": {...}}; NULL: none */
    /* The answer is opened with a call of this function, without reasoning, so that what is
     * generated goes on with its arguments; "": with the beginning of a call of any; NULL: it is
     * not. What follows is not checked by it. */
    const char *call;
} dsvk_chat_params;

/* The ids of a conversation in a chat format, BOS included, ending with the opening of the
 * assistant's turn. `params` may be NULL. UNSUPPORTED when the model has no chat format that is
 * known and none is named, when its tokenizer lacks a mark of the format, and when it is asked to
 * think and cannot. Freed as above. */
DSVK_API dsvk_status dsvk_model_chat(const dsvk_model *model, const dsvk_message *messages,
                                     size_t n, const dsvk_chat_params *params, uint32_t **ids,
                                     size_t *n_ids);
/* The ids that go on from a timeline that ends with an answer, as dsvk_session_generate() leaves
 * it: the mark that ends the answer (where the format has one), a turn of the user with `text`, and
 * the opening of the next answer. The thoughts of earlier answers stay in the timeline, where
 * dsvk_model_chat() leaves them out as templates do. Otherwise as above. */
DSVK_API dsvk_status dsvk_model_chat_next(const dsvk_model *model, const char *text,
                                          const dsvk_chat_params *params, uint32_t **ids,
                                          size_t *n_ids);
/* The bytes that the ids of dsvk_model_chat() stand for, with a 0 behind them. Needs no tokenizer
 * where a format is named. */
DSVK_API dsvk_status dsvk_model_chat_text(const dsvk_model *model, const dsvk_message *messages,
                                          size_t n, const dsvk_chat_params *params, char **text,
                                          size_t *bytes);
/* The same of a conversation as JSON in UTF-8, a list of messages as in OpenAI's requests or an
 * object with "messages", "tools" and "options" (docs/chat.md), which go before `params`: its
 * ids, or its bytes. BAD_ARGUMENT for what is no such thing, with the place. */
typedef struct {
    uint32_t *ids; /* freed with dsvk_model_free_memory(); NULL with `as_text` */
    size_t    n_ids;
    char     *text; /* likewise, with a 0 behind it; NULL without `as_text` */
    size_t    bytes;
} dsvk_prompt;
DSVK_API dsvk_status dsvk_model_chat_json(const dsvk_model *model, const char *json, size_t bytes,
                                          const dsvk_chat_params *params, bool as_text,
                                          dsvk_prompt *prompt);
DSVK_API void        dsvk_model_free_memory(const dsvk_model *model, void *memory);

/* ---- the compiled graph ---- */

typedef enum { DSVK_STAGE_BUILT, DSVK_STAGE_FUSED, DSVK_STAGE_PLANNED } dsvk_graph_stage;
typedef enum { DSVK_FORMAT_TEXT, DSVK_FORMAT_DOT, DSVK_FORMAT_JSON } dsvk_graph_format;

typedef struct {
    dsvk_graph_stage  stage;
    dsvk_graph_format format;
    uint32_t          tokens;  /* in one pass; 0 = 1, a decode step */
    uint32_t          chunk;   /* most tokens of a pass when a summary counts the bytes of weights
                                * that so many tokens take; 0 = what sessions choose on a GPU */
    bool              no_fuse; /* plan the graph as built */
    void (*write)(void *user, const char *text, size_t bytes); /* receives the print in pieces */
    void *user;
} dsvk_graph_params;

DSVK_API dsvk_status dsvk_model_graph(const dsvk_model *model, const dsvk_graph_params *params);

/* ---- weights on a device ---- */

typedef struct {
    dsvk_run      run;
    dsvk_progress progress; /* bytes */
} dsvk_load_params;

/* Puts the weights on the device, unchanged in value unless `run.weights` says otherwise. Routed
 * experts that do not fit beside all else and a session go to host memory, and what does not fit
 * there stays on the disk; they are brought when a token needs them, and results are the same
 * bits. The folder's files must stay as they are while the model is open. NO_VRAM when not even
 * the experts of one token fit, CANCELLED; the model is then as before. BAD_ARGUMENT for a model
 * that is loaded. Once it was unloaded it may be loaded again, with sessions that it still has to
 * the same device and with the math, fusion and weights of before (BAD_ARGUMENT); these then go on
 * as after dsvk_device_recover(). BUSY while another thread loads or unloads it. */
DSVK_API dsvk_status dsvk_model_load(dsvk_model *model, dsvk_device *device,
                                     const dsvk_load_params *params);
/* Gives back all device memory that the model has: its weights and all that its sessions need. All
 * handles stay valid. Sessions keep their timelines; until the model is loaded again calls that
 * compute answer BAD_ARGUMENT, with a sentence. OK at once where it is not loaded.
 *
 * Waits for the calls of others as they do, so for a pass of each at most. BUSY, and nothing
 * happens, while a call on one of its sessions has not returned, also where it waits in a callback,
 * and while its device is recovered. A model without sessions lets go of its device, too. From any
 * thread, also where the device is lost: it is then not loaded when that is recovered. */
DSVK_API dsvk_status dsvk_model_unload(dsvk_model *model);
/* Device bytes of its weights; 0 where it is not loaded. */
DSVK_API uint64_t dsvk_model_weight_bytes(const dsvk_model *model);

/* Writes a checkpoint folder with the weights converted: the values that converting on load gives.
 * `folder` must not be there, its parent must (BAD_FILE), and it appears when it is whole. Place,
 * rights, room and small files are looked at before the first byte; small files that cannot be read
 * are a warning. CANCELLED; nothing is left of a failure, but everything when all is written and
 * only the name cannot be had. progress ends with the bytes of the new weights. */
DSVK_API dsvk_status dsvk_model_quantize(const dsvk_model *model, const char *folder,
                                         dsvk_weights weights, const dsvk_progress *progress);

typedef struct {
    dsvk_weights  weights;
    dsvk_head     head;
    dsvk_progress progress;
} dsvk_quantize_params;

/* The same, where head and embedding are to be what `params->head` says. Programs that take FP8
 * from DeepSeek's releases may not expect it there: KEEP is for them. */
DSVK_API dsvk_status dsvk_model_quantize_with(const dsvk_model *model, const char *folder,
                                              const dsvk_quantize_params *params);

#ifdef __cplusplus
}
#endif
#endif
