/* Reading a comparison through the public header. */
#include <string.h>

#include "eval/comparison.h"

size_t dms_comparison_set_count(const dms_comparison *comparison)
{
    return comparison->set_count;
}

const char *dms_comparison_set_name(const dms_comparison *comparison,
                                    size_t set)
{
    return set < comparison->set_count ? comparison->names[set] : NULL;
}

/* Figure `index` of a set; NULL beyond the sets. */
static const dms_figure *figure_at(const dms_comparison *c, size_t set,
                                   size_t index)
{
    return set < c->set_count
               ? &c->figures[set * dms_figure_count(c->width) + index]
               : NULL;
}

const dms_figure *dms_comparison_figure(const dms_comparison *comparison,
                                        size_t set, dms_metric metric)
{
    return (unsigned)metric < DMS_METRICS ? figure_at(comparison, set, metric)
                                          : NULL;
}

const dms_figure *dms_comparison_label_figure(const dms_comparison *comparison,
                                              size_t set, int label,
                                              dms_label_metric metric)
{
    if (label < 0 || (size_t)label >= comparison->width ||
        (unsigned)metric >= DMS_LABEL_METRICS)
        return NULL;
    return figure_at(comparison, set,
                     dms_figure_of_label((size_t)label, metric));
}

size_t dms_comparison_pair_count(const dms_comparison *comparison)
{
    return comparison->pair_count;
}

bool dms_comparison_pair(const dms_comparison *comparison, size_t pair,
                         size_t *first, size_t *second)
{
    if (pair >= comparison->pair_count)
        return false;
    *first = comparison->pairs[pair].first;
    *second = comparison->pairs[pair].second;
    return true;
}

const dms_difference *dms_comparison_metric(const dms_comparison *comparison,
                                            size_t pair, dms_metric metric)
{
    return pair < comparison->pair_count && (unsigned)metric < DMS_METRICS &&
                   comparison->tested[metric]
               ? &comparison->metrics[pair * DMS_METRICS + metric]
               : NULL;
}

static bool has(const dms_comparison *c, size_t pair, int label)
{
    return pair < c->pair_count && label >= 0 && (size_t)label < c->width;
}

const dms_difference *dms_comparison_auc(const dms_comparison *comparison,
                                         size_t pair, int label)
{
    return has(comparison, pair, label)
               ? &comparison->aucs[pair * comparison->width + (size_t)label]
               : NULL;
}

const dms_discordance *
dms_comparison_decisions(const dms_comparison *comparison, size_t pair,
                         int label)
{
    return has(comparison, pair, label)
               ? &comparison
                      ->decisions[pair * comparison->width + (size_t)label]
               : NULL;
}

void dms_comparison_counts(const dms_comparison *comparison,
                           dms_compare_counts *counts, size_t counts_size)
{
    size_t known = sizeof comparison->counts;

    memset(counts, 0, counts_size);
    memcpy(counts, &comparison->counts,
           counts_size < known ? counts_size : known);
}
