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
 * Read in this order, from what everybody needs to what few do:
 *
 *     version.h      which dmsnet
 *     status.h       what a call says of itself
 *     monitor.h      progress, messages, the wish to stop
 *     architecture.h which network
 *     labels.h       what it is asked: any set of labels
 *     model.h        model files
 *     compute.h      in which numbers, on how many threads
 *     session.h      prediction: two photographs in, probabilities out
 *     image.h        photographs and their preprocessing
 *     data.h         data sets
 *     metrics.h      figures of labels and probabilities
 *     evaluate.h     a model's figures on a data set
 *     option.h       options as one table
 *     train.h        training
 *     adapt.h        batch norms on other photographs
 *     import.h       weights of other programs
 *     export.h       a model for other programs
 *     quantize.h     a model of 8-bit integers
 *     prepared.h     weights once for several processes
 *     bench.h        how quick a model is here
 *     tensor.h       tensors in, tensors out
 *
 * What holds everywhere:
 *
 * - Every function that can fail returns dms_status and fills the caller's
 *   dms_error, which may be NULL. Nothing prints, exits or reads the
 *   environment.
 * - Ownership is in the verb: create/destroy, open/close, init/release; get
 *   borrows. Texts that come back are freed by dms_text_free. Paths and other
 *   texts that go in are borrowed for the call.
 * - Threads: models are immutable and shared; a session belongs to one thread
 *   at a time. Each header says what holds for its functions.
 * - Structs grow without breaking a program that was compiled before: options
 *   begin with struct_size, which their init function sets from sizeof, and
 *   what an older program does not know has its default; a newer program's
 *   field that this library does not know is refused with DMS_EINVAL unless it
 *   is zero. Reports, results, predictions and training's options are made and
 *   destroyed by the library. All other structs are plain values that stay as
 *   they are within one MAJOR.MINOR: dms_error, dms_monitor, dms_architecture,
 *   dms_preprocess, dms_image, dms_photograph, dms_pair, dms_field, dms_box,
 *   dms_option and the like. */
#ifndef DMS_DMS_H
#define DMS_DMS_H

#include "dms/adapt.h"
#include "dms/architecture.h"
#include "dms/bench.h"
#include "dms/compute.h"
#include "dms/data.h"
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
