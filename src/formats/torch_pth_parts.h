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
    TORCH_DEPTH_MAX = 64,         /* nesting of dicts and lists */
    TORCH_STEPS_MAX = 1 << 20,    /* keys and elements visited */
    TORCH_REPEATED_MAX = 1 << 24  /* overlapping elements (stride 0) */
};

/* The kind of an allowed global; a storage of a dtype is STORAGE + dtype. */
typedef enum torch_global {
    TORCH_DICT,
    TORCH_TENSOR,
    TORCH_TENSOR_V2,
    TORCH_PARAMETER,
    TORCH_SIZE,
    TORCH_STORAGE_TYPED, /* of unspecified element type */
    TORCH_STORAGE
} torch_global;

/* The allow-list; file is the name for messages. */
dms_pickle_rules dms_torch_rules(const char *file);
/* What to do about a refused global: a clause, or "" if loading the file
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

/* The state of reading one file. */
typedef struct torch_reader {
    const char *file; /* for messages */
    const void *data;
    size_t size;
    const dms_pickle_global *globals;
    dms_pickle *pickle;
    torch_storage *storages; /* sorted by key, keys are unique */
    size_t storage_count;
    dms_torch_file *result;
} torch_reader;

struct dms_torch_file {
    dms_file_map map; /* empty if parsed from memory */
    dms_tensor_view *views;
    size_t count, capacity;
    dms_textlist names; /* of the views */
};

/* Fill reader->pickle and storages. */
dms_status dms_torch_read_zip(torch_reader *reader, dms_error *err);
dms_status dms_torch_read_stream(torch_reader *reader, dms_error *err);

/* Fill reader->storages from the pickle's persistent ids, without data. */
dms_status dms_torch_collect_storages(torch_reader *reader, dms_error *err);
/* NULL if there is none. */
torch_storage *dms_torch_find_storage(const torch_reader *reader,
                                      const char *key, size_t key_len);
/* Get the part of a storage that a persistent id refers to: data, count and
 * size. */
dms_status dms_torch_resolve(torch_storage *part, const torch_reader *reader,
                             const dms_pickle_value *persistent,
                             dms_error *err);

/* Store the pickle's tensors in result->views. DMS_EFORMAT if there are none
 * says what there is. */
dms_status dms_torch_walk(torch_reader *reader, dms_error *err);

/* Is value a call that creates a tensor or a Parameter? */
bool dms_torch_is_tensor(const torch_reader *reader,
                         const dms_pickle_value *value);
/* Fill all of view except its name, which the caller set and messages use. */
dms_status dms_torch_read_tensor(dms_tensor_view *view,
                                 const torch_reader *reader,
                                 const dms_pickle_value *value, dms_error *err);

#endif
