/* dmsnet: DMS-Net, a binocular classifier of fundus photographs, in C.
 *
 * Read in this order:
 *
 *     status.h       what a call says of itself
 *     monitor.h      progress, messages, the wish to stop
 *     architecture.h which network
 *     model.h        model files
 *     session.h      prediction: two photographs in, eight probabilities out
 *     image.h        photographs and their preprocessing
 *     data.h         data sets
 *     metrics.h      figures      evaluate.h  a model's figures
 *     train.h        training     option.h    options as one table
 *     bench.h        how quick a model is here
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
 *         dms_session *session = NULL;
 *         dms_pair pair = {.id = "1", .path = {argv[2], argv[3]}};
 *         dms_prediction p;
 *
 *         if (argc == 4 &&
 *             dms_model_open(&model, argv[1], NULL, &err) == DMS_OK &&
 *             dms_session_create(&session, model, 1, &err) == DMS_OK &&
 *             dms_session_predict(session, &p, &pair, 1, NULL, &err) == DMS_OK)
 *             for (int k = 0; k < DMS_LABELS; k++)
 *                 printf("%-12s %.3f\n", dms_label_name(k), p.patient[k]);
 *         else
 *             fprintf(stderr, "%s\n", err.message);
 *         dms_session_destroy(session);
 *         dms_model_destroy(model);
 *         return err.code != DMS_OK;
 *     }
 *
 * Every function that can fail returns dms_status and fills the caller's
 * dms_error. Nothing here prints, exits or reads the environment. Models are
 * immutable and shared by threads; a session belongs to one. */
#ifndef DMS_DMS_H
#define DMS_DMS_H

#include "dms/architecture.h"
#include "dms/bench.h"
#include "dms/data.h"
#include "dms/evaluate.h"
#include "dms/image.h"
#include "dms/metrics.h"
#include "dms/model.h"
#include "dms/monitor.h"
#include "dms/option.h"
#include "dms/quantize.h"
#include "dms/session.h"
#include "dms/status.h"
#include "dms/train.h"

#endif
