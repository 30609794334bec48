/* The state of a quantisation, shared by its files. */
#ifndef DMS_QUANT_QUANTIZE_H
#define DMS_QUANT_QUANTIZE_H

#include "data/eyes.h"
#include "dms/model.h"
#include "dms/quantize.h"
#include "engine/engine.h"
#include "quant/compare.h"

typedef struct dms_quantising {
    const dms_quantize_options *options;
    const dms_monitor *monitor;
    dms_model *model;
    dms_engine *exact;  /* fp32, one patient */
    dms_engine *coarse; /* the quantised table's */
    dms_quant_layers layers;
    dms_quant_table table;
    uint8_t *pixels;           /* patients x 2 x S x S x 3, left first */
    dms_eyes_present *present; /* patients */
    dms_dataset *dataset;      /* the calibration data */
    size_t *places;            /* patients: indices in dataset->patients */
    double *answers;           /* patients x K, fp32's probabilities */
    size_t patients;
    double mean_difference, largest_difference;
} dms_quantising;

/* Check that every field is in range and the CPU supports 8-bit integers;
 * DMS_EINVAL. */
dms_status dms_quantize_check(const dms_quantize_options *options,
                              dms_error *err);

/* Read the photographs of the calibration patients. */
dms_status dms_quantising_read(dms_quantising *q, dms_error *err);

/* Copy patient i's photographs into the net's images. */
void dms_quantising_show(const dms_quantising *q, dms_net *net, size_t i);

/* DMS_EFORMAT if net produced a value for patient i that is not finite. */
dms_status dms_quantising_check(const dms_quantising *q, const dms_net *net,
                                size_t i, dms_error *err);

/* Write the quantised model file; its provenance records how it was made. */
dms_status dms_quantising_write(const dms_quantising *q, dms_error *err);

/* The caller destroys out. */
dms_status dms_quantising_report(dms_quantize_report **out,
                                 const dms_quantising *q, dms_error *err);

#endif
