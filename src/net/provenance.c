/* Reads and changes a model's provenance. Relies on model_config.c keeping it a
 * JSON object that fits its array. */
#include "net/provenance.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

json_t *dms_provenance_read(const dms_model_config *config)
{
    const char *text = *config->provenance ? config->provenance : "{}";

    return dms_json_read(text, strlen(text), 0, NULL);
}

dms_status dms_provenance_write(dms_model_config *config, json_t *root,
                                const char *name, dms_error *err)
{
    char *text = dms_json_dump(root, (dms_json_style){.compact = true});
    size_t size = text ? strlen(text) : 0;
    dms_status st = DMS_OK;

    json_decref(root);
    if (!text)
        return dms_fail_memory(err, name);
    if (size < sizeof config->provenance)
        memcpy(config->provenance, text, size + 1);
    else
        st = dms_fail(err, DMS_ELIMIT, "%s: provenance too long: %zu bytes",
                      name, size);
    dms_free(text);
    return st;
}

dms_status dms_provenance_set(dms_model_config *config, const char *key,
                              json_t *value, const char *name, dms_error *err)
{
    json_t *root = dms_provenance_read(config);

    dms_json_set(&root, key, value);
    return dms_provenance_write(config, root, name, err);
}

dms_status dms_provenance_remove(dms_model_config *config, const char *key,
                                 const char *name, dms_error *err)
{
    json_t *root = dms_provenance_read(config);

    json_object_del(root, key); /* does nothing if it is not there */
    return dms_provenance_write(config, root, name, err);
}

dms_status dms_provenance_retune(dms_model_config *config, const char *point,
                                 const char *name, dms_error *err)
{
    json_t *root = dms_provenance_read(config);
    json_t *made = json_object_get(root, DMS_PROVENANCE_CALIBRATED);
    dms_status st = DMS_OK;

    if (json_is_object(made)) {
        json_incref(made);
        dms_json_set(&made, "point", json_string(point));
        st = dms_provenance_set(config, DMS_PROVENANCE_CALIBRATED, made, name,
                                err);
    }
    json_decref(root);
    return st;
}
