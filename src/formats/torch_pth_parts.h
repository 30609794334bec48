/* What the files of the .pth reader share. Only for torch_pth*.c.
 *
 *     bytes ── torch_pth_zip.c or torch_pth_stream.c: the pickle, and where
 *              each storage's bytes lie
 *           ── torch_pth_storage.c: persistent ids ↔ storages
 *           ── torch_pth_walk.c: nested dicts → names
 *           ── torch_pth_tensor.c: calls of _rebuild_tensor_v2 → views
 *     a refused global ── torch_pth_advice.c: what to do about it */
#ifndef DMS_FORMATS_TORCH_PTH_PARTS_H
#define DMS_FORMATS_TORCH_PTH_PARTS_H

#include "base/file.h"
#include "formats/pickle.h"
#include "formats/textlist.h"
#include "formats/torch_pth.h"

enum {
    TORCH_STORAGES_MAX = 1 << 18, /* persistent ids */
    TORCH_DEPTH_MAX = 64,         /* dicts and lists in each other */
    TORCH_STEPS_MAX = 1 << 20,    /* keys and elements that are looked at */
    TORCH_REPEATED_MAX = 1 << 24  /* elements that overlap (stride 0) */
};

/* What an allowed global is; from STORAGE on, dtype + STORAGE. */
typedef enum torch_global {
    TORCH_DICT,
    TORCH_TENSOR,
    TORCH_TENSOR_V2,
    TORCH_PARAMETER,
    TORCH_SIZE,
    TORCH_STORAGE_TYPED, /* of an element type that it does not say */
    TORCH_STORAGE
} torch_global;

/* The allow-list, for a file of that name. */
dms_pickle_rules dms_torch_rules(const char *file);
/* What to do about a refused global: a clause, or "" where loading the file
 * elsewhere would run code. */
const char *dms_torch_advice(const dms_pickle_refusal *refusal);

typedef struct torch_storage {
    const char *key; /* borrowed from the pickle */
    size_t key_len;
    dms_dtype dtype;
    size_t count;        /* elements */
    size_t size;         /* bytes */
    const uint8_t *data; /* NULL until found */
} torch_storage;

/* One file while it is being read. */
typedef struct torch_reader {
    const char *file; /* for messages */
    const void *data;
    size_t size;
    const dms_pickle_global *globals;
    dms_pickle *pickle;
    torch_storage *storages; /* sorted by key, no two of one key */
    size_t storage_count;
    dms_torch_file *result;
} torch_reader;

struct dms_torch_file {
    dms_file_map map; /* empty when it was parsed in memory */
    dms_tensor_view *views;
    size_t count, capacity;
    dms_textlist names; /* of views */
};

/* Fill reader->pickle and storages. */
dms_status dms_torch_read_zip(torch_reader *reader, dms_error *err);
dms_status dms_torch_read_stream(torch_reader *reader, dms_error *err);

/* Make reader->storages from the pickle's persistent ids, without data. */
dms_status dms_torch_collect_storages(torch_reader *reader, dms_error *err);
/* NULL when there is none. */
torch_storage *dms_torch_find_storage(const torch_reader *reader,
                                      const char *key, size_t key_len);
/* The part of a storage that a persistent id means: data, count and size. */
dms_status dms_torch_resolve(torch_storage *part, const torch_reader *reader,
                             const dms_pickle_value *persistent,
                             dms_error *err);

/* The pickle's tensors as result->views. */
dms_status dms_torch_walk(torch_reader *reader, dms_error *err);

/* Is value a call that gives a tensor or a parameter? */
bool dms_torch_is_tensor(const torch_reader *reader,
                         const dms_pickle_value *value);
/* Fill all but view->name, which is used in messages. */
dms_status dms_torch_read_tensor(dms_tensor_view *view,
                                 const torch_reader *reader,
                                 const dms_pickle_value *value, dms_error *err);

#endif
