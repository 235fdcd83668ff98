/* SPDX-License-Identifier: MIT */
#include "host.h"
#include "run.h"

dsvk_sampling sampling_choose(struct cli *cli)
{
    const struct option_value *values = cli->options.values;
    const dsvk_model_info     *info = dsvk_model_describe(cli->model);
    dsvk_sampling              sampling = { .top_k = info->gen_top_k, .top_p = info->top_p };
    sampling.min_p = (float)values[OPT_MIN_P].real;
    sampling.temperature = info->do_sample ? info->temperature : 0;
    if (values[OPT_TEMP].given)
        sampling.temperature = (float)values[OPT_TEMP].real;
    if (values[OPT_TOP_K].given)
        sampling.top_k = (uint32_t)values[OPT_TOP_K].count;
    if (values[OPT_TOP_P].given)
        sampling.top_p = (float)values[OPT_TOP_P].real;
    sampling.seed = values[OPT_SEED].given ? values[OPT_SEED].count : host_random();

    bool narrowed = values[OPT_TOP_K].given || values[OPT_TOP_P].given || values[OPT_MIN_P].given;
    if (sampling.temperature > 0)
        log_info(&cli->log, "sampling: temperature %g, top-k %u, top-p %g, min-p %g, seed %llu",
                 sampling.temperature, sampling.top_k, sampling.top_p, sampling.min_p,
                 (unsigned long long)sampling.seed);
    else if (narrowed)
        log_note(&cli->log, "choosing greedily, so --top-k, --top-p and --min-p do nothing (give "
                            "--temp)");
    return sampling;
}
