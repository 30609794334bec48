/* Each training patient once, by the model of the fold that held the patient
 * out. Relies on validate.c, so that a fold's predictions are those that its
 * best epoch was chosen by, from the stored maps if there are any. */
#include "train/out_of_fold.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "data/predictions.h"
#include "net/model.h"

void dms_out_of_fold_release(dms_out_of_fold *all)
{
    for (size_t i = 0; i < all->count; i++) {
        dms_free(all->rows[i].id);
        dms_free(all->rows[i].labels);
        dms_free(all->rows[i].probabilities);
    }
    dms_free(all->rows);
    dms_label_set_destroy(all->labels);
    *all = (dms_out_of_fold){0};
}

/* Copy the best model's weights to the table that is evaluated. */
static dms_status take_best(dms_trainer *t, dms_error *err)
{
    dms_params *to = t->nets.eval_params;
    dms_model *best = NULL;
    dms_status st;

    TRY(dms_model_open(&best, t->outputs.best_path, t->monitor, err));
    for (size_t i = 0; i < to->count; i++) {
        const dms_param *from =
            dms_params_find(best->params, to->items[i].name);

        if (!from || from->len != to->items[i].len) {
            st = dms_fail(err, DMS_EMISMATCH,
                          "%s: tensor %s is not that of this run",
                          t->outputs.best_path, to->items[i].name);
            goto done;
        }
        dms_param_read(to->value + to->items[i].offset, best->params,
                       (size_t)(from - best->params->items));
    }
done:
    dms_model_destroy(best);
    return st;
}

static dms_status add_rows(dms_out_of_fold *all, const dms_train_patients *p,
                           const double *probabilities, const uint8_t *labels,
                           dms_error *err)
{
    size_t width = (size_t)p->dataset->label_count;
    size_t bytes = width * sizeof *probabilities;
    dms_out_of_fold_row *rows =
        dms_calloc(all->count + p->val_count, sizeof *rows);

    if (!rows)
        return dms_fail_memory(err, "out-of-fold predictions");
    if (all->count > 0)
        memcpy(rows, all->rows, all->count * sizeof *rows);
    dms_free(all->rows);
    all->rows = rows;
    for (size_t i = 0; i < p->val_count; i++) {
        dms_out_of_fold_row *row = &rows[all->count++];

        row->place = p->val[i];
        row->id = dms_strdup(p->dataset->patients[row->place].id);
        row->labels = dms_calloc(width, 1);
        row->probabilities = dms_calloc(1, bytes);
        if (!row->id || !row->labels || !row->probabilities)
            return dms_fail_memory(err, "out-of-fold predictions");
        memcpy(row->labels, labels + i * width, width);
        memcpy(row->probabilities, probabilities + i * width, bytes);
    }
    return DMS_OK;
}

dms_status dms_out_of_fold_add(dms_out_of_fold *all, dms_trainer *t,
                               dms_error *err)
{
    const dms_train_patients *p = &t->patients;
    size_t cells = p->val_count * (size_t)p->dataset->label_count;
    double *probabilities = NULL;
    uint8_t *labels = NULL;
    dms_status st;

    if (p->val_count == 0)
        return dms_fail(err, DMS_EINVAL,
                        "%s: the fold has no patient with a known label and a "
                        "readable photograph; give fewer folds",
                        t->options->run);
    probabilities = dms_calloc(cells, sizeof *probabilities);
    labels = dms_calloc(cells, sizeof *labels);
    if (!probabilities || !labels) {
        st = dms_fail_memory(err, "out-of-fold predictions");
        goto done;
    }
    if (!all->labels)
        TRY(dms_label_set_copy(&all->labels, t->config.labels, err));
    all->metric = t->metric;
    TRY(take_best(t, err));
    TRY(dms_trainer_answer(probabilities, labels, t, err));
    TRY(add_rows(all, p, probabilities, labels, err));
done:
    dms_free(probabilities);
    dms_free(labels);
    return st;
}

static int by_place(const void *a, const void *b)
{
    const dms_out_of_fold_row *x = a, *y = b;

    return (x->place > y->place) - (x->place < y->place);
}

/* The rows as arrays; ids borrowed. */
typedef struct columns {
    const char **ids;
    double *probabilities;
    uint8_t *labels;
} columns;

static dms_status columns_make(columns *c, const dms_out_of_fold *all,
                               dms_error *err)
{
    size_t width = (size_t)dms_label_set_count(all->labels);

    c->ids = dms_calloc(all->count, sizeof *c->ids);
    c->probabilities = dms_calloc(all->count * width, sizeof *c->probabilities);
    c->labels = dms_calloc(all->count * width, sizeof *c->labels);
    if (!c->ids || !c->probabilities || !c->labels)
        return dms_fail_memory(err, "out-of-fold predictions");
    for (size_t i = 0; i < all->count; i++) {
        const dms_out_of_fold_row *row = &all->rows[i];

        c->ids[i] = row->id;
        memcpy(c->probabilities + i * width, row->probabilities,
               width * sizeof *row->probabilities);
        memcpy(c->labels + i * width, row->labels, width);
    }
    return DMS_OK;
}

static dms_status measure(double *value, const dms_out_of_fold *all,
                          const columns *c, dms_error *err)
{
    const dms_answers answers = {all->labels, c->labels, c->probabilities,
                                 all->count};
    dms_report_options options;
    dms_report *report = NULL;
    dms_status st;

    dms_report_options_init(&options, sizeof options);
    options.resamples = 0;
    options.threads = 1;
    st = dms_report_measure(&report, &answers, &options, err);
    if (st == DMS_OK)
        *value = report->metrics[all->metric].value;
    dms_report_destroy(report);
    return st;
}

dms_status dms_out_of_fold_write(double *value, dms_out_of_fold *all,
                                 const char *run, dms_error *err)
{
    char *path = dms_path_join(run, "out-of-fold.csv");
    columns c = {0};
    dms_status st;

    assert(all->count > 0);
    if (!path)
        return dms_fail_memory(err, run);
    qsort(all->rows, all->count, sizeof *all->rows, by_place);
    TRY(columns_make(&c, all, err));
    TRY(measure(value, all, &c, err));
    TRY(dms_prediction_rows_write(path, c.ids, c.probabilities, all->count,
                                  all->labels, err));
done:
    dms_free((void *)c.ids);
    dms_free(c.probabilities);
    dms_free(c.labels);
    dms_free(path);
    return st;
}
