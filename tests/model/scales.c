/* SPDX-License-Identifier: MIT */
/* FP8 as others write it: a scale of the matrix, of each row, or of blocks under other names, gives
 * the logits of the same values stored plainly; and the plan knows what it takes. */
#include "model/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "support/device.h"
#include "support/rewrite.h"

#define N 40
#define INV "_scale_inv"

enum form { RENAMED, WHOLE, WHOLE_SINGLE, ROWS, ROWS_BF16, N_FORMS };

#define GROUPS(strategy)                                                                           \
    "{\"quant_method\": \"compressed-tensors\", \"format\": \"float-quantized\", "                 \
    "\"config_groups\": {\"group_0\": {\"weights\": {\"num_bits\": 8, \"type\": \"float\", "       \
    "\"strategy\": " strategy "}}}}"

static const struct {
    const char *name, *config;
    bool        exact; /* computed in the same order as the reference */
} forms[N_FORMS] = {
    { "blocks, renamed", GROUPS("\"block\", \"block_structure\": [128, 128]"), true },
    { "one, [1]", "{\"quant_method\": \"fp8\", \"activation_scheme\": \"static\"}", false },
    { "one, []", "{\"quant_method\": \"modelopt\", \"quant_algo\": \"FP8\"}", false },
    { "rows, [rows]", "{\"quant_method\": \"fbgemm_fp8\"}", true },
    { "rows, BF16, [rows, 1]", GROUPS("\"channel\""), true },
};

/* ---- the folders ---- */

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

/* Of a row, from the scale of the first block; every form of one scale has that itself. */
static float scale_of(enum form form, float first, uint64_t row)
{
    float scale = form < ROWS ? first : first * (1.0f + (float)(row % 5) / 8.0f);
    return form == ROWS_BF16 ? dv_bf16_decode(dv_bf16_encode(scale)) : scale;
}

/* The scales of one matrix in another form. */
static void rescale(struct dv_rewrite_tensor *scale, enum form form, uint64_t rows)
{
    float first;
    scale->name[strlen(scale->name) - strlen("_inv")] = 0;
    if (form == RENAMED)
        return;
    memcpy(&first, scale->data, 4);
    uint64_t n    = form < ROWS ? 1 : rows;
    size_t   each = form == ROWS_BF16 ? 2 : 4;
    dv_rewrite_data(scale, form == ROWS_BF16 ? "BF16" : "F32", form == WHOLE_SINGLE ? 0 : n,
                    form == ROWS_BF16 ? 1 : 0, n * each);
    for (uint64_t row = 0; row < n; row++) {
        float    value = scale_of(form, first, row);
        uint16_t half  = dv_bf16_encode(value);
        memcpy(scale->data + row * each, each == 2 ? (void *)&half : (void *)&value, each);
    }
}

/* The same values as F32, and no scales. */
static void widen(struct dv_rewrite_tensor *weight, struct dv_rewrite_tensor *scale, enum form form)
{
    uint64_t       rows = weight->dims[0], cols = weight->dims[1];
    float          first;
    unsigned char *codes = malloc(weight->bytes);
    assert_non_null(codes);
    memcpy(codes, weight->data, weight->bytes);
    memcpy(&first, scale->data, 4);
    dv_rewrite_data(weight, "F32", rows, cols, (size_t)(rows * cols) * 4);
    for (uint64_t i = 0; i < rows * cols; i++) {
        float value = dv_e4m3_decode(codes[i]) * scale_of(form, first, i / cols);
        memcpy(weight->data + i * 4, &value, 4);
    }
    scale->dropped = true;
    free(codes);
}

static void make(struct subject *subject, enum form form, bool reference)
{
    struct dv_rewrite rewrite;
    subject_init(subject, "odd-fp8");
    if (form == RENAMED && reference)
        return;
    dv_rewrite_begin(&rewrite, &subject->folder);
    for (size_t i = 0; i < rewrite.n; i++) {
        struct dv_rewrite_tensor *scale = &rewrite.tensors[i], *weight;
        char                      name[256];
        if (!ends_with(scale->name, INV))
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(strlen(scale->name) - strlen(INV)), scale->name);
        weight = dv_rewrite_find(&rewrite, name);
        assert_non_null(weight);
        if (reference)
            widen(weight, scale, form);
        else
            rescale(scale, form, weight->dims[0]);
    }
    if (reference)
        json_object_del(rewrite.config, "quantization_config");
    else
        json_object_set_new(rewrite.config, "quantization_config",
                            json_loads(forms[form].config, 0, NULL));
    dv_rewrite_end(&rewrite);
}

/* ---- what they give ---- */

/* What a plan said of the weights is what they take. */
static void expect_plan(const dsvk_model *model, uint64_t before)
{
    dsvk_plan        plan;
    dsvk_plan_params params = { .run = { .math = DSVK_MATH_F32, .context = 64, .chunk = 16 } };
    assert_int_equal(dsvk_model_plan(&plan, model, device_under_test(), &params), DSVK_OK);
    const dsvk_plan_bytes *b = &plan.device;
    assert_int_equal(b->attention + b->dense_ffn + b->shared_experts + b->routed_experts +
                         b->embedding_head + b->norms_routers + b->alignment + b->expert_tables,
                     dsvk_device_bytes(device_under_test()) - before);
}

static float *logits_of(enum form form, bool reference, uint32_t *vocab)
{
    struct subject subject;
    uint32_t       tokens[N];
    make(&subject, form, reference);
    uint64_t before = dsvk_device_bytes(device_under_test());
    expect_lines();
    dsvk_model *model = load(&subject, DSVK_MATH_F32, false);
    assert_int_equal(expected_lines(), form >= ROWS && !reference); /* that rows become wider */
    expect_plan(model, before);
    *vocab = subject.vocab;
    make_tokens(tokens, N, *vocab, 3);
    dsvk_session *s = session(model, 64, 16, DSVK_CACHE_F32);
    choose_form(s, UINT32_MAX);
    float *rows = score(s, tokens, N, *vocab);
    dsvk_session_free(s);
    dsvk_model_close(model);
    subject_done(&subject);
    return rows;
}

static void scales_of_each_form_multiply(void **state)
{
    (void)state;
    for (int form = 0; form < N_FORMS; form++) {
        uint32_t vocab;
        float   *expected = logits_of((enum form)form, true, &vocab);
        float   *found    = logits_of((enum form)form, false, &vocab);
        double   most = 0, error = 0;
        for (size_t i = 0; i < (size_t)N * vocab; i++) {
            most  = fmax(most, fabs(expected[i]));
            error = fmax(error, fabs((double)found[i] - expected[i]));
        }
        if (!(most > 0) || error > (forms[form].exact ? 0 : 2e-5 * most))
            fail_msg("%s: logits differ by %.1e of the largest, %g", forms[form].name, error / most,
                     most);
        free(expected);
        free(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(scales_of_each_form_multiply) };
    return test_result(cmocka_run_group_tests_name("scales", tests, device_setup, device_teardown));
}
