/* Averaging the weights of models, such as those of the last epochs of a run or
 * of several runs from the same start (model soups: Wortsman et al. 2022, arXiv
 * 2203.05482). One model of the same size comes out, unlike an ensemble
 * (ensemble.h), which runs all of them.
 *
 * Threads: the function here may be called from any thread; simultaneous calls
 * must write different files. */
#ifndef DMS_AVERAGE_H
#define DMS_AVERAGE_H

#include <stddef.h>

#include "dms/monitor.h"
#include "dms/status.h"

#include "dms/public_begin.h"

/* The most files that one call averages: their names and digests are kept in
 * the result's provenance. */
enum { DMS_AVERAGE_MAX = 32 };

/* Write a model file whose weights, running statistics and batch counts are the
 * means of those of the given files, completely or not at all.
 *
 * out      path of the result
 * paths    count model files, 2 to DMS_AVERAGE_MAX, of the same architecture,
 *          labels and preprocessing
 * monitor  is told what the models do not have in common; may be NULL
 * Thresholds and calibration are kept if they are equal in all files, else 0.5
 * and none. The provenance lists the files and digests of their weights, and
 * keeps the split if it is the same for all. The photographs that the result
 * was trained on are those of all files; unknown if a file does not say. The
 * mean of running variances is not the variance under the mean weights:
 * dms_adapt estimates them anew. DMS_EINVAL if the count is out of range or a
 * model is quantised: its weights are integers with scales, whose mean is no
 * such weight. DMS_EMISMATCH names the file and what differs; DMS_EIO,
 * DMS_EFORMAT, DMS_ENOMEM; DMS_ESTOPPED if the monitor asks to stop. */
dms_status dms_average(const char *out, const char *const *paths, size_t count,
                       const dms_monitor *monitor, dms_error *err);

#include "dms/public_end.h"

#endif
