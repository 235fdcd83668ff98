/* SPDX-License-Identifier: MIT */
/* A file that is damaged, cut short or of something else is refused, and the session keeps what it
 * had. */
#include "keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "support/make_checkpoint.h"
#include "support/test_context.h"

#define DAMAGED 200

static void write_whole(const char *name, const unsigned char *data, size_t n)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* The session keeps what it had, and says why with the file's name. */
static void expect_refusal(dsvk_session *s, dsvk_status want, const char *why)
{
    uint32_t token;
    expect_lines();
    dsvk_status status = dsvk_session_load(s, kept.damaged, NULL, 0, NULL);
    if (expected_lines() != 1 || status != want || !strstr(last_line(), kept.damaged) ||
        !strstr(last_line(), why))
        fail_msg("status %d where %d was expected: %s", (int)status, (int)want, last_line());
    assert_string_equal(dsvk_session_why(s), last_line());
    assert_int_equal(dsvk_session_tokens(s), N);
    assert_int_equal(dsvk_session_argmax(s, &token), DSVK_OK);
    assert_int_equal(token, kept.expected[0].ids[0]);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/* A bit, a piece that is missing, one that is there twice, two that changed places, zeros. */
static size_t damage(unsigned char *data, uint64_t *seed, unsigned kind)
{
    size_t n = 1 + next_random(seed) % 4000, from = next_random(seed) % (kept.n_bytes - n);
    size_t to = next_random(seed) % (kept.n_bytes - n);
    memcpy(data, kept.bytes, kept.n_bytes);
    switch (kind) {
    case 0:
        data[from] ^= (unsigned char)(1u << next_random(seed) % 8);
        return kept.n_bytes;
    case 1:
        return from;
    case 2:
        memmove(data + from, data + from + n, kept.n_bytes - from - n);
        return kept.n_bytes - n;
    case 3:
        memcpy(data + to, kept.bytes + from, n);
        memcpy(data + from, kept.bytes + to, n);
        return kept.n_bytes;
    default:
        memset(data + from, (int)(next_random(seed) % 2 * 255), n);
        return kept.n_bytes;
    }
}

void damaged_files_are_refused(void **state)
{
    uint64_t       seed = 1;
    unsigned       n    = 0;
    unsigned char *data = malloc(kept.n_bytes);
    dsvk_session  *s    = new_session(kept.model);
    (void)state;
    assert_non_null(data);
    sync(s, kept.tokens, N);
    while (n < DAMAGED) {
        size_t left = damage(data, &seed, n % 5);
        if (left == kept.n_bytes && memcmp(data, kept.bytes, kept.n_bytes) == 0)
            continue;
        write_whole(kept.damaged, data, left);
        expect_refusal(s, DSVK_BAD_FILE, "");
        n++;
    }
    assert_int_equal(computed(s), N);
    free(data);
    dsvk_session_free(s);
}

static void put(unsigned char *at, uint64_t value, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

/* All sums anew, so that what is refused is what they cover. */
static void sign(unsigned char *data)
{
    struct dv_keep        keep;
    struct dv_keep_layout l;
    put(data + 120, dv_keep_sum(0, data, 120), 8);
    assert_null(dv_keep_parse(&keep, kept.bytes, kept.n_bytes));
    assert_true(dv_keep_lay_out(&l, &keep));
    unsigned char *sums = data + DV_KEEP_HEADER + l.bytes;
    for (uint64_t i = 0; i < l.n_blocks; i++) {
        uint64_t at = i * DV_KEEP_BLOCK, left = l.bytes - at;
        put(sums + i * 8,
            dv_keep_sum(i, data + DV_KEEP_HEADER + at, left < DV_KEEP_BLOCK ? left : DV_KEEP_BLOCK),
            8);
    }
    put(sums + l.n_blocks * 8,
        dv_keep_sum(dv_keep_sum(0, data, DV_KEEP_HEADER), sums, l.n_blocks * 8), 8);
}

static void expect_no_file(dsvk_session *s)
{
    write_whole(kept.damaged, kept.bytes, 0);
    expect_refusal(s, DSVK_BAD_FILE, "shorter than a header");
    remove(kept.damaged);
    expect_refusal(s, DSVK_BAD_FILE, "No such file");
}

void foreign_files_are_refused(void **state)
{
    static const struct {
        size_t      at;
        uint64_t    value;
        const char *why;
    } cases[]           = { { 0, 'x', "it is no saved session" },
                            { 8, 2, "another version" },
                            { 24, 5, "another model" },
                            { 32, 5, "another device" },
                            { 40, 64, "not as long" },
                            { 48, 32, "not as long" },
                            { 52, 7, "another model" },
                            { 56, 77, "cache has another format" },
                            { 60, 1, "products" },
                            { 64, 3, "weights in another format" },
                            { 68, 1, "splits" },
                            { 72, 0, "makes no sense" },
                            { 72, 5, "not as long" },
                            { 76, 4, "makes no sense" },
                            { 80, 1u << 30, "its next token" },
                            { 84, 1, "makes no sense" },
                            { DV_KEEP_HEADER + 40, 1u << 30, "token 1073741824 at position 10" } };
    unsigned char *data = malloc(kept.n_bytes);
    dsvk_session  *s    = new_session(kept.model);
    (void)state;
    assert_non_null(data);
    sync(s, kept.tokens, N);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memcpy(data, kept.bytes, kept.n_bytes);
        put(data + cases[i].at, cases[i].value, i == 0 ? 1 : 4);
        sign(data);
        write_whole(kept.damaged, data, kept.n_bytes);
        expect_refusal(s, DSVK_BAD_FILE, cases[i].why);
    }
    expect_no_file(s);
    free(data);
    dsvk_session_free(s);
}

/* By what sessions and models are, not by what a file says. */
void other_settings_are_refused(void **state)
{
    struct dv_folder       folder;
    struct dv_test_context test;
    dsvk_model            *other;
    dsvk_session          *s;
    const char            *why[] = { "cache has another format", "do not fit", "another model" };
    (void)state;
    dv_test_context_init(&test);
    dv_folder_init(&folder);
    assert_int_equal(dv_make_checkpoint(&test.ctx, "v2lite", 99, folder.path), DSVK_OK);
    assert_int_equal(dsvk_model_open(&other, &(dsvk_model_params){ .folder = folder.path }),
                     DSVK_OK);
    assert_int_equal(dsvk_model_load(other, device_under_test(),
                                     &(dsvk_load_params){ .run.math = DSVK_MATH_F32 }),
                     DSVK_OK);
    for (size_t i = 0; i < 3; i++) {
        s = session(i == 2 ? other : kept.model, i == 1 ? 128 : CONTEXT, 64,
                    i == 0 ? DSVK_CACHE_F32 : DSVK_CACHE_BF16);
        expect_lines();
        assert_int_equal(dsvk_session_load(s, kept.path, NULL, 0, NULL),
                         i == 1 ? DSVK_BAD_ARGUMENT : DSVK_BAD_FILE);
        (void)expected_lines();
        assert_non_null(strstr(dsvk_session_why(s), why[i]));
        assert_int_equal(dsvk_session_tokens(s), 0);
        dsvk_session_free(s);
    }
    dsvk_model_close(other);
    dv_folder_done(&folder);
}
