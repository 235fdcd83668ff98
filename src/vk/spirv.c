/* SPDX-License-Identifier: MIT */
/* Reads what the host must know of a module: its push constant block, its specialisation
 * constants, and what it needs of a device. Definitions are looked up by scanning what
 * stands before the first function: some hundred words, read once for each pipeline. */
#include "vk/spirv.h"

#include <string.h>

#define MAGIC 0x07230203u
#define HEADER_WORDS 5u
#define MAX_DEPTH 8 /* nesting of types in a push constant block */
#define UNKNOWN UINT32_MAX

enum {
    OP_CAPABILITY      = 17,
    OP_TYPE_INT        = 21,
    OP_TYPE_FLOAT      = 22,
    OP_TYPE_VECTOR     = 23,
    OP_TYPE_ARRAY      = 28,
    OP_TYPE_STRUCT     = 30,
    OP_TYPE_POINTER    = 32,
    OP_CONSTANT        = 43,
    OP_FUNCTION        = 54,
    OP_VARIABLE        = 59,
    OP_DECORATE        = 71,
    OP_MEMBER_DECORATE = 72,
};
enum { DECORATION_SPEC_ID = 1, DECORATION_ARRAY_STRIDE = 6, DECORATION_OFFSET = 35 };
enum { STORAGE_PUSH_CONSTANT = 9, STORAGE_PHYSICAL = 5349 };

static const struct {
    uint32_t     capability;
    enum dv_need need;
} capabilities[] = {
    { 9, DV_NEED_FLOAT16 },        { 11, DV_NEED_INT64 },
    { 22, DV_NEED_INT16 },         { 39, DV_NEED_INT8 },
    { 4212, DV_NEED_FLOAT8 },   /* Float8EXT */
    { 5116, DV_NEED_BFLOAT16 }, /* BFloat16TypeKHR */
    { 6019, DV_NEED_INTEGER_DOT }, { 6022, DV_NEED_COOPERATIVE_MATRIX },
};

struct module {
    const uint32_t *words;
    size_t          n_words; /* up to the first function */
};

/* The instruction at *at, and moves on; NULL at the end. dv_spirv_read has checked lengths. */
static const uint32_t *next(const struct module *m, size_t *at)
{
    if (*at >= m->n_words)
        return NULL;
    const uint32_t *instruction = m->words + *at;
    *at += instruction[0] >> 16;
    return instruction;
}

static uint32_t opcode(const uint32_t *instruction)
{
    return instruction[0] & 0xffffu;
}

static uint32_t length(const uint32_t *instruction)
{
    return instruction[0] >> 16;
}

/* False for what is not well formed, be it in a function. */
static bool open_module(struct module *m, const uint32_t *words, size_t n_words)
{
    *m = (struct module){ words, n_words };
    if (n_words < HEADER_WORDS || words[0] != MAGIC)
        return false;
    size_t at = HEADER_WORDS;
    while (at < n_words) {
        size_t n = words[at] >> 16;
        if (n == 0 || n > n_words - at)
            return false;
        if (opcode(words + at) == OP_FUNCTION && m->n_words == n_words)
            m->n_words = at;
        at += n;
    }
    return true;
}

/* The type that defines `id`; types have their result id in word 1. */
static const uint32_t *find_type(const struct module *m, uint32_t id)
{
    size_t          at = HEADER_WORDS;
    const uint32_t *i;
    while ((i = next(m, &at)))
        if (opcode(i) >= 19 && opcode(i) <= 39 && length(i) >= 2 && i[1] == id)
            return i;
    return NULL;
}

static uint32_t find_constant(const struct module *m, uint32_t id)
{
    size_t          at = HEADER_WORDS;
    const uint32_t *i;
    while ((i = next(m, &at)))
        if (opcode(i) == OP_CONSTANT && length(i) >= 4 && i[2] == id)
            return i[3];
    return UNKNOWN;
}

static uint32_t find_decoration(const struct module *m, uint32_t id, uint32_t decoration)
{
    size_t          at = HEADER_WORDS;
    const uint32_t *i;
    while ((i = next(m, &at)))
        if (opcode(i) == OP_DECORATE && length(i) >= 4 && i[1] == id && i[2] == decoration)
            return i[3];
    return UNKNOWN;
}

static uint32_t find_offset(const struct module *m, uint32_t structure, uint32_t member)
{
    size_t          at = HEADER_WORDS;
    const uint32_t *i;
    while ((i = next(m, &at)))
        if (opcode(i) == OP_MEMBER_DECORATE && length(i) >= 5 && i[1] == structure &&
            i[2] == member && i[3] == DECORATION_OFFSET)
            return i[4];
    return UNKNOWN;
}

static uint64_t type_bytes(const struct module *m, uint32_t id, int depth);

static uint64_t struct_bytes(const struct module *m, const uint32_t *type, int depth)
{
    uint64_t end = 0;
    for (uint32_t member = 0; member + 2 < length(type); member++) {
        uint32_t offset = find_offset(m, type[1], member);
        uint64_t bytes  = type_bytes(m, type[member + 2], depth + 1);
        if (offset == UNKNOWN || bytes == 0)
            return 0;
        if (offset + bytes > end)
            end = offset + bytes;
    }
    return end;
}

/* 0 for what is not understood. */
static uint64_t type_bytes(const struct module *m, uint32_t id, int depth)
{
    const uint32_t *type = depth < MAX_DEPTH ? find_type(m, id) : NULL;
    if (!type)
        return 0;
    uint32_t n = length(type);
    switch (opcode(type)) {
    case OP_TYPE_INT:
    case OP_TYPE_FLOAT:
        return n >= 3 ? type[2] / 8 : 0;
    case OP_TYPE_VECTOR:
        return n >= 4 ? type_bytes(m, type[2], depth + 1) * type[3] : 0;
    case OP_TYPE_POINTER:
        return n >= 3 && type[2] == STORAGE_PHYSICAL ? 8 : 0;
    case OP_TYPE_STRUCT:
        return struct_bytes(m, type, depth);
    case OP_TYPE_ARRAY: {
        uint32_t count  = n >= 4 ? find_constant(m, type[3]) : UNKNOWN;
        uint32_t stride = find_decoration(m, id, DECORATION_ARRAY_STRIDE);
        return count == UNKNOWN || stride == UNKNOWN ? 0 : (uint64_t)count * stride;
    }
    default:
        return 0;
    }
}

static bool read_push(struct dv_spirv_facts *facts, const struct module *m, uint32_t pointer)
{
    const uint32_t *type  = find_type(m, pointer);
    uint64_t        bytes = 0;
    if (type && opcode(type) == OP_TYPE_POINTER && length(type) >= 4)
        bytes = type_bytes(m, type[3], 0);
    facts->push_bytes = bytes < UINT32_MAX ? (uint32_t)bytes : 0;
    return facts->push_bytes > 0;
}

/* glslang writes an id twice when a constant and local_size_x_id share it. */
static bool note_constant(struct dv_spirv_facts *facts, uint32_t id)
{
    for (uint32_t k = 0; k < facts->n_spec; k++)
        if (facts->spec_ids[k] == id)
            return true;
    if (facts->n_spec == DV_SPIRV_MAX_SPEC)
        return false;
    facts->spec_ids[facts->n_spec++] = id;
    return true;
}

static uint32_t need_of(uint32_t capability)
{
    for (size_t k = 0; k < sizeof capabilities / sizeof *capabilities; k++)
        if (capabilities[k].capability == capability)
            return capabilities[k].need;
    return 0;
}

bool dv_spirv_read(struct dv_spirv_facts *facts, const uint32_t *words, size_t n_words)
{
    struct module   m;
    size_t          at = HEADER_WORDS;
    const uint32_t *i;
    *facts = (struct dv_spirv_facts){ 0 };
    if (!open_module(&m, words, n_words))
        return false;
    while ((i = next(&m, &at))) {
        if (opcode(i) == OP_CAPABILITY && length(i) >= 2)
            facts->needs |= need_of(i[1]);
        if (opcode(i) == OP_DECORATE && length(i) >= 4 && i[2] == DECORATION_SPEC_ID &&
            !note_constant(facts, i[3]))
            return false;
        if (opcode(i) == OP_VARIABLE && length(i) >= 4 && i[3] == STORAGE_PUSH_CONSTANT &&
            !read_push(facts, &m, i[1]))
            return false;
    }
    return true;
}

const struct dv_spirv *dv_spirv_choose(const char *base, uint32_t offers, uint32_t rank)
{
    const struct dv_spirv *chosen = NULL;
    for (const struct dv_spirv *module = dv_kernel_spirv; module->name; module++) {
        if (strcmp(module->base, base) != 0 || (module->needs & ~offers) != 0)
            continue;
        chosen = module;
        if (rank-- == 0)
            break;
    }
    return chosen;
}
