/* SPDX-License-Identifier: MIT */
/* The bytes of weights on a device do not depend on the way by which they came: packed in place or
 * through staging memory, in one batch or in many; and made-up ones are the same in every run. A
 * file that gets shorter meanwhile is a failure like others. */
#include "model/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "os/os.h"
#include "weights/loading.h"
#include "engine/session.h"

/* What lies at the places of all recipes, one after the other; free(). */
struct bytes {
    unsigned char *data;
    size_t         n;
};

static void take(struct bytes *all, dsvk_device *device, const struct dv_weights *w,
                 uint64_t address, size_t n)
{
    all->data = realloc(all->data, all->n + n);
    assert_non_null(all->data);
    for (uint32_t b = 0; b <= w->placement.n_buffers; b++) {
        struct dv_buffer *buffer = b < w->placement.n_buffers ? w->buffers[b] : w->tables;
        if (!buffer || address < buffer->address || address - buffer->address >= buffer->bytes)
            continue;
        assert_int_equal(dv_stream_download(device->stream, all->data + all->n, buffer,
                                            address - buffer->address, n),
                         DSVK_OK);
        all->n += n;
        return;
    }
    fail_msg("address outside the weights");
}

static size_t matrix_bytes(const struct dv_weight_info *info, const struct dv_weight_place *place)
{
    size_t groups = (size_t)place->groups * info->slices * (info->kind == DV_WEIGHT_PAIR ? 2 : 1);
    return groups * (place->chunks * 128 + place->blocks * 4);
}

static struct bytes take_all(dsvk_device *device, const struct dv_weights *w)
{
    struct bytes all = { 0 };
    for (uint32_t i = 0; i < w->placement.n_recipes; i++) {
        const struct dv_weight_info  *info  = &w->placement.recipes[i];
        const struct dv_weight_place *place = &w->places[i];
        size_t n = info->kind == DV_WEIGHT_VECTOR ? info->cols * 4 : matrix_bytes(info, place);
        if (!info->experts)
            take(&all, device, w, place->address, n);
        for (uint32_t e = 0; e < info->experts; e++) {
            struct bytes table = { 0 };
            uint64_t     address;
            take(&table, device, w, place->address + e * 8, 8);
            memcpy(&address, table.data, 8);
            free(table.data);
            take(&all, device, w, address, n);
        }
    }
    return all;
}

struct way {
    bool     unmapped;
    uint64_t batch_bytes;
};

static struct bytes load_by(const struct dv_weight_source *source, const struct way *way)
{
    dsvk_device          *device = device_under_test();
    struct dv_device     *dev    = device->dev;
    struct dv_weights    *w;
    struct dv_graph      *g;
    struct dv_graph_size  size = { .tokens = 1, .context = 1024, .split = 1024, .tile = 16 };
    struct dv_load_params load = {
        .source = source, .graphs = &g, .n_graphs = 1, .batch_bytes = way->batch_bytes
    };
    assert_int_equal(dv_engine_graph(&g, dev->ctx, source->config, &size, false), DSVK_OK);
    dev->unmapped = way->unmapped;
    assert_int_equal(dv_weights_load(&w, dev, device->stream, &load), DSVK_OK);
    dev->unmapped    = false;
    struct bytes all = take_all(device, w);
    dv_weights_free(w);
    dv_graph_free(g);
    return all;
}

static void expect_same(const struct bytes *a, const struct bytes *b, const char *what)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++)
        if (a->data[i] != b->data[i])
            fail_msg("%s: byte %zu of %zu is %u, not %u", what, i, a->n, b->data[i], a->data[i]);
}

static const struct way ways[] = {
    { false, 0 }, { false, 1 }, { false, 5000 }, { false, 100000 },
    { true, 0 },  { true, 1 },  { true, 5000 },  { true, 100000 },
};

static void compare_ways(const struct dv_weight_source *source, const char *name)
{
    struct bytes first = load_by(source, &ways[0]);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char         what[100];
        struct bytes other = load_by(source, &ways[i]);
        snprintf(what, sizeof what, "%s, %s, batches of %llu", name,
                 ways[i].unmapped ? "staged" : "in place", (unsigned long long)ways[i].batch_bytes);
        expect_same(&first, &other, what);
        free(other.data);
    }
    free(first.data);
}

/* Opening reads headers only; loading refuses a scale of 0 before it allocates anything. */
static void scales_are_checked(const struct subject *subject)
{
    dsvk_model                  *model;
    const struct dv_tensor_file *scale  = NULL;
    dsvk_model_params            params = { .folder = subject->folder.path };
    uint64_t                     before = dsvk_device_bytes(device_under_test());
    size_t                       bytes;
    assert_int_equal(dsvk_model_open(&model, &params), DSVK_OK);
    for (uint32_t i = 0; i < dv_checkpoint_n_tensors(model->checkpoint) && !scale; i++) {
        const struct dv_tensor_file *t = dv_checkpoint_tensor(model->checkpoint, i);
        scale = strstr(t->name, "layers.1.") && strstr(t->name, "_scale_inv") ? t : NULL;
    }
    if (!scale || dv_checkpoint_n_shards(model->checkpoint) > 1) {
        dsvk_model_close(model);
        return;
    }
    char  *file = dv_folder_read(&subject->folder, "model.safetensors", &bytes);
    size_t at   = 0;
    while (at + scale->bytes <= bytes && memcmp(file + at, scale->data, scale->bytes) != 0)
        at++;
    assert_true(at + scale->bytes <= bytes);
    memset(file + at, 0, scale->bytes);
    dsvk_model_close(model);
    dv_folder_write(&subject->folder, "model.safetensors", file, bytes);
    free(file);
    assert_int_equal(dsvk_model_open(&model, &params), DSVK_OK);
    expect_lines();
    assert_int_equal(dsvk_model_load(model, device_under_test(), &(dsvk_load_params){ 0 }),
                     DSVK_BAD_FILE);
    assert_int_equal(expected_lines(), 1);
    assert_int_equal(dsvk_device_bytes(device_under_test()), before);
    dsvk_model_close(model);
}

static void expect_refused_scales(const char *name)
{
    struct subject subject;
    subject_init(&subject, name);
    scales_are_checked(&subject);
    subject_done(&subject);
}

/* ---- a file that gets shorter ---- */

static dsvk_status shorten_one(void *user, const char *name)
{
    const struct subject *subject = user;
    char                  path[400];
    snprintf(path, sizeof path, "%s/%s", subject->folder.path, name);
    if (!strstr(name, ".safetensors") || strstr(name, ".json"))
        return DSVK_OK;
    FILE *file = fopen(path, "wb"); /* the same file, empty */
    assert_non_null(file);
    fclose(file);
    return DSVK_OK;
}

static bool shorten(void *user, uint64_t done, uint64_t total)
{
    (void)total;
    if (done > 0)
        assert_int_equal(dv_folder_list(device_under_test()->dev->ctx,
                                        ((struct subject *)user)->folder.path, shorten_one, user),
                         DSVK_OK);
    return true;
}

/* While it is loaded, then from the start: a status and a sentence, and the process lives. */
static void expect_failure_when_short(struct subject *subject, struct dv_weight_source source,
                                      bool unmapped)
{
    struct dv_device     *dev      = device_under_test()->dev;
    struct dv_graph_size  size     = { .tokens = 1, .context = 1024, .split = 1024, .tile = 16 };
    dsvk_progress         progress = { .report = shorten, .user = subject };
    struct dv_weights    *w;
    struct dv_graph      *g;
    struct dv_load_params load = {
        .source = &source, .graphs = &g, .n_graphs = 1, .batch_bytes = 5000, .progress = &progress
    };
    assert_int_equal(dv_engine_graph(&g, dev->ctx, source.config, &size, false), DSVK_OK);
    dev->unmapped = unmapped;
    expect_lines();
    dsvk_status status = dv_weights_load(&w, dev, device_under_test()->stream, &load);
    assert_int_equal(expected_lines(), 1);
    dev->unmapped = false;
    assert_int_equal(status, DSVK_BAD_FILE);
    assert_null(w);
    dv_graph_free(g);
}

static void a_checkpoint_comes_by_every_way(void **state)
{
    const char    *name = *state;
    struct subject subject;
    dsvk_model    *model;
    subject_init(&subject, name);
    assert_int_equal(dsvk_model_open(&model, &(dsvk_model_params){ .folder = subject.folder.path }),
                     DSVK_OK);
    struct dv_weight_source stored = { .checkpoint = model->checkpoint, .config = &model->config };
    compare_ways(&stored, name);
    /* The same shape without its tensors. */
    struct dv_weight_source made_up = { .config = &model->config };
    compare_ways(&made_up, name);
    expect_failure_when_short(&subject, stored, false);
    expect_failure_when_short(&subject, stored, true);
    dsvk_model_close(model);
    expect_refused_scales(name);
    subject_done(&subject);
}

int main(int argc, char **argv)
{
    return for_each_checkpoint(argc, argv, "loading", a_checkpoint_comes_by_every_way);
}
