/* SPDX-License-Identifier: MIT */
/* Log-probabilities of the tokens that are chosen: made from the logits where the host chooses, and
 * from what argmax found of them where the device does. Both have the same bits. */
#include <string.h>

#include "engine/finite.h"

_Static_assert(DSVK_MOST_LOGPROBS == DV_MOST_TOLD, "as many are told as may be asked for");

const struct dv_told *dv_session_told(const struct dv_session *s, uint32_t position)
{
    return &s->told[position % DV_RING];
}

dsvk_status dv_session_make_told(struct dv_session *s)
{
    if (!s->told)
        s->told = dv_zalloc_array(s->setup.ctx, DV_RING, sizeof *s->told);
    if (s->told)
        return DSVK_OK;
    return dv_fail(s->setup.ctx, DSVK_NO_MEMORY, "sampling: no memory for log-probabilities");
}

static dsvk_logprob logprob_of(uint32_t token, float logit, double log_sum)
{
    return (dsvk_logprob){ token, (float)((double)logit - log_sum) };
}

static uint32_t n_best(const struct dv_session *s, const dsvk_sampling *sampling)
{
    return sampling->n_logprobs < s->setup.choices ? sampling->n_logprobs : s->setup.choices;
}

dsvk_status dv_session_tell(struct dv_session *s, const struct dv_wish *wish, const float *logits,
                            uint32_t token)
{
    dsvk_status status;
    uint32_t    ids[DSVK_MOST_LOGPROBS];
    TRY(dv_session_make_told(s));
    struct dv_told *told    = &s->told[wish->n % DV_RING];
    double          log_sum = dv_choose_log_sum(s->chooser, logits, s->setup.choices);
    told->chosen            = logprob_of(token, logits[token], log_sum);
    told->n_best            = n_best(s, wish->sampling);
    dv_choose_best(ids, told->n_best, logits, s->setup.choices);
    for (uint32_t i = 0; i < told->n_best; i++)
        told->best[i] = logprob_of(ids[i], logits[ids[i]], log_sum);
    return DSVK_OK;
}

/* ---- by the device ---- */

_Static_assert(DV_TOLD_BYTES % sizeof(uint64_t) == 0 && DV_TOLD_SUM % sizeof(uint64_t) == 0,
               "blocks of what is told");

static uint32_t word_at(const unsigned char *block, uint32_t offset)
{
    uint32_t word;
    memcpy(&word, block + offset, sizeof word);
    return word;
}

static float logit_at(const unsigned char *block, uint32_t offset)
{
    float logit;
    memcpy(&logit, block + offset, sizeof logit);
    return logit;
}

void dv_session_read_told(struct dv_session *s, uint32_t position, uint32_t token)
{
    const unsigned char *block = s->on_device.told->mapped;
    struct dv_told      *told  = &s->told[position % DV_RING];
    uint64_t             sum;
    block += position % DV_STEP_RING * DV_TOLD_BYTES;
    memcpy(&sum, block + DV_TOLD_SUM, sizeof sum);
    double log_sum = dv_choose_log_of(logit_at(block, DV_TOLD_GREATEST), sum);
    told->chosen   = logprob_of(token, logit_at(block, DV_TOLD_CHOSEN), log_sum);
    told->n_best   = n_best(s, s->decoding.sampling);
    for (uint32_t i = 0; i < told->n_best; i++) {
        uint32_t at   = DV_TOLD_BEST + i * 8;
        told->best[i] = logprob_of(word_at(block, at), logit_at(block, at + 4), log_sum);
    }
}
