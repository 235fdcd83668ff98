/* SPDX-License-Identifier: MIT */
/* How tokens are chosen: what the model suggests, and the options over it. */
#include "host.h"
#include "run.h"

/* Tokens of less probability together than the best one has in any vocabulary of up to a million:
 * that one is kept alone. */
#define TOP_P_GREEDY 1e-6f

void sampling_apply(const struct cli *cli, dsvk_sampling *sampling)
{
    const struct option_value *values = cli->options.values;
    if (values[OPT_TEMP].given)
        sampling->temperature = (float)values[OPT_TEMP].real;
    if (values[OPT_TOP_K].given)
        sampling->top_k = (uint32_t)values[OPT_TOP_K].count;
    if (values[OPT_TOP_P].given)
        sampling->top_p = (float)values[OPT_TOP_P].real;
    if (values[OPT_MIN_P].given)
        sampling->min_p = (float)values[OPT_MIN_P].real;
    if (values[OPT_SEED].given)
        sampling->seed = values[OPT_SEED].count;
    if (values[OPT_REPEAT_PENALTY].given)
        sampling->repetition_penalty = (float)values[OPT_REPEAT_PENALTY].real;
    sampling->presence_penalty  = (float)values[OPT_PRESENCE_PENALTY].real;
    sampling->frequency_penalty = (float)values[OPT_FREQUENCY_PENALTY].real;
    sampling->penalty_last      = (uint32_t)values[OPT_REPEAT_LAST].count;
    /* Here 0 is no probability, in the library's struct it is the default: off. */
    if (sampling->top_k == 1 || (values[OPT_TOP_P].given && sampling->top_p < TOP_P_GREEDY))
        sampling->temperature = 0;
}

dsvk_sampling sampling_choose(struct cli *cli, const dsvk_model *model)
{
    const struct option_value *values   = cli->options.values;
    const dsvk_model_info     *info     = dsvk_model_describe(model);
    dsvk_sampling              sampling = { .top_k = info->gen_top_k, .top_p = info->top_p };
    sampling.temperature                = info->do_sample ? info->temperature : 0;
    bool asked = values[OPT_TEMP].given ? values[OPT_TEMP].real > 0 : info->do_sample;
    if (!values[OPT_SEED].given)
        sampling.seed = host_random();
    sampling_apply(cli, &sampling);

    bool narrowed = values[OPT_TOP_K].given || values[OPT_TOP_P].given || values[OPT_MIN_P].given;
    if (sampling.temperature > 0)
        log_info(&cli->log, "sampling: temperature %g, top-k %u, top-p %g, min-p %g, seed %llu",
                 sampling.temperature, sampling.top_k, sampling.top_p, sampling.min_p,
                 (unsigned long long)sampling.seed);
    else if (narrowed && !asked)
        log_note(&cli->log, "choosing greedily, so --top-k, --top-p and --min-p do nothing (give "
                            "--temp)");
    else if (values[OPT_SEED].given)
        log_note(&cli->log, "choosing greedily, so --seed has no effect%s",
                 asked ? "" : " (give --temp)");
    return sampling;
}

void sampling_add_biases(const struct cli *cli, dsvk_sampling *sampling,
                         dsvk_bias biases[MAX_BIASES])
{
    const struct options *options = &cli->options;
    for (size_t i = 0; i < options->n_biases; i++)
        biases[i] = (dsvk_bias){ options->biases[i].token, (float)options->biases[i].bias };
    sampling->biases   = biases;
    sampling->n_biases = options->n_biases;
}
