/* SPDX-License-Identifier: MIT */
/* pipelines: compiles every pipeline that the published shapes ask for on a device and prints what
 * the driver's compiler says of it. No work is submitted: stub drivers will do (docs/vendors.md).
 *
 * Exit status: 0; 1 when a pipeline does not compile, or one for decoding or for matrix units
 * spills or uses scratch memory; 2 for a wrong call or a device that cannot be opened. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/os.h"
#include "pipelines.h"

struct options {
    const char *device, *kernel;
    bool        json, all, cost;
};

/* The few numbers that every compiler has in some form. */
enum measure { REGISTERS, SPILLS, SCRATCH, INSTRUCTIONS, SUBGROUP, N_MEASURES };

struct row {
    const struct found  *found;
    bool                 failed;
    double               ms;
    uint64_t             measures[N_MEASURES];
    struct dv_statistic *statistics;
    uint32_t             n_statistics;
};

struct summary {
    uint32_t pipelines, failed, spilling, decode_spilling, matrix_spilling;
    double   ms;
};

/* ---- measuring ---- */

/* Names as the drivers of AMD, Intel and NVIDIA in Mesa have them. Spills into other registers are
 * none here: they cost an instruction, not memory. */
static const struct {
    enum measure measure;
    const char  *name;
} names[] = {
    { REGISTERS, "VGPRs" },
    { REGISTERS, "Max live registers" },
    { REGISTERS, "Number of GPRs" },
    { SPILLS, "Spilled VGPRs" },
    { SPILLS, "Spilled SGPRs" },
    { SPILLS, "Spill Count" },
    { SPILLS, "Spill count" },
    { SPILLS, "Spills" },
    { SPILLS, "Spills to memory" },
    { SCRATCH, "Scratch size" },
    { SCRATCH, "Scratch Memory Size" },
    { SCRATCH, "SLM size" },
    { INSTRUCTIONS, "Instructions" },
    { INSTRUCTIONS, "Instruction Count" },
    { INSTRUCTIONS, "Instruction count" },
    { SUBGROUP, "Subgroup size" },
};

static void measure(struct row *row)
{
    for (uint32_t i = 0; i < row->n_statistics; i++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if (strcmp(row->statistics[i].name, names[k].name) == 0)
                row->measures[names[k].measure] += row->statistics[i].value;
}

static void compile(struct row *row, struct dv_device *dev)
{
    struct dv_pipeline *pipeline;
    dsvk_status         status;
    uint64_t            start = dv_time_ns();
    if (dev->caps.executable_statistics)
        status =
            dv_pipeline_statistics(&row->statistics, &row->n_statistics, dev, &row->found->params);
    else
        status = dv_pipeline_get(&pipeline, dev, &row->found->params);
    row->ms     = (double)(dv_time_ns() - start) / 1e6;
    row->failed = status != DSVK_OK;
    measure(row);
}

static void sum_up(struct summary *s, const struct row *row)
{
    bool spills = row->measures[SPILLS] || row->measures[SCRATCH];
    s->pipelines++;
    s->failed += row->failed;
    s->spilling += spills;
    s->decode_spilling += spills && row->found->tokens <= DECODE_TOKENS;
    s->matrix_spilling += spills && strstr(row->found->params.kernel, "_coop");
    s->ms += row->ms;
}

/* ---- printing ---- */

/* All variants of a kernel have the same. */
static uint32_t count_constants(const struct dv_pipeline_params *params)
{
    struct dv_spirv_facts  facts  = { .n_spec = 0 };
    const struct dv_spirv *module = dv_spirv_choose(params->kernel, ~0u, 0);
    if (module)
        dv_spirv_read(&facts, module->words, module->n_words);
    return facts.n_spec;
}

/* The workgroup, then the op's own constants: "64: 3 2 1 0 1". */
static void print_constants(char *out, size_t room, const struct dv_pipeline_params *params)
{
    uint32_t n = count_constants(params);

    int at = snprintf(out, room, "%" PRIu32 ":", params->spec[0]);
    for (uint32_t i = 1; i < n && at > 0 && (size_t)at < room; i++)
        at += snprintf(out + at, room - (size_t)at, " %" PRIu32, params->spec[i]);
}

static void print_head(const struct dv_device *dev)
{
    printf("%s, %s\n", dev->caps.name[0] ? dev->caps.name : "(no name)", dev->caps.driver);
    printf("%-14s %-28s %-14s %6s %8s %9s %6s %7s %6s %8s\n", "kernel", "workgroup: constants",
           "model", "tokens", "subgroup", "registers", "spills", "scratch", "instr", "ms");
}

static void print_row(const struct row *row)
{
    char            constants[96];
    const uint64_t *m = row->measures;
    print_constants(constants, sizeof constants, &row->found->params);
    printf("%-14s %-28s %-14s %6" PRIu32 " ", row->found->params.kernel, constants,
           row->found->shape, row->found->tokens);
    if (row->failed)
        printf("does not compile\n");
    else
        printf("%8" PRIu64 " %9" PRIu64 " %6" PRIu64 " %7" PRIu64 " %6" PRIu64 " %8.1f\n",
               m[SUBGROUP], m[REGISTERS], m[SPILLS], m[SCRATCH], m[INSTRUCTIONS], row->ms);
}

/* Fields of a row for programs, parted by tabs. */
static void print_cost_head(const struct dv_device *dev)
{
    printf("%s, %s\n", dev->caps.name, dev->caps.driver);
    printf("row\tkernel\trole\tmodel\ttokens\tworkgroup\tconstants\tsubgroup\tregisters\tspills\t"
           "scratch\tinstructions\tweight bytes\n");
}

static void print_cost(uint32_t number, const struct row *row)
{
    char                             role[64], constants[96];
    const uint64_t                  *m      = row->measures;
    const struct dv_pipeline_params *params = &row->found->params;
    print_role(role, sizeof role, row->found);
    print_constants(constants, sizeof constants, params);
    printf("%" PRIu32 "\t%s\t%s\t%s\t%" PRIu32 "\t%" PRIu32 "\t%s", number, params->kernel, role,
           row->found->shape, row->found->tokens, params->spec[DV_WORKGROUP], constants);
    printf("\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu32 "\n",
           m[SUBGROUP], m[REGISTERS], m[SPILLS], m[SCRATCH], m[INSTRUCTIONS], weight_bytes(params));
}

static json_t *row_json(const struct row *row)
{
    const struct dv_pipeline_params *params     = &row->found->params;
    json_t                          *statistics = json_object(), *constants = json_array();
    uint32_t                         n = count_constants(params);
    for (uint32_t i = 0; i < row->n_statistics; i++)
        json_object_set_new(statistics, row->statistics[i].name,
                            json_integer((json_int_t)row->statistics[i].value));
    for (uint32_t i = 0; i < n; i++)
        json_array_append_new(constants, json_integer(params->spec[i]));
    return json_pack("{s:s, s:s, s:s, s:i, s:o, s:b, s:f, s:o}", "kernel", params->kernel, "op",
                     row->found->op, "model", row->found->shape, "tokens", (int)row->found->tokens,
                     "constants", constants, "compiles", !row->failed, "ms", row->ms, "statistics",
                     statistics);
}

static void print_json(const struct dv_device *dev, const struct summary *s, json_t *rows)
{
    json_t *all =
        json_pack("{s:s, s:s, s:o, s:i, s:i, s:i, s:i, s:i, s:f}", "device", dev->caps.name,
                  "driver", dev->caps.driver, "rows", rows, "pipelines", (int)s->pipelines,
                  "failed", (int)s->failed, "spilling", (int)s->spilling, "decode_spilling",
                  (int)s->decode_spilling, "matrix_spilling", (int)s->matrix_spilling, "ms", s->ms);
    json_dumpf(all, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(all);
}

static struct summary report(struct dv_device *dev, const struct collection *collection,
                             const struct options *options)
{
    struct summary summary = { .pipelines = 0 };
    json_t        *rows    = options->json ? json_array() : NULL;
    if (options->cost)
        print_cost_head(dev);
    else if (!rows)
        print_head(dev);
    for (uint32_t i = 0; i < collection->n; i++) {
        struct row row = { .found = &collection->list[i] };
        if (options->cost) /* among what the driver prints there */
            fprintf(stderr, "pipelines: row %" PRIu32 "\n", i);
        compile(&row, dev);
        sum_up(&summary, &row);
        if (options->cost)
            print_cost(i, &row);
        else if (rows)
            json_array_append_new(rows, row_json(&row));
        else if (options->all || row.failed || row.measures[SPILLS] || row.measures[SCRATCH])
            print_row(&row);
        dv_free(dev->ctx, row.statistics);
    }
    if (rows)
        print_json(dev, &summary, rows);
    else if (!options->cost)
        printf("%" PRIu32 " pipelines in %.1f s: %" PRIu32 " do not compile, %" PRIu32
               " spill, %" PRIu32 " of them for decoding, %" PRIu32 " for matrix units\n",
               summary.pipelines, summary.ms / 1e3, summary.failed, summary.spilling,
               summary.decode_spilling, summary.matrix_spilling);
    return summary;
}

/* ---- the call ---- */

static void write_line(void *user, dsvk_log_level level, const char *line)
{
    (void)user;
    if (level <= DSVK_LOG_WARN)
        fprintf(stderr, "pipelines: %s\n", line);
}

static bool parse(struct options *options, int n, char **words)
{
    *options = (struct options){ .all = true };
    for (int i = 1; i < n; i++) {
        if (strcmp(words[i], "--json") == 0)
            options->json = true;
        else if (strcmp(words[i], "--bad") == 0)
            options->all = false;
        else if (strcmp(words[i], "--cost") == 0)
            options->cost = true;
        else if (strcmp(words[i], "--device") == 0 && i + 1 < n)
            options->device = words[++i];
        else if (strcmp(words[i], "--kernel") == 0 && i + 1 < n)
            options->kernel = words[++i];
        else
            return false;
    }
    return !(options->cost && (options->json || !options->all));
}

static dsvk_status run(bool *good, const struct dv_context *ctx, const struct options *options)
{
    dsvk_status         status;
    struct dv_instance *instance   = NULL;
    struct dv_device   *dev        = NULL;
    struct collection   collection = { .ctx = ctx, .only = options->kernel };
    uint32_t            index      = 0;
    TRY_OR(fail, dv_instance_new(&instance, ctx, false));
    TRY_OR(fail, dv_instance_find(&index, instance, options->device));
    TRY_OR(fail, dv_device_new(&dev, instance, index));
    collection.caps = &dev->caps;
    if (options->cost && !options->kernel)
        TRY_OR(fail, collect_decode(&collection));
    else
        TRY_OR(fail, collect(&collection));
    struct summary summary = report(dev, &collection, options);
    *good = summary.failed == 0 && summary.decode_spilling == 0 && summary.matrix_spilling == 0;
fail:
    dv_free(ctx, collection.list);
    dv_device_free(dev);
    dv_instance_free(instance);
    return status;
}

int main(int n, char **words)
{
    struct options    options;
    struct dv_context ctx;
    bool              good = false;
    if (!parse(&options, n, words)) {
        fprintf(stderr, "usage: pipelines [--json | --bad | --cost] [--device DEVICE] "
                        "[--kernel KERNEL]\n"
                        "  --bad   only rows that do not compile, spill or use scratch memory\n"
                        "  --cost  fields parted by tabs; on standard error \"pipelines: row N\" "
                        "before each;\n"
                        "          without a kernel: a few that stand for decoding\n");
        return 2;
    }
    dv_context_init(&ctx, &(dsvk_log){ write_line, NULL, DSVK_LOG_WARN }, NULL);
    if (run(&good, &ctx, &options) != DSVK_OK)
        return 2;
    return good ? 0 : 1;
}
