/* SPDX-License-Identifier: MIT */
/* What the public handles hold. */
#ifndef DV_API_HANDLES_H
#define DV_API_HANDLES_H

#include <stdatomic.h>

#include "engine/turn.h"
#include "os/monitor.h"
#include "dsvk/dsvk.h"
#include "engine/session.h"
#include "file/checkpoint.h"
#include "chat/chat.h"

struct dsvk_device {
    struct dv_context    ctx;
    struct dv_why        why;
    struct dv_instance  *instance;
    struct dv_device    *dev;
    struct dv_stream    *stream;
    struct dv_turn      *turn;    /* whose holder may use all of the above */
    atomic_uint          users;   /* the caller, and models that are loaded on it */
    dsvk_model          *models;  /* that are loaded on it, in the order in which they were */
    struct dsvk_weight  *weights; /* of callers, and programs with them (api/lent.h) */
    struct dsvk_program *programs;
    struct dv_pace      *pace;
    uint32_t           inside; /* calls that have not returned; some may wait for the turn again */
    struct dv_monitor *queue_lock; /* of our own queue; NULL: it is the application's */
    atomic_bool        recovering; /* by a call that may have given its turn away */
    dsvk_device_info   info;
    uint64_t           slice_ns; /* of dv_engine */
};

/* A desktop that shares the device then stutters, but does not stand still, and the watchdogs of
 * drivers, which wait for seconds, never bite. */
#define DV_USUAL_SLICE_US 100000u

/* A handle without a device; and what follows once it has one. dsvk_device_close() ends both. */
dsvk_status dv_handle_device(dsvk_device **out, const dsvk_log *log,
                             const dsvk_allocator *allocator);
dsvk_status dv_handle_begin(dsvk_device *device, const char *pipeline_cache, uint64_t memory_limit,
                            uint32_t slice_us);
/* Submissions to our own queue take its lock, since the application may have it. */
void dv_handle_lock(dsvk_device *device);

/* Makes a lost device anew, by whatever opens it again; the rest of dsvk_device_recover(). */
struct dv_reopening {
    dsvk_status (*reopen)(struct dv_device *dev, const void *with);
    const void *with;
    bool        lent; /* for devices that an application lends; else for others */
};
dsvk_status dv_recover(dsvk_device *device, const struct dv_reopening *how,
                       const dsvk_recover_params *params);

struct dv_words;

struct dsvk_model {
    struct dv_context          ctx;
    struct dv_why              why;
    struct dv_checkpoint      *checkpoint; /* NULL for a published shape or config alone */
    struct dv_config           config;
    struct dv_tokenizer       *tokenizer; /* NULL: none */
    enum dv_chat_format        chat;
    dsvk_model_info            info;
    char                       formats[160]; /* info.number_formats */
    char                       routing[64];
    dsvk_device               *device; /* NULL until loaded; the model is a user of it, and stays so
                                   * unloaded while it has sessions */
    dsvk_model                *next;   /* of the device's */
    dsvk_session              *sessions;
    atomic_uint                users;   /* the caller, sessions and grammars */
    _Atomic(struct dv_words *) words;   /* its tokens in order; NULL: no grammar was made yet */
    atomic_uint                passing; /* calls that use `device` without being inside */
    uint32_t                   inside; /* calls on sessions that have not returned; with the turn */
    atomic_bool                loading, loaded;
    struct dv_weights         *weights; /* NULL, too, while its device is lost; with the turn */
    atomic_ullong              weight_bytes; /* of these */
    uint64_t                   load_bytes;   /* that loading reports */
    uint32_t          context;  /* tokens that loading left room for, with experts in tiers */
    bool              random;   /* weights are made up when it is loaded */
    dsvk_run          run;      /* that it is loaded for */
    bool              left_f16; /* of dv_engine */
    struct dv_runner *runners;  /* of dv_engine; with the device's turn */
    struct dv_stocks  stocks;   /* likewise */
};

/* As `run` converts them; without tensors from the formats of the release. */
struct dv_weight_source dv_source_of(const dsvk_model *model, const dsvk_run *run);
/* Of what it makes of them: dv_formats_key(). */
uint32_t dv_weights_key(const dsvk_run *run);

/* With the turn: weights for `run`. */
dsvk_status dv_model_load(dsvk_model *model, dsvk_device *device, const dsvk_run *run,
                          const dsvk_progress *progress);
void        dv_model_drop_weights(dsvk_model *model);
/* Of its grammars, which are freed. */
void dv_model_drop_words(dsvk_model *model);
/* Without its weights it is no user of the device any more, if it was one. */
void dv_model_leave_device(dsvk_model *model);

struct dsvk_session {
    dsvk_model        *model; /* the session is a user of it */
    dsvk_session      *next;  /* of the model's */
    struct dv_context  ctx;   /* the model's, with its own `why` */
    struct dv_why      why;
    struct dv_why_call call; /* that runs */
    struct dv_session *session;
    atomic_bool        busy;   /* a call has not returned yet */
    atomic_size_t      tokens; /* of the timeline, as the last call left it */
};

/* One without an engine's session, which is no user of its model yet; NULL: no memory. */
dsvk_session *dv_handle_new(dsvk_model *model);
/* With the turn: it is one of the model's from now on. */
void dv_handle_join(dsvk_session *session);

/* With the turn: whether calls on the device may begin. BUSY while it is recovered; DEVICE_LOST. */
dsvk_status dv_device_admits(const dsvk_device *device, const struct dv_context *ctx);

/* A call on a session is the only one, and has the turn of its device, where it finds again what
 * was dropped. Callbacks that run in a turn may call back into the library only where turn.h says
 * that they run without it. BUSY. */
dsvk_status dv_call_begin(dsvk_session *session);
/* The same, with results: what of the timeline was dropped is computed again, unless `stop` (may be
 * NULL) ends it. */
dsvk_status dv_call_begin_behind(dsvk_session *session, const dsvk_stop *stop);
/* The same without the turn, for what needs no device; ended by clearing `busy`. */
dsvk_status dv_call_enter(dsvk_session *session);
/* Gives the turn away for a callback, after which it is taken again. */
void dv_call_pause(dsvk_session *session);
/* Ends the call but for the session, which is still busy. */
void dv_call_leave(dsvk_session *session);
/* Ends the call with its turn, and answers `status`. */
dsvk_status dv_call_end(dsvk_session *session, dsvk_status status);

/* Lines at level DEBUG: what is open, loaded, made. */
void dv_report_device(const dsvk_device *device);
void dv_report_model(const dsvk_model *model);
void dv_report_load(const dsvk_model *model, const struct dv_setup *setup);
void dv_report_session(const dsvk_session *session, dsvk_cache cache);

/* BAD_ARGUMENT for what is out of its range, with one sentence for all who take it. */
dsvk_status dv_check_sampling(const dsvk_session *session, const dsvk_sampling *sampling);
/* Of the token chosen for the position behind the timeline, to whoever wants them. Without the
 * turn. */
void dv_tell_logprobs(const dsvk_session *session, const dsvk_sampling *sampling);
/* The caller's mask is asked without the turn. */
struct dv_call_mask {
    dsvk_session        *session;
    const dsvk_sampling *asked;
    dsvk_sampling        given; /* for the engine */
};
void dv_call_mask_init(struct dv_call_mask *mask, dsvk_session *session,
                       const dsvk_sampling *sampling);
/* The model's own chat format, or the one that is named; `params` may be NULL. BAD_ARGUMENT. */
dsvk_status dv_chat_format_of(enum dv_chat_format *format, const dsvk_model *model,
                              const dsvk_chat_params *params);
/* BAD_FILE for a model without tokenizer. */
dsvk_status dv_need_tokenizer(const dsvk_model *model);

#endif
