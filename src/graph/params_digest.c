/* What a table holds in one number: whose weights these are. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"
#include "graph/params.h"

dms_status dms_params_digest(uint64_t *digest, const dms_params *params,
                             bool frozen_only, dms_error *err)
{
    uint64_t hash = DMS_HASH_START;
    bool any = false;
    float *plain = dms_calloc(dms_params_longest(params), sizeof *plain);

    if (!plain)
        return dms_fail_memory(err, "digest of the weights");
    for (size_t i = 0; i < params->count; i++) {
        const dms_param *param = &params->items[i];

        if (frozen_only && !param->frozen)
            continue;
        any = true;
        dms_param_read(plain, params, i);
        hash = dms_hash_bytes(hash, param->name, strlen(param->name));
        hash = dms_hash_words(hash, param->shape,
                              (size_t)param->axes * sizeof *param->shape);
        hash = dms_hash_words(hash, plain, param->len * sizeof *plain);
    }
    dms_free(plain);
    *digest = !any ? 0 : hash ? hash : 1;
    return DMS_OK;
}
