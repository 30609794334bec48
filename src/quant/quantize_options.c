/* Options of quantisation: defaults, names and ranges. */
#include "base/fail.h"
#include "base/growing.h"
#include "dms/compute.h"
#include "quant/quantize.h"

const char *dms_quantize_method_name(int method)
{
    static const char *const names[] = {"percentile", "entropy"};

    return method >= 0 && method <= DMS_QUANTIZE_ENTROPY ? names[method] : NULL;
}

void dms_quantize_options_init(dms_quantize_options *options,
                               size_t struct_size)
{
    const dms_quantize_options plain = {.split = DMS_SPLIT_TRAIN,
                                        .patients = 64,
                                        .percentile = 99.99,
                                        .tolerance = 0.01,
                                        .seed = 1};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

dms_status dms_quantize_check(const dms_quantize_options *o, dms_error *err)
{
    if (!o->model || !o->data || !o->out)
        return dms_fail(err, DMS_EINVAL,
                        "quantising needs the paths of a model, of data and of "
                        "a file to write; one is missing");
    if (o->patients < 1 || o->patients > 4096)
        return dms_fail(err, DMS_EINVAL, "%d patients, expected 1 to 4096",
                        o->patients);
    if (!(o->percentile >= 90 && o->percentile <= 100))
        return dms_fail(err, DMS_EINVAL, "percentile %g, expected 90 to 100",
                        o->percentile);
    if (!(o->tolerance >= 0 && o->tolerance <= 1))
        return dms_fail(err, DMS_EINVAL, "tolerance %g, expected 0 to 1",
                        o->tolerance);
    return dms_compute_check(&(dms_compute){.struct_size = sizeof(dms_compute),
                                            .precision = DMS_PRECISION_INT8,
                                            .threads = o->threads},
                             err);
}
