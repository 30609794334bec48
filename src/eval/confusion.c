/* Ratios of the four counts; relies on doubles holding the counts exactly. */
#include "eval/confusion.h"

static double ratio(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

void dms_cells_add(dms_cells *sum, const dms_cells *from)
{
    sum->tp += from->tp;
    sum->fp += from->fp;
    sum->fn += from->fn;
    sum->tn += from->tn;
}

double dms_cells_accuracy(const dms_cells *cells)
{
    return ratio(cells->tp + cells->tn,
                 cells->tp + cells->fp + cells->fn + cells->tn);
}

double dms_cells_precision(const dms_cells *cells)
{
    return ratio(cells->tp, cells->tp + cells->fp);
}

double dms_cells_recall(const dms_cells *cells)
{
    return ratio(cells->tp, cells->tp + cells->fn);
}

double dms_cells_specificity(const dms_cells *cells)
{
    return ratio(cells->tn, cells->tn + cells->fp);
}

double dms_cells_f1(const dms_cells *cells)
{
    return ratio(2 * cells->tp, 2 * cells->tp + cells->fp + cells->fn);
}
