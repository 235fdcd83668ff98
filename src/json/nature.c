/* SPDX-License-Identifier: MIT */
/* Guesses what a file is that is not what its name says, such as a web page or a pointer of
 * git-lfs, for the error message. It looks at the first bytes only and decides nothing. */
#include "json/nature.h"

#include <string.h>

#define AGAIN "download it again"

struct nature {
    const char *begin;
    size_t      bytes;
    const char *says;
};

#define NATURE(text, says)                                                                         \
    {                                                                                              \
        text, sizeof text - 1, says                                                                \
    }

static const struct nature natures[] = {
    NATURE("version https://git-lfs", "is a Git LFS pointer, not the file itself: run 'git lfs "
                                      "install' and 'git lfs pull' in its folder, or " AGAIN),
    NATURE("version https://hawser", "is a Git LFS pointer, not the file itself: run 'git lfs "
                                     "install' and 'git lfs pull' in its folder, or " AGAIN),
    NATURE("# xet version",
           "is a Xet pointer, not the file itself: " AGAIN ", as 'hf download' does"),
    NATURE("GGUF", "is a GGUF file, which ds-vk does not read: it needs the original folder with "
                   "config.json and safetensors files"),
    NATURE("ggml", "is a GGML file, which ds-vk does not read: it needs the original folder with "
                   "config.json and safetensors files"),
    NATURE("PK\x03\x04", "is a ZIP archive or a PyTorch file: unpack it, or download the "
                         "safetensors files instead"),
    NATURE("\x1f\x8b", "is a gzip archive: unpack it first"),
    NATURE("\x28\xb5\x2f\xfd", "is a Zstandard archive: unpack it first"),
    NATURE("\xfd"
           "7zXZ",
           "is an xz archive: unpack it first"),
    NATURE("7z\xbc\xaf", "is a 7-Zip archive: unpack it first"),
    NATURE("BZh", "is a bzip2 archive: unpack it first"),
    NATURE("\x80\x02", "is a Python pickle (PyTorch): download the safetensors files instead"),
    NATURE("\x80\x04", "is a Python pickle (PyTorch): download the safetensors files instead"),
    NATURE("\x89HDF", "is an HDF5 file: download the safetensors files instead"),
    NATURE("\x93NUMPY", "is a NumPy file: download the safetensors files instead"),
    NATURE("\x00\x05\x16\x07", "holds notes of macOS about another file (AppleDouble): delete it"),
    NATURE("\x00\x05\x16\x00", "holds notes of macOS about another file (AppleSingle): delete it"),
};

static bool is_page(const unsigned char *first, size_t n)
{
    size_t at = n >= 3 && memcmp(first, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (at < n && (first[at] == ' ' || (first[at] >= '\t' && first[at] <= '\r')))
        at++;
    if (at + 1 >= n || first[at] != '<')
        return false;
    unsigned char next = first[at + 1];
    return next == '!' || next == '?' || (next >= 'a' && next <= 'z') ||
           (next >= 'A' && next <= 'Z');
}

static bool is_zeros(const unsigned char *first, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (first[i] != 0)
            return false;
    return n >= 8;
}

const char *dv_file_nature(const void *first, size_t n, uint64_t bytes)
{
    if (bytes == 0)
        return "is empty: " AGAIN;
    for (size_t i = 0; i < sizeof natures / sizeof *natures; i++)
        if (n >= natures[i].bytes && memcmp(first, natures[i].begin, natures[i].bytes) == 0)
            return natures[i].says;
    if (is_page(first, n))
        return "is a page (HTML or XML) that a server sent instead of the file, as for an error or "
               "a log-in: " AGAIN;
    if (is_zeros(first, n))
        return "begins with zeros alone: its download did not finish, " AGAIN;
    return NULL;
}
