/* A model file's metadata: any text is read or refused. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "net/model_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = dms_strndup((const char *)data, size);
    dms_model_config config;
    dms_error err = {0};
    dms_status st = dms_model_config_parse(&config, text, "fuzz", &err);

    assert((st == DMS_OK) == (err.code == DMS_OK));
    if (st == DMS_OK) { /* what was read can be written and read again */
        char *again = dms_model_config_json(&config);

        assert(again);
        dms_model_config_release(&config);
        st = dms_model_config_parse(&config, again, "fuzz", &err);
        assert(st == DMS_OK);
        dms_free(again);
    }
    dms_model_config_release(&config);
    dms_free(text);
    return 0;
}
