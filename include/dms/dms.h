/* dmsnet: DMS-Net, a binocular classifier of fundus photographs, in C.
 *
 * A whole program:
 *
 *     #include <dms/dms.h>
 *     #include <stdio.h>
 *
 *     int main(int argc, char **argv)
 *     {
 *         dms_error err = {0};
 *         dms_model *model = NULL;
 *         dms_prediction *p = NULL;
 *
 *         if (argc != 4) {
 *             fprintf(stderr, "usage: %s MODEL LEFT RIGHT\n", argv[0]);
 *             return 2;
 *         }
 *         if (dms_model_open(&model, argv[1], NULL, &err) == DMS_OK &&
 *             dms_predict_pair(model, argv[2], argv[3], &p, &err) == DMS_OK)
 *             for (int k = 0; k < p->label_count; k++)
 *                 printf("%-12s %.3f\n", dms_model_label_name(model, k),
 *                        p->patient[k]);
 *         else
 *             fprintf(stderr, "%s\n", err.message);
 *         dms_prediction_destroy(p);
 *         dms_model_destroy(model);
 *         return err.code != DMS_OK;
 *     }
 *
 * Read the headers in this order, from what everybody needs to what few do:
 *
 *     version.h      the version of headers and library
 *     status.h       status codes and error messages
 *     monitor.h      progress, messages, requests to stop
 *     architecture.h the network's architecture
 *     labels.h       label sets
 *     model.h        model files
 *     compute.h      precision, algorithm, threads
 *     session.h      prediction: two photographs in, probabilities out
 *     ensemble.h     several models that answer as one
 *     image.h        photographs and their preprocessing
 *     data.h         data sets
 *     metrics.h      metrics of labels and probabilities
 *     compare.h      differences between predictions
 *     evaluate.h     a model's metrics on a data set
 *     option.h       options described by one table
 *     train.h        training
 *     adapt.h        batch norms adapted to other photographs
 *     calibrate.h    calibrated probabilities, thresholds
 *     average.h      the mean of several models' weights
 *     import.h       weights from other programs
 *     export.h       models for other programs
 *     quantize.h     models with 8-bit integers
 *     prepared.h     one copy of the weights for several processes
 *     bench.h        how fast a model is on this machine
 *     tensor.h       tensors in, tensors out
 *
 * Everywhere:
 *
 * - Every function that can fail returns dms_status and fills the caller's
 *   dms_error, which may be NULL. Nothing prints, exits or reads the
 *   environment.
 * - Ownership is in the verb: create/destroy, open/close, init/release; get
 *   borrows. Free texts that the library returns with dms_text_free. Paths and
 *   other texts that it is given are borrowed for the call.
 * - Threads: models are immutable and shared; a session belongs to one thread
 *   at a time. Each header states the rules for its functions.
 * - Structs can grow without breaking programs compiled earlier. Options begin
 *   with struct_size, which their init function sets from sizeof. Fields that
 *   an older program does not know have their defaults; a field that this
 *   library does not know, from a newer program, is rejected with DMS_EINVAL
 *   unless it is zero. The library creates and destroys reports, results,
 *   predictions and training's options. All other structs are plain values that
 *   do not change within one MAJOR.MINOR: dms_error, dms_monitor,
 *   dms_architecture, dms_preprocess, dms_image, dms_photograph, dms_pair,
 *   dms_field, dms_box, dms_option and the like. */
#ifndef DMS_DMS_H
#define DMS_DMS_H

#include "dms/adapt.h"
#include "dms/architecture.h"
#include "dms/average.h"
#include "dms/bench.h"
#include "dms/calibrate.h"
#include "dms/compare.h"
#include "dms/compute.h"
#include "dms/data.h"
#include "dms/ensemble.h"
#include "dms/evaluate.h"
#include "dms/export.h"
#include "dms/image.h"
#include "dms/import.h"
#include "dms/labels.h"
#include "dms/metrics.h"
#include "dms/model.h"
#include "dms/monitor.h"
#include "dms/option.h"
#include "dms/prepared.h"
#include "dms/quantize.h"
#include "dms/session.h"
#include "dms/status.h"
#include "dms/tensor.h"
#include "dms/train.h"
#include "dms/version.h"

#endif
