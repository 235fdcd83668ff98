/* SPDX-License-Identifier: MIT */
/* The queue of jobs and the sessions that answer them. A job is one prompt and its answer. It waits
 * until a session is free, then a thread makes the session's timeline equal to the prompt and
 * generates behind it; the library itself makes batches of sessions that decode at the same time.
 *
 * Sessions are made when they are needed, at most `parallel`, all with the same context, so that
 * they share a runner. A job gets the free one whose timeline has the longest common beginning with
 * its prompt; where that is short, a further session is made, so that no other conversation is
 * lost. Where there is no device memory for a further one, jobs wait for those that are there.
 *
 * A lost device: jobs on it fail, the last thread that leaves it calls dsvk_device_recover() once,
 * and waiting jobs go on. When it fails, waiting jobs fail too, and a job that comes
 * RETRY_SECONDS later tries again. */
#ifndef SERVE_ENGINE_H
#define SERVE_ENGINE_H

#include <dsvk/dsvk.h>
#include <pthread.h>

struct cli;
struct store;

enum job_phase { JOB_NEW, JOB_WAITS, JOB_PROMPT, JOB_ANSWERS, JOB_DONE };

struct job {
    /* What is asked; borrowed until it is done. */
    const uint32_t      *ids;
    size_t               n_ids;
    dsvk_generate_params params; /* without take, user and stop */
    size_t               limit;  /* most tokens, at least 1 */
    dsvk_stop           *stop;
    /* Called from a thread of the engine, as dsvk_generate_params.take; false: it ends here. */
    bool (*take)(struct job *job, uint32_t token, const char *text, size_t bytes);
    void (*done)(struct job *job); /* the engine has forgotten it then */

    /* Whoever has it from `done` reads this. */
    enum job_phase phase;
    dsvk_status    status;
    dsvk_end       end;
    size_t         cached, generated; /* tokens of the prompt that were there; of the answer */
    double         asked_at, begun_at, first_at, ended_at; /* host_seconds() */
    char           why[512];

    /* the engine's */
    struct job *next;
};

enum engine_state { ENGINE_LOADING, ENGINE_READY, ENGINE_LOST, ENGINE_STOPPING };

struct engine_slot {
    dsvk_session *session; /* NULL: to be made */
    bool          busy;
    uint64_t      used; /* clock of its last job */
};

struct engine_counts {
    uint64_t jobs, failed, cancelled, recoveries;
    uint64_t prompt_tokens, cached_tokens, generated_tokens;
    double   prompt_seconds, answer_seconds;
    uint32_t active, waiting, sessions;
};

struct engine {
    struct cli          *cli; /* NULL: it is not made */
    dsvk_model          *model;
    pthread_mutex_t      lock;
    pthread_cond_t       changed;
    enum engine_state    state;
    dsvk_session_params  session_params;
    uint32_t             context, max_waiting;
    struct job          *first, **last; /* that wait */
    struct engine_slot  *slots;
    uint32_t             parallel;
    bool                 full;  /* no memory for a further session */
    struct store        *store; /* NULL: nothing is kept on the disk */
    bool                 recovering, wants_recovery;
    double               recover_at; /* not before */
    uint64_t             clock;
    uint32_t             threads;
    pthread_t           *thread;
    dsvk_stop           *stop; /* of recovering, when the server ends */
    struct engine_counts counts;
};

/* Answers whether there is memory for it. */
bool engine_init(struct engine *engine, struct cli *cli, uint32_t parallel, uint32_t max_waiting);
/* Once the model, of that folder (NULL: the demonstration), is loaded: makes the first session and
 * starts the threads. */
dsvk_status engine_start(struct engine *engine, dsvk_model *model, const char *folder);
/* No job comes in any more; with `cancel` those that wait and run end soon. */
void engine_stop(struct engine *engine);
/* Waits for the threads; all jobs are done. Its counts stay. */
void engine_done(struct engine *engine);
/* There may be memory for a further session again. */
void engine_has_room(struct engine *engine);

enum engine_state    engine_state(struct engine *engine);
struct engine_counts engine_counts(struct engine *engine);

enum engine_answer { ENGINE_TAKEN, ENGINE_FULL, ENGINE_NOT_READY };
/* All n jobs, or none. */
enum engine_answer engine_submit(struct engine *engine, struct job *const *jobs, uint32_t n);
/* Ends a job early, at once while it waits; `stop` may be that of several. */
void engine_cancel(struct engine *engine, dsvk_stop *stop);

/* ---- its parts ---- */

/* A free slot for these ids, NULL when there is none. Under the lock. */
struct engine_slot *engine_choose(struct engine *engine, const uint32_t *ids, size_t n);
/* Makes the device usable again; the lock is held, but not while it works. */
void engine_recover(struct engine *engine);
/* Between two tries of what others keep busy, of which there are so many. */
#define BUSY_TRIES 30000
void engine_nap(void);
/* Fails all jobs that wait. Under the lock. */
void engine_fail_waiting(struct engine *engine, dsvk_status status, const char *why);

#endif
