/* Diagnostic keywords: any bytes give labels of 0 and 1, or none. */
#include <assert.h>
#include <stdint.h>

#include "base/alloc.h"
#include "data/labels.h"
#include "dms/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = dms_strndup((const char *)data, size);
    uint8_t labels[DMS_ODIR_LABELS] = {0};
    int found = 0;
    bool labelled = dms_keywords_label(labels, text);

    for (int k = 0; k < DMS_ODIR_LABELS; k++) {
        assert(labels[k] <= 1);
        found += labels[k];
    }
    assert(labelled == (found > 0));
    assert(!labels[0] || found == 1); /* normal and nothing else */
    dms_free(text);
    return 0;
}
