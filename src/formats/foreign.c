/* Recognises files that are not weights, to tell the user what was given.
 * Relies only on the file's first bytes; it parses nothing. Kinds that could be
 * given anywhere are in base/file_kind.c. */
#include "formats/foreign.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/ascii.h"
#include "base/file_kind.h"
#include "formats/text_plain.h"

#define TENSORFLOW_KIND                                                        \
    "of TensorFlow or Keras (not supported: save PyTorch's state_dict or "     \
    "safetensors)"

/* len bytes expected at offset at. */
static const struct {
    size_t at, len;
    const char *bytes, *kind;
} magics[] = {
    {0, 8, "\x89HDF\r\n\x1a\n", "HDF5 (.h5) " TENSORFLOW_KIND},
    {4, 4, "TFL3", "a TensorFlow Lite model (not supported)"},
    {0, 3, "\x08\x01\x12", "a SavedModel " TENSORFLOW_KIND},
    {0, 6, "\x93NUMPY", "a NumPy array (.npy), which has no tensors by name"},
    {0, 4, "GGUF", "a GGUF file (not supported)"},
    /* "ET12" in 2024; the digits tell it from a text, such as "TARGET" */
    {4, 3, "ET0", "an ExecuTorch program (not supported)"},
    {4, 3, "ET1", "an ExecuTorch program (not supported)"},
};

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

/* Does the line begin with the name of an option, "name:"? */
static bool is_option(const char *line, size_t len)
{
    size_t name = 0;

    while (name < len && (line[name] == '_' || line[name] == '-' ||
                          (dms_ascii_lower(line[name]) >= 'a' &&
                           dms_ascii_lower(line[name]) <= 'z')))
        name++;
    return name > 0 && name < len && line[name] == ':' &&
           (name + 1 == len || dms_ascii_is_space(line[name + 1]));
}

/* Tells texts apart by their first line that is not a comment. Only the
 * beginning is read, and it may end within a character. */
static const char *text_kind(const char *data, size_t size)
{
    enum { READ_MAX = 4096, CHARACTER_MAX = 4 };
    size_t len = size < READ_MAX ? size : READ_MAX, at, end;
    size_t valid = dms_text_valid(data, len);

    if (memchr(data, '\0', len) ||
        valid + (len < size ? CHARACTER_MAX : 1) <= len)
        return NULL;
    at = len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    for (; at < len; at = end) {
        const char *line = data + at, *feed;

        feed = memchr(line, '\n', len - at);
        end = feed ? (size_t)(feed - data) + 1 : len;
        if (*line == '#' || dms_ascii_is_space(*line))
            continue;
        if (*line == '{' || *line == '[')
            return "JSON (perhaps a description or a server's refusal)";
        if (is_option(line, end - at))
            return "a YAML file of options";
        for (size_t i = 0; i < end - at; i++)
            if (strchr(",;\t", line[i]))
                return "a table (CSV)";
        return "text";
    }
    return "text";
}

const char *dms_foreign_kind(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    const dms_file_kind *kind;

    if (size == 0)
        return "empty: the download or copy broke off";
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        if (size >= magics[i].at + magics[i].len &&
            memcmp(bytes + magics[i].at, magics[i].bytes, magics[i].len) == 0)
            return magics[i].kind;
    if (is_onnx(bytes, size))
        return "an ONNX model (not supported: save the state_dict of the "
               "PyTorch model that it was exported from)";
    kind = dms_file_kind_of(data, size);
    return kind ? kind->what : text_kind(data, size);
}
