/* Measures the cases of test_metrics.py: binary cases in the file argv[1], one
 * report's JSON a line on stdout. A case is, in this machine's byte order:
 *   int32 count, task, resamples, threads, K
 *   double thresholds[K]
 *   uint8 labels[count][K]; 255: unknown
 *   double probabilities[count][K]
 * With argv[2] = f1, kappa or youden a line is the K tuned thresholds. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "dms/metrics.h"

static void demand(int fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "metrics_cases: %s\n", what);
    exit(1);
}

static void *read_array(FILE *file, size_t count, size_t size)
{
    void *data = malloc(count * size);

    demand(data && fread(data, size, count, file) == count, "a case is short");
    return data;
}

static void print_report(const dms_answers *answers,
                         const dms_report_options *options)
{
    dms_error err = {0};
    dms_report *report = NULL;
    char *text = NULL;

    demand(dms_report_measure(&report, answers, options, &err) == DMS_OK,
           err.message);
    demand(dms_report_json(&text, report, &err) == DMS_OK, err.message);
    for (char *c = text; *c; c++)
        putchar(*c == '\n' ? ' ' : *c);
    putchar('\n');
    dms_text_free(text);
    dms_report_destroy(report);
}

static void print_thresholds(const dms_answers *answers, const char *word)
{
    dms_error err = {0};
    dms_criterion criterion;
    double t[DMS_LABELS_MAX];

    demand(dms_criterion_find(&criterion, word), "unknown criterion");
    demand(dms_thresholds_tune(t, answers, criterion, &err) == DMS_OK,
           err.message);
    for (int k = 0; k < dms_label_set_count(answers->set); k++)
        printf("%s%.17g", k ? ", " : "[", t[k]);
    puts("]");
}

/* ODIR's eight, or "1" to "K"; one of them, in order, for task 1. */
static dms_label_set *make_set(int labels, dms_task task)
{
    char codes[DMS_LABELS_MAX][8];
    dms_label list[DMS_LABELS_MAX];
    dms_label_set *set = NULL;
    dms_error err = {0};

    demand(labels >= 1 && labels <= DMS_LABELS_MAX, "too many labels");
    for (int k = 0; k < labels; k++) {
        snprintf(codes[k], sizeof codes[k], "%d", k + 1);
        list[k].code = labels == 8 ? dms_label_set_code(dms_label_set_odir(), k)
                                   : codes[k];
        list[k].name = NULL;
    }
    demand(dms_label_set_create(
               &set,
               &(dms_label_options){.struct_size = sizeof(dms_label_options),
                                    .labels = list,
                                    .count = labels,
                                    .task = task,
                                    .ordered = task == DMS_TASK_SINGLE_LABEL,
                                    .nothing_found = -1},
               &err) == DMS_OK,
           err.message);
    return set;
}

int main(int argc, char **argv)
{
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    int32_t head[5];

    demand(file != NULL, "usage: metrics_cases FILE [CRITERION]");
    while (fread(head, sizeof head, 1, file) == 1) {
        dms_report_options options;
        size_t count = (size_t)head[0], width = (size_t)head[4];
        double *thresholds = read_array(file, width, sizeof *thresholds);
        uint8_t *labels = read_array(file, count * width, 1);
        double *p = read_array(file, count * width, sizeof *p);
        dms_label_set *set = make_set(head[4], (dms_task)head[1]);
        const dms_answers answers = {set, labels, p, count};

        dms_report_options_init(&options, sizeof options);
        options.resamples = head[2];
        options.threads = head[3];
        options.thresholds = thresholds;
        if (argc > 2)
            print_thresholds(&answers, argv[2]);
        else
            print_report(&answers, &options);
        dms_label_set_destroy(set);
        free(thresholds);
        free(labels);
        free(p);
    }
    fclose(file);
    return 0;
}
