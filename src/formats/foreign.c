/* Recognises files that are not weights, to tell the user what was given.
 * Relies only on the file's first bytes; it parses nothing. */
#include "formats/foreign.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/ascii.h"

#define PAGE_KIND                                                              \
    "a web page, not the weights: the download gave HTML; download the file "  \
    "itself"
#define TENSORFLOW_KIND                                                        \
    "of TensorFlow or Keras, which is not supported; save PyTorch's "          \
    "state_dict "                                                              \
    "or safetensors"

/* len bytes expected at offset at. */
static const struct {
    size_t at, len;
    const char *bytes, *kind;
} magics[] = {
    {0, 34, "version https://git-lfs.github.com",
     "a Git LFS pointer: the weights themselves were not downloaded; `git lfs "
     "pull` fetches them"},
    {0, 8, "\x89HDF\r\n\x1a\n", "HDF5 (.h5) " TENSORFLOW_KIND},
    {4, 4, "TFL3", "a TensorFlow Lite model, which is not supported"},
    {0, 3, "\x08\x01\x12", "a SavedModel " TENSORFLOW_KIND},
    {0, 6, "\x93NUMPY", "a NumPy array (.npy), which has no tensors by name"},
    {0, 4, "GGUF", "a GGUF file, which is not supported"},
    {4, 2, "ET", "an ExecuTorch program, which is not supported"},
    {0, 2, "\x1f\x8b", "compressed by gzip: unpack it first"},
    {0, 6,
     "\xfd"
     "7zXZ\0",
     "compressed by xz: unpack it first"},
    {0, 4, "\x28\xb5\x2f\xfd", "compressed by zstd: unpack it first"},
    {0, 3, "BZh", "compressed by bzip2: unpack it first"},
    {0, 6, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"},
    {0, 4, "Rar!", "a RAR archive: unpack it first"},
    {0, 3, "\xff\xd8\xff", "a photograph (JPEG), not weights"},
    {0, 8, "\x89PNG\r\n\x1a\n", "a picture (PNG), not weights"},
    {0, 5, "%PDF-", "a PDF, not weights"},
};

/* The offset of the text after a byte order mark and blanks. */
static size_t text_start(const char *data, size_t size)
{
    size_t at = size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    while (at < size && data[at] != '\0' && strchr(" \t\r\n", data[at]))
        at++;
    return at;
}

static const char *text_kind(const char *data, size_t size)
{
    static const struct {
        const char *begin, *kind;
    } texts[] = {
        {"<!doctype html", PAGE_KIND},
        {"<html", PAGE_KIND},
        {"<head", PAGE_KIND},
        {"<!--", PAGE_KIND},
        {"<?xml", "XML, not the weights: perhaps a server's refusal; look "
                  "into it and download the file again"},
        {"{", "JSON, not the weights: perhaps a description or a server's "
              "refusal"},
    };
    size_t start = text_start(data, size);

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t len = strlen(texts[i].begin);

        if (size - start >= len &&
            dms_ascii_same_start(data + start, texts[i].begin, len))
            return texts[i].kind;
    }
    return NULL;
}

/* A ModelProto begins with ir_version (field 1) and one of the next fields,
 * each with a length. */
static bool is_onnx(const uint8_t *data, size_t size)
{
    enum {
        IR_VERSION_FIELD = 0x08,
        IR_VERSION_LEAST = 3,
        IR_VERSION_MOST = 31
    };
    static const uint8_t next[] = {0x12, 0x1a, 0x22, 0x32, 0x3a, 0x42};

    return size > 3 && data[0] == IR_VERSION_FIELD &&
           data[1] >= IR_VERSION_LEAST && data[1] <= IR_VERSION_MOST &&
           memchr(next, data[2], sizeof next);
}

const char *dms_foreign_kind(const void *data, size_t size)
{
    const uint8_t *bytes = data;

    if (size == 0)
        return "empty: the download or copy broke off";
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        if (size >= magics[i].at + magics[i].len &&
            memcmp(bytes + magics[i].at, magics[i].bytes, magics[i].len) == 0)
            return magics[i].kind;
    if (is_onnx(bytes, size))
        return "an ONNX model, which is not supported; save the state_dict of "
               "the "
               "PyTorch model that it was exported from";
    return text_kind(data, size);
}
