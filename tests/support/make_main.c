/* SPDX-License-Identifier: MIT */
/* make-checkpoint NAME FOLDER [SEED]: writes one of the test checkpoints.
 * make-checkpoint --like NAME [...] FOLDER: writes one of a published size. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/os.h"
#include "support/make_checkpoint.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static void print_line(void *user, dsvk_log_level level, const char *line)
{
    (void)user;
    (void)level;
    fprintf(stderr, "make-checkpoint: %s\n", line);
}

static int usage(void)
{
    fprintf(stderr, "usage: make-checkpoint NAME FOLDER [SEED]\n"
                    "       make-checkpoint --like SHAPE [--layers N] [--dense N] [--format F]\n"
                    "                       [--seed N] FOLDER\n"
                    "names: ");
    for (size_t i = 0; dv_make_checkpoint_names[i]; i++)
        fprintf(stderr, " %s", dv_make_checkpoint_names[i]);
    fprintf(stderr, "\nshapes:");
    for (uint32_t i = 0; dv_config_like_name(i); i++)
        fprintf(stderr, " %s", dv_config_like_name(i));
    fprintf(stderr, "\nformats: fp8 bf16 f32 (default: that of the release)\n"
                    "--layers keeps the first N, --dense N makes the first N of them dense\n");
    return 2;
}

struct bar {
    bool     shown;
    uint64_t start, last;
};

static bool report(void *user, uint64_t done, uint64_t total)
{
    struct bar *bar = user;
    uint64_t    now = dv_time_ns();
    if (bar->shown && (now - bar->last > 100000000u || done == total)) {
        bar->last = now;
        fprintf(stderr, "\r%.2f of %.2f GB, %.2f GB/s\033[K%s", (double)done / 1e9,
                (double)total / 1e9, (double)done / (double)(now - bar->start + 1),
                done == total ? "\n" : "");
    }
    return !interrupted;
}

static bool read_number(uint64_t *value, const char *text, uint64_t most)
{
    char *end;
    errno  = 0;
    *value = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == 0 && errno == 0 && *value <= most;
}

static bool read_format(enum dv_like_format *format, const char *text)
{
    static const char *const names[] = {
        [DV_LIKE_FP8] = "fp8", [DV_LIKE_BF16] = "bf16", [DV_LIKE_F32] = "f32"
    };
    for (int i = DV_LIKE_FP8; i <= DV_LIKE_F32; i++)
        if (strcmp(names[i], text) == 0) {
            *format = (enum dv_like_format)i;
            return true;
        }
    return false;
}

/* The prediction layers follow the last layer and are left out with the layers before them. */
static bool cut(struct dv_config *config, uint64_t layers, uint64_t dense)
{
    if (layers == 0 || layers > config->layers || dense > layers)
        return false;
    if (layers < config->layers)
        config->mtp_layers = 0;
    config->layers      = (uint32_t)layers;
    config->first_dense = (uint32_t)dense;
    return true;
}

static int make_like(const struct dv_context *ctx, int argc, char **argv)
{
    struct dv_config config;
    struct bar       bar  = { .shown = isatty(2), .start = dv_time_ns() };
    struct dv_like   like = { .config   = &config,
                              .seed     = 1,
                              .progress = { .report = report, .user = &bar } };
    if (argc < 4 || argc % 2 != 0)
        return usage();
    if (dv_config_like(&config, ctx, argv[2]) != DSVK_OK)
        return 2;
    uint64_t    layers = config.layers, dense = config.first_dense;
    bool        good = true, dense_given = false;
    const char *folder = argv[argc - 1];
    for (int i = 3; i + 2 < argc && good; i += 2) {
        if (strcmp(argv[i], "--layers") == 0)
            good = read_number(&layers, argv[i + 1], UINT32_MAX);
        else if (strcmp(argv[i], "--dense") == 0)
            good = dense_given = read_number(&dense, argv[i + 1], UINT32_MAX);
        else if (strcmp(argv[i], "--seed") == 0)
            good = read_number(&like.seed, argv[i + 1], UINT64_MAX);
        else
            good = strcmp(argv[i], "--format") == 0 && read_format(&like.format, argv[i + 1]);
    }
    if (!dense_given && dense > layers)
        dense = layers;
    if (!good || *folder == '-' || !cut(&config, layers, dense))
        return usage();
    signal(SIGINT, on_interrupt);
    signal(SIGXFSZ, SIG_IGN); /* a write beyond `ulimit -f` fails like one on a full disk */
    return dv_make_like(ctx, &like, folder) == DSVK_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct dv_context ctx;
    const dsvk_log    log  = { .write = print_line, .level = DSVK_LOG_WARN };
    uint64_t          seed = 1;
    dv_context_init(&ctx, &log, NULL);
    if (argc > 1 && strcmp(argv[1], "--like") == 0)
        return make_like(&ctx, argc, argv);
    if (argc < 3 || argc > 4 || (argc == 4 && !read_number(&seed, argv[3], UINT64_MAX)))
        return usage();
    return dv_make_checkpoint(&ctx, argv[1], seed, argv[2]) == DSVK_OK ? 0 : 1;
}
