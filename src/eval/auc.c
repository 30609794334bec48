/* Sorts a column once, then counts ranks for any weights, in integers: ties
 * and sums are exact. */
#include "eval/auc.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "dms/labels.h"

typedef struct cell {
    double probability;
    uint32_t patient;
    uint8_t truth;
} cell;

static int by_falling_probability(const void *a, const void *b)
{
    double x = ((const cell *)a)->probability;
    double y = ((const cell *)b)->probability;

    return (x < y) - (x > y);
}

/* Sorts cells in place. */
static dms_status rank(dms_ranking *ranking, cell *cells, size_t count,
                       dms_error *err)
{
    uint32_t *packed = dms_calloc(count, sizeof *packed);

    if (!packed)
        return dms_fail_memory(err, "ranking predictions");
    qsort(cells, count, sizeof *cells, by_falling_probability);
    for (size_t i = 0; i < count; i++) {
        bool last =
            i + 1 == count || cells[i].probability != cells[i + 1].probability;

        packed[i] =
            cells[i].patient << 2 | (uint32_t)last << 1 | (cells[i].truth != 0);
    }
    ranking->cells = packed;
    ranking->count = count;
    ranking->constant =
        count && cells[0].probability == cells[count - 1].probability;
    return DMS_OK;
}

dms_status dms_ranking_init(dms_ranking *ranking, const uint8_t *truth,
                            const double *probabilities, size_t count,
                            size_t per_patient, dms_error *err)
{
    cell *cells = dms_calloc(count, sizeof *cells);
    size_t known = 0;
    dms_status st;

    if (!cells)
        return dms_fail_memory(err, "sorting predictions");
    for (size_t i = 0; i < count; i++)
        if (truth[i] != DMS_LABEL_UNKNOWN)
            cells[known++] =
                (cell){probabilities[i], (uint32_t)(i / per_patient), truth[i]};
    st = rank(ranking, cells, known, err);
    dms_free(cells);
    return st;
}

dms_status dms_ranking_init_column(dms_ranking *ranking, const uint8_t *truth,
                                   const double *probabilities, size_t count,
                                   size_t labels, size_t label, dms_error *err)
{
    cell *cells = dms_calloc(count, sizeof *cells);
    size_t known = 0;
    dms_status st;

    if (!cells)
        return dms_fail_memory(err, "sorting predictions");
    for (size_t i = 0; i < count; i++)
        if (truth[i * labels + label] != DMS_LABEL_UNKNOWN)
            cells[known++] = (cell){probabilities[i * labels + label],
                                    (uint32_t)i, truth[i * labels + label]};
    st = rank(ranking, cells, known, err);
    dms_free(cells);
    return st;
}

void dms_ranking_release(dms_ranking *ranking)
{
    dms_free(ranking->cells);
    *ranking = (dms_ranking){0};
}

/* twice = 2 * (pairs ranked correctly) + (pairs tied); exact in 64 bits. */
static double auc_of(uint64_t twice, uint64_t positives, uint64_t negatives)
{
    if (positives == 0 || negatives == 0)
        return NAN;
    return (double)twice / (2 * (double)positives * (double)negatives);
}

dms_ranks dms_ranking_measure(const dms_ranking *ranking,
                              const uint32_t *weights)
{
    uint64_t above = 0; /* positives before the current tie */
    uint64_t tp = 0;
    uint64_t fp = 0;
    uint64_t fp_closed = 0;
    uint64_t twice = 0;
    double area = 0;

    for (size_t i = 0; i < ranking->count; i++) {
        uint32_t c = ranking->cells[i];
        uint32_t w = weights[c >> 2];
        uint32_t positive = w & -(c & 1);

        tp += positive;
        fp += w - positive;
        if (!(c & 2))
            continue;
        twice += (fp - fp_closed) * (above + tp);
        if (tp > above)
            area += (double)(tp - above) * ((double)tp / (double)(tp + fp));
        above = tp;
        fp_closed = fp;
    }
    return (dms_ranks){auc_of(twice, tp, fp), tp ? area / (double)tp : 0};
}

double dms_ranking_auc(const dms_ranking *ranking, const uint32_t *weights)
{
    uint64_t above = 0;
    uint64_t tp = 0;
    uint64_t fp = 0;
    uint64_t fp_closed = 0;
    uint64_t twice = 0;

    for (size_t i = 0; i < ranking->count; i++) {
        uint32_t c = ranking->cells[i];
        uint32_t w = weights[c >> 2];
        uint32_t positive = w & -(c & 1);

        tp += positive;
        fp += w - positive;
        if (!(c & 2))
            continue;
        twice += (fp - fp_closed) * (above + tp);
        above = tp;
        fp_closed = fp;
    }
    return auc_of(twice, tp, fp);
}
