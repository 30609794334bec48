/* Measures the cases of test_metrics.py: binary cases in the file argv[1], one
 * report's JSON a line on stdout. A case is, in this machine's byte order:
 *   int32 count, task, resamples, threads
 *   double thresholds[8]
 *   uint8 labels[count][8]
 *   double probabilities[count][8]
 * With argv[2] = f1, kappa or youden a line is the eight tuned thresholds. */
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

static void print_report(const uint8_t *labels, const double *probabilities,
                         size_t count, const dms_report_options *options)
{
    dms_error err = {0};
    dms_report report;
    char *text = NULL;

    demand(dms_report_measure(&report, labels, probabilities, count, options,
                              &err) == DMS_OK,
           err.message);
    demand(dms_report_json(&text, &report, &err) == DMS_OK, err.message);
    for (char *c = text; *c; c++)
        putchar(*c == '\n' ? ' ' : *c);
    putchar('\n');
    dms_text_free(text);
}

static void print_thresholds(const uint8_t *labels, const double *probabilities,
                             size_t count, const char *word)
{
    dms_error err = {0};
    dms_criterion criterion;
    double t[DMS_LABELS];

    demand(dms_criterion_find(&criterion, word), "unknown criterion");
    demand(dms_thresholds_tune(t, labels, probabilities, count, criterion,
                               &err) == DMS_OK,
           err.message);
    for (int k = 0; k < DMS_LABELS; k++)
        printf("%s%.17g", k ? ", " : "[", t[k]);
    puts("]");
}

int main(int argc, char **argv)
{
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    int32_t head[4];

    demand(file != NULL, "usage: metrics_cases FILE [CRITERION]");
    while (fread(head, sizeof head, 1, file) == 1) {
        dms_report_options options = dms_report_options_default();
        size_t count = (size_t)head[0];
        double *thresholds = read_array(file, DMS_LABELS, sizeof *thresholds);
        uint8_t *labels = read_array(file, count * DMS_LABELS, 1);
        double *p = read_array(file, count * DMS_LABELS, sizeof *p);

        options.task = (dms_task)head[1];
        options.resamples = head[2];
        options.threads = head[3];
        for (int k = 0; k < DMS_LABELS; k++)
            options.thresholds[k] = thresholds[k];
        if (argc > 2)
            print_thresholds(labels, p, count, argv[2]);
        else
            print_report(labels, p, count, &options);
        free(thresholds);
        free(labels);
        free(p);
    }
    fclose(file);
    return 0;
}
