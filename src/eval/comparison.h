/* A comparison of sets of predictions, as whoever writes it sees it. */
#ifndef DMS_EVAL_COMPARISON_H
#define DMS_EVAL_COMPARISON_H

#include "dms/compare.h"
#include "eval/scoring.h"

typedef struct dms_comparison_pairing {
    size_t first, second; /* indices of sets */
} dms_comparison_pairing;

/* Owns all that it points to. */
struct dms_comparison {
    dms_label_set *label_set;
    size_t width; /* K */
    dms_compare_counts counts;
    size_t resamples;
    uint64_t seed;
    double threshold; /* NaN: some set has thresholds of its own */
    char **names;     /* set_count */
    size_t set_count;
    dms_scoring *scorings; /* set_count: decisions and rankings */
    dms_figure *figures;   /* set_count x dms_figure_count(width) */
    bool tested[DMS_METRICS];
    dms_comparison_pairing *pairs; /* pair_count */
    size_t pair_count;
    dms_difference *metrics; /* pair_count x DMS_METRICS; NaN if not tested */
    dms_difference *aucs;    /* pair_count x K */
    dms_discordance *decisions; /* pair_count x K */
};

#endif
