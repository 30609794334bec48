/* predictions.csv from anywhere. */
#include <stddef.h>
#include <stdint.h>

#include "data/predictions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dms_predictions predictions = {0};

    dms_predictions_parse(&predictions, data, size, "fuzz", NULL);
    dms_predictions_release(&predictions);
    return 0;
}
