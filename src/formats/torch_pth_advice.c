/* Advice after a .pth is refused: which part of the file to save alone in
 * Python. Relies on the raw bytes of the pickle. Nothing here decides what is
 * refused. */
#include <string.h>

#include "base/bytes.h"
#include "formats/torch_pth_parts.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TRUST        "; where you trust the file, save them in Python: "
#define LOAD         "torch.load(FILE, weights_only=False)"
#define ADVICE(key)                                                            \
    {                                                                          \
        key, ": the file holds more than weights" TRUST "ckpt = " LOAD         \
             "; torch.save(ckpt[\"" key "\"], \"weights.pth\")"                \
    }

/* Keys under which programs store a state dict, the likeliest first. */
static const struct {
    const char *key, *advice;
} keys[] = {
    ADVICE("state_dict"),  ADVICE("model_state_dict"),
    ADVICE("model_state"), ADVICE("model"),
    ADVICE("net"),         ADVICE("network"),
    ADVICE("teacher"),     ADVICE("backbone"),
    ADVICE("encoder"),     ADVICE("weights"),
    ADVICE("params"),
};

enum { KEYS = COUNT(keys), SEARCHED_MAX = 16 << 20 };

/* Is text at byte at? */
static bool lies(const dms_pickle_refusal *r, size_t at, const char *text)
{
    size_t len = strlen(text);

    return at <= r->size && r->size - at >= len &&
           memcmp((const char *)r->data + at, text, len) == 0;
}

/* Does a dict begin at byte at, possibly after a memo opcode? */
static bool dict_begins(const dms_pickle_refusal *r, size_t at)
{
    const uint8_t *data = r->data;
    uint8_t opcode = at < r->size ? data[at] : 0;

    at += opcode == 'q' ? 2 : opcode == 'r' ? 5 : opcode == 0x94 ? 1 : 0;
    return lies(r, at, "}") || lies(r, at, "ccollections\nOrderedDict\n") ||
           lies(r, at,
                "\x8c\x0b"
                "collections");
}

/* The key whose text begins at byte at and is followed by a dict; else KEYS. */
static int key_at(const dms_pickle_refusal *r, size_t at, size_t len)
{
    for (int k = 0; k < KEYS; k++)
        if (strlen(keys[k].key) == len && lies(r, at, keys[k].key) &&
            dict_begins(r, at + len))
            return k;
    return KEYS;
}

/* The likeliest key of a state dict among the pickle's texts (BINUNICODE and
 * SHORT_BINUNICODE), including those after the refused global. KEYS if none. */
static int find_key(const dms_pickle_refusal *r)
{
    const uint8_t *data = r->data;
    size_t end = r->size < SEARCHED_MAX ? r->size : SEARCHED_MAX;
    int best = KEYS;

    for (size_t at = 0; at < end; at++) {
        dms_bytes b = dms_bytes_over(data + at + 1, r->size - at - 1);
        size_t len;
        int key;

        if (data[at] != 'X' && data[at] != 0x8c)
            continue;
        len = data[at] == 'X' ? dms_bytes_u32le(&b) : dms_bytes_u8(&b);
        key = b.failed ? KEYS : key_at(r, at + 1 + b.at, len);
        if (key < best)
            best = key;
    }
    return best;
}

/* Is the global's module one of words, or inside one of them? */
static bool is_of(const dms_pickle_refusal *r, const char *const *words,
                  size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(words[i]);

        if (len <= r->module_len && memcmp(r->module, words[i], len) == 0 &&
            (len == r->module_len || r->module[len] == '.'))
            return true;
    }
    return false;
}

const char *dms_torch_advice(const dms_pickle_refusal *r)
{
    /* With these a pickle runs commands or code: never advise loading it. */
    static const char *const dangers[] = {
        "os",       "posix",     "nt",          "sys",     "subprocess",
        "builtins", "commands",  "__builtin__", "runpy",   "pty",
        "socket",   "shutil",    "webbrowser",  "ctypes",  "importlib",
        "operator", "functools", "pickle",      "_pickle", "code",
        "pdb",      "bdb",       "timeit",      "profile", "cProfile",
        "platform", "marshal",   "types",       "asyncio", "multiprocessing",
        "pip",      "requests",  "urllib",      "http",    "tempfile"};
    static const char *const tensors[] = {"torch._utils", "torch._tensor",
                                          "torch.sparse"};
    static const char *const arrays[] = {"numpy", "pandas", "collections"};
    static const char *const modules[] = {"torch.nn", "torchvision", "timm",
                                          "__main__", "models"};
    int key;

    if (is_of(r, dangers, COUNT(dangers)))
        return "";
    if (is_of(r, tensors, COUNT(tensors)))
        return ": a kind of tensor that is not supported; save it dense, in "
               "floating point";
    if (r->is_root && !is_of(r, arrays, COUNT(arrays)))
        return ": a whole module was saved, not its weights" TRUST
               "torch.save(" LOAD ".state_dict(), \"weights.pth\")";
    if ((key = find_key(r)) < KEYS)
        return keys[key].advice;
    if (is_of(r, modules, COUNT(modules)))
        return ": a whole module was saved in it, not its weights" TRUST
               "ckpt = " LOAD "; torch.save(ckpt[KEY].state_dict(), "
               "\"weights.pth\"), with its KEY";
    return ": the file holds more than weights" TRUST "load it by " LOAD
           " and torch.save the state_dict in it alone";
}
