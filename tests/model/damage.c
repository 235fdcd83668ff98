/* SPDX-License-Identifier: MIT */
/* Changes single numbers in the files of a made checkpoint, such as an infinite weight, in
 * whatever format the tensor has. The size of the files stays. */
#include "model/damage.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/number.h"

struct change {
    const char *name;
    bool        part; /* the name is a part of the tensor's */
    size_t      row, col;
    float       value;
    int         power;
    unsigned    done; /* tensors */
};

static bool wanted(const struct change *c, const char *name)
{
    return c->part ? strstr(name, c->name) != NULL : strcmp(name, c->name) == 0;
}

static void change_tensor(struct change *c, unsigned char *data, const json_t *info)
{
    const json_t *shape = json_object_get(info, "shape");
    size_t        n     = json_array_size(shape);
    size_t        rows  = n > 1 ? (size_t)json_integer_value(json_array_get(shape, 0)) : 1;
    size_t        cols  = (size_t)json_integer_value(json_array_get(shape, n - 1));
    assert_string_equal(json_string_value(json_object_get(info, "dtype")), "BF16");
    for (size_t i = 0; i < rows * cols; i++) {
        uint16_t bits;
        memcpy(&bits, data + i * 2, 2);
        if ((c->row == ALL || i / cols == c->row) && (c->col == ALL || i % cols == c->col))
            bits = c->part ? dv_bf16_encode(ldexpf(dv_bf16_decode(bits), c->power))
                           : dv_bf16_encode(c->value);
        memcpy(data + i * 2, &bits, 2);
    }
    c->done++;
}

static void change_file(struct change *c, const struct dv_folder *folder, const char *file)
{
    size_t         bytes;
    uint64_t       header;
    unsigned char *data = (unsigned char *)dv_folder_read(folder, file, &bytes);
    const char    *name;
    json_t        *info;
    memcpy(&header, data, sizeof header);
    json_t *root = json_loadb((const char *)data + 8, (size_t)header, 0, NULL);
    assert_non_null(root);
    json_object_foreach(root, name, info) if (wanted(c, name))
    {
        json_t *offsets = json_object_get(info, "data_offsets");
        change_tensor(c, data + 8 + header + json_integer_value(json_array_get(offsets, 0)), info);
    }
    json_decref(root);
    dv_folder_write(folder, file, data, bytes);
    free(data);
}

static void change_all(struct change *c, const struct subject *subject)
{
    static const char end[]     = ".safetensors";
    DIR              *directory = opendir(subject->folder.path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        size_t n = strlen(entry->d_name);
        if (n > sizeof end && strcmp(entry->d_name + n - (sizeof end - 1), end) == 0)
            change_file(c, &subject->folder, entry->d_name);
    }
    closedir(directory);
    assert_true(c->done > 0);
}

void damage_fill(const struct subject *subject, const char *tensor, size_t row, size_t col,
                 float value)
{
    struct change c = { .name = tensor, .row = row, .col = col, .value = value };
    change_all(&c, subject);
}

void damage_scale(const struct subject *subject, const char *part, int power)
{
    struct change c = { .name = part, .part = true, .row = ALL, .col = ALL, .power = power };
    change_all(&c, subject);
}
