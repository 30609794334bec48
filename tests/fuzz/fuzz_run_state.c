/* What a run folder says of itself: the checkpoint's state and the metrics
 * log. Any text is read or refused. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "train/checkpoint_state.h"
#include "train/metrics_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_log(const char *text)
{
    dms_metrics_log log = {0};
    dms_error err = {0};
    dms_status st = dms_metrics_log_parse(&log, text, &err);

    assert((st == DMS_OK) == (err.code == DMS_OK));
    if (st == DMS_OK) { /* what was read can be written */
        char *again = NULL;

        st = dms_metrics_log_format(&again, &log, &err);
        assert(st == DMS_OK);
        dms_free(again);
    }
    dms_metrics_log_release(&log);
}

static void read_state(const char *text)
{
    dms_train_state state = {0};
    dms_optimizer optimizer = {0};
    uint64_t frozen_digest;
    dms_error err = {0};
    dms_status st = dms_train_state_parse(&state, text, "fuzz", &err);

    assert((st == DMS_OK) == (err.code == DMS_OK));
    dms_metrics_log_release(&state.log);
    dms_train_state_parse_optimizer(&optimizer, &frozen_digest, text, "fuzz",
                                    NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = dms_strndup((const char *)data, size);

    read_log(text);
    read_state(text);
    dms_free(text);
    return 0;
}
