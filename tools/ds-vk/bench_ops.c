/* SPDX-License-Identifier: MIT */
/* Single operations, from the timestamps around each dispatch: what they read and compute in which
 * time. The barriers that timestamps need keep dispatches from running side by side, so the sum is
 * more than a pass takes. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rows {
    dsvk_profile_row *list;
    uint32_t          n;
};

static int add(struct cli *cli, struct rows *rows, const dsvk_profile_row *row)
{
    for (uint32_t i = 0; i < rows->n; i++) {
        dsvk_profile_row *old = &rows->list[i];
        if (strcmp(old->kernel, row->kernel) != 0)
            continue;
        old->dispatches += row->dispatches;
        old->seconds += row->seconds;
        old->bytes += row->bytes;
        old->flops += row->flops;
        return EXIT_DONE;
    }
    dsvk_profile_row *list = realloc(rows->list, (rows->n + 1) * sizeof *list);
    if (!list)
        return cli_fail(cli, "no memory for %u operations", rows->n + 1);
    rows->list            = list;
    rows->list[rows->n++] = *row;
    return EXIT_DONE;
}

/* One repetition; `rows` NULL: it does not count. */
static int repeat(struct bench *bench, const struct test *test, struct rows *rows)
{
    struct cli       *cli = bench->cli;
    dsvk_profile_row *list;
    uint32_t          n;
    int               code = bench_begin(bench, test);
    dsvk_session_profile_reset(cli->session);
    if (code == EXIT_DONE)
        code = bench_pass(bench, test);
    if (code == EXIT_DONE)
        code = cli_status(cli, dsvk_session_profile(cli->session, &list, &n), "--op");
    if (code)
        return code;
    for (uint32_t i = 0; rows && i < n && code == EXIT_DONE; i++)
        code = add(cli, rows, &list[i]);
    dsvk_model_free_memory(cli->model, list);
    return code;
}

/* Each test has a line of its own above its rows, so that names are whole in 80 columns. */
void bench_ops_head(const struct bench *bench)
{
    if (bench->markdown)
        printf("| operation | us each | GB/s | GFLOP/s |\n|---|---:|---:|---:|\n");
    else
        printf("%-46s %10s %9s %10s\n", "operation", "us each", "GB/s", "GFLOP/s");
}

static double per_second(uint64_t count, double seconds)
{
    return seconds > 0 ? (double)count / seconds * 1e-9 : 0;
}

static void print_rate(const struct bench *bench, double rate, int width)
{
    const char *between = bench->markdown ? " | " : " ";
    if (rate > 0)
        printf("%s%*.2f", between, bench->markdown ? 0 : width, rate);
    else
        printf("%s%*s", between, bench->markdown ? 0 : width, "-");
}

int bench_ops_row(const struct bench *bench, const char *name, double us, double gb_per_s,
                  double gflop_per_s)
{
    progress_clear();
    if (bench->markdown)
        printf("| %s | %.1f", name, us);
    else
        printf("%-46s %10.1f", name, us);
    print_rate(bench, gb_per_s, 9);
    print_rate(bench, gflop_per_s, 10);
    puts(bench->markdown ? " |" : "");
    return cli_write(bench->cli, "", 0);
}

static void print_title(const struct bench *bench, const struct test *test)
{
    char title[96];
    progress_clear();
    snprintf(title, sizeof title, "%s of %u token%s at depth %u", bench_test_name(test),
             test->tokens, test->tokens == 1 ? "" : "s", test->depth);
    if (bench->markdown)
        printf("| **%s** | | | |\n", title);
    else if (!bench->results)
        printf("%s\n", title);
}

static int print(struct bench *bench, const struct test *test, const dsvk_profile_row *row)
{
    const char *name  = bench_test_name(test);
    double      each  = row->dispatches ? row->seconds / (double)row->dispatches : 0;
    double      gb    = per_second(row->bytes, row->seconds);
    double      gflop = per_second(row->flops, row->seconds);
    if (!bench->results)
        return bench_ops_row(bench, row->kernel, each * 1e6, gb, gflop);
    json_array_append_new(
        bench->results,
        json_pack("{s:s, s:I, s:I, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:f, s:f, s:f}", "test", name,
                  "tokens", (json_int_t)test->tokens, "depth", (json_int_t)test->depth, "op",
                  row->op, "kernel", row->kernel, "format", row->format, "rows",
                  (json_int_t)row->rows, "cols", (json_int_t)row->cols, "matrices",
                  (json_int_t)row->matrices, "dispatches", (json_int_t)row->dispatches,
                  "seconds_each", each, "gb_per_s", gb, "gflop_per_s", gflop));
    return EXIT_DONE;
}

/* "all", or the name of one op. */
static bool is_wanted(const char *op, const dsvk_profile_row *row)
{
    return strcmp(op, "all") == 0 || strcmp(op, row->op) == 0;
}

static void note_name(struct bench *bench, const char *op)
{
    size_t length = strlen(op), at = strlen(bench->ops), room = sizeof bench->ops - at;
    for (const char *name = bench->ops; *name; name += strspn(name, ", ")) {
        if (strcspn(name, ",") == length && memcmp(name, op, length) == 0)
            return;
        name += strcspn(name, ",");
    }
    snprintf(bench->ops + at, room, "%s%s", at ? ", " : "", op);
}

int bench_ops_check(struct cli *cli)
{
    const char *op         = cli->options.values[OPT_OP].text, *name;
    char        names[400] = "all, choose";
    if (!op || strcmp(op, "all") == 0 || strcmp(op, "choose") == 0)
        return EXIT_DONE;
    for (uint32_t i = 0; (name = dsvk_op_name(i)) != NULL; i++) {
        size_t at = strlen(names);
        if (strcmp(op, name) == 0)
            return EXIT_DONE;
        snprintf(names + at, sizeof names - at, ", %s", name);
    }
    return cli_usage(cli, "--op takes %s, not '%s'", names, op);
}

int bench_ops_end(const struct bench *bench)
{
    const char *op = bench->cli->options.values[OPT_OP].text;
    if (bench->n_found > 0)
        return EXIT_DONE;
    return cli_fail(bench->cli, "no operation %s in these tests; there are %s", op, bench->ops);
}

int bench_ops_measure(struct bench *bench, const struct test *test)
{
    const char *op   = bench->cli->options.values[OPT_OP].text;
    struct rows rows = { 0 };
    int         code = repeat(bench, test, NULL);
    for (uint32_t i = 0; i < bench->reps && code == EXIT_DONE; i++)
        code = repeat(bench, test, &rows);
    if (code == EXIT_DONE)
        print_title(bench, test);
    for (uint32_t i = 0; i < rows.n && code == EXIT_DONE; i++) {
        note_name(bench, rows.list[i].op);
        if (is_wanted(op, &rows.list[i])) {
            code = print(bench, test, &rows.list[i]);
            bench->n_found++;
        }
    }
    free(rows.list);
    return code;
}
