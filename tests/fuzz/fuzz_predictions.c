/* predictions.csv from anywhere. */
#include <stddef.h>
#include <stdint.h>

#include "data/predictions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dms_prediction_rows predictions = {0};

    dms_prediction_rows_parse(&predictions, data, size, "fuzz",
                              dms_label_set_odir(), NULL);
    dms_prediction_rows_release(&predictions);
    return 0;
}
