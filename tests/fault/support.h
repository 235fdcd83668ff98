/* SPDX-License-Identifier: MIT */
/* An engine whose every allocation and Vulkan call can be made to fail. Its phases are tried one by
 * one, each with its first, second, ... failure, until one try meets none. What earlier phases made
 * stays, so that a sweep need not compile every pipeline hundreds of times. */
#ifndef DV_TESTS_FAULT_SUPPORT_H
#define DV_TESTS_FAULT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/handles.h"
#include "support/fault.h"
#include "support/folder.h"
#include "support/ids.h"

#define N_TOKENS 5
#define CONTEXT 64
#define N_GENERATED 6

/* Where memory ends: the allocator of the context, or malloc. */
struct memory_faults {
    void (*arm)(size_t nth, bool everyone); /* the call that fails, from 1; 0: none */
    bool (*fired)(void);
    size_t (*live)(void); /* blocks */
};
extern const struct memory_faults allocator_faults, malloc_faults;

struct engine {
    struct dv_folder            folder;
    const char                 *given; /* a folder instead; NULL: none */
    const struct memory_faults *faults;
    struct fault_allocator      memory; /* of device and model, for allocator_faults */
    size_t                      live;   /* blocks that stay, of the test itself */
    size_t                      step;   /* between the failures of a sweep; 1: all */
    bool                        sparse; /* where there are thousands of them, not all */
    dsvk_log                    log;
    dsvk_allocator              allocator;
    unsigned                    errors; /* lines since armed */
    char                        line[512];
    uint32_t                    tokens[N_TOKENS];
    uint32_t                    generated[N_GENERATED], n_generated; /* 0 of them: not known yet */
    uint32_t                    chosen[N_GENERATED], n_chosen; /* likewise, by draw_tokens() */
    uint32_t                    vocab, token; /* token: what argmax answers when nothing fails */
    uint32_t                    drawn;        /* likewise a draw */
    float                      *logits;       /* likewise; [vocab] */
    bool                        profile;      /* of new sessions */
    uint64_t                    limit, host_memory; /* not 0: experts in tiers */
    bool                        unmapped;           /* weights go through staging memory */
    bool                        survived;           /* the last failure: there was another way */
    dsvk_device                *device;
    dsvk_model                 *model;
    dsvk_session               *session;
};

/* The phases; each undoes nothing. */
dsvk_status open_device(struct engine *e);
dsvk_status open_model(struct engine *e);
dsvk_status plan_model(struct engine *e); /* with all experts on the device, and without */
dsvk_status load_model(struct engine *e);
dsvk_status new_session(struct engine *e);
dsvk_status sync_tokens(struct engine *e);
dsvk_status read_results(struct engine *e); /* and compares them */
dsvk_status sample_token(struct engine *e);
dsvk_status generate_tokens(struct engine *e); /* after a sync, some passes ahead; likewise */
dsvk_status draw_tokens(struct engine *e);     /* the same, drawn by the device (fault/draws.c) */
dsvk_status blame_layers(struct engine *e);    /* after a sync, as if its logits were not finite */
dsvk_status score_tokens(struct engine *e);    /* and compares the last row */
dsvk_status fork_session(struct engine *e);    /* after a sync, and compares the fork's results */
dsvk_status save_session(struct engine *e);    /* after a sync, to a file in the folder */
dsvk_status restore_session(struct engine *e); /* from it, and compares the token */
dsvk_status read_profile(struct engine *e);    /* after a pass with profile */
dsvk_status trim_and_read(struct engine *e);   /* all that can be trimmed; and compares results */
dsvk_status load_again(struct engine *e);      /* of a model that has a session; likewise */
dsvk_status list_devices(struct engine *e);
dsvk_status print_graph(struct engine *e);
/* Closing what is open. */
void close_session(struct engine *e);
void close_model(struct engine *e);
void close_device(struct engine *e);

/* The checkpoint, a tiny one for NULL, and what the engine answers when nothing fails. */
void engine_init(struct engine *e, const char *folder);
void engine_done(struct engine *e);
/* From now on, with all closed; allocator_faults at first. */
void use_faults(struct engine *e, const struct memory_faults *faults);

/* From now on, or no longer, some experts are on the device, some in host memory, the rest on the
 * disk. */
void engine_in_tiers(struct engine *e, bool on);
/* The allocation that fails, counted from now on; 0: none. With `everyone` those count that the C
 * library makes, where malloc is what fails. */
void arm_memory(struct engine *e, size_t nth, bool everyone);
/* None fails from now on. Whether one did. */
bool   disarm_memory(struct engine *e);
size_t live_blocks(const struct engine *e);

/* The call that failed, on the session or else on the model, has the sentence that was logged. */
void expect_why(const struct engine *e);

extern struct engine engine; /* of the group */

void memory_may_end_while_opening_the_device(void **state);
void memory_may_end_while_opening_the_model(void **state);
void memory_may_end_while_planning(void **state);
void memory_may_end_while_loading(void **state);
void memory_may_end_in_a_session(void **state);
void memory_may_end_while_layers_are_blamed(void **state);
void memory_may_end_after_trimming(void **state);
void memory_may_end_in_questions(void **state);
void calls_may_fail_while_loading(void **state);
void calls_may_fail_while_making_a_session(void **state);
void calls_may_fail_while_a_session_is_forked(void **state);
void calls_may_fail_while_a_session_is_kept(void **state);
void calls_may_fail_in_a_pass(void **state);
void calls_may_fail_while_generating(void **state);
void calls_may_fail_while_the_device_draws(void **state);
void calls_may_fail_while_layers_are_blamed(void **state);
void calls_may_fail_while_scoring(void **state);
void calls_may_fail_after_trimming(void **state);
void calls_may_fail_in_other_ways(void **state);
void waits_may_last_too_long(void **state);
void memory_may_end_with_tiers(void **state);
void calls_may_fail_with_tiers(void **state);

#endif
