/* Reads the frozen rows, those that a run does not train, from its model file.
 * Relies on a digest to detect a file that does not belong to the
 * checkpoint. */
#include "train/frozen.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"
#include "net/model_file.h"
#include "net/weights_file.h"

static dms_status read_rows(dms_params *params, const dms_tensor_file *file,
                            dms_error *err)
{
    const char *path = dms_tensor_file_path(file);
    float *plain = dms_calloc(dms_params_longest(params), sizeof *plain);
    dms_status st = plain ? DMS_OK : dms_fail_memory(err, path);

    for (size_t i = 0; st == DMS_OK && i < params->count; i++) {
        const dms_param *param = &params->items[i];
        const dms_tensor_view *view =
            param->frozen ? dms_tensor_file_find(file, "", param->name) : NULL;

        if (view)
            st = dms_weights_read_one(params, param, view, path, plain, err);
        else if (param->frozen)
            st = dms_fail(err, DMS_EMISMATCH, "%s: tensor %s is missing", path,
                          param->name);
    }
    dms_free(plain);
    return st;
}

static dms_status check_digest(const dms_params *params, const char *path,
                               uint64_t wanted, dms_error *err)
{
    uint64_t found;
    dms_status st = dms_params_digest(&found, params, true, err);

    if (st == DMS_OK && found != wanted)
        st = dms_fail(err, DMS_EMISMATCH,
                      "%s: its frozen weights have digest %016" PRIx64
                      ", expected %016" PRIx64,
                      path, found, wanted);
    return st;
}

dms_status dms_frozen_read(dms_params *params, const char *path,
                           uint64_t digest, const char *checkpoint,
                           dms_error *err)
{
    dms_error cause = {0};
    dms_tensor_file *file = NULL;
    dms_status st = dms_model_tensors_open(&file, path, &cause);

    if (st == DMS_OK)
        st = read_rows(params, file, &cause);
    if (st == DMS_OK)
        st = check_digest(params, path, digest, &cause);
    if (st != DMS_OK)
        st = dms_fail(err, st,
                      "%s; %s needs the frozen weights of the run it was "
                      "written in: put that file back, or begin in another run "
                      "folder",
                      cause.message, checkpoint);
    dms_tensor_file_close(file);
    return st;
}
