/* Calibrates the cases of test_calibration.py: binary cases in the file
 * argv[1], one report's JSON a line on stdout. A case is, in this machine's
 * byte order:
 *   int32 count, task, method, K
 *   char point[32]
 *   uint8 labels[count][K]; 255: unknown
 *   float logits[count][K] */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "eval/calibration_report.h"

static void demand(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "calibration_cases: %s\n", what);
    exit(1);
}

static void *read_array(FILE *file, size_t count, size_t size)
{
    void *data = malloc(count * size);

    demand(data && fread(data, size, count, file) == count, "a case is short");
    return data;
}

/* Labels "1" to "K". */
static dms_label_set *make_set(int count, dms_task task)
{
    char codes[DMS_LABELS_MAX][12];
    dms_label list[DMS_LABELS_MAX];
    dms_label_set *set = NULL;
    dms_error err = {0};
    dms_label_options options;

    dms_label_options_init(&options, sizeof options);
    for (int k = 0; k < count; k++) {
        snprintf(codes[k], sizeof codes[k], "%d", k + 1);
        list[k] = (dms_label){codes[k], NULL};
    }
    options.labels = list, options.count = count, options.task = task;
    demand(dms_label_set_create(&set, &options, &err) == DMS_OK, err.message);
    return set;
}

static void print_report(const dms_calibration_plan *plan)
{
    dms_calibrate_report *report = NULL;
    dms_error err = {0};
    char *text = NULL;

    demand(dms_calibrate_report_make(&report, plan, &err) == DMS_OK,
           err.message);
    demand(dms_calibrate_report_print(&text, report, true, &err) == DMS_OK,
           err.message);
    for (char *c = text; *c; c++)
        putchar(*c == '\n' ? ' ' : *c);
    putchar('\n');
    dms_text_free(text);
    dms_calibrate_report_destroy(report);
}

int main(int argc, char **argv)
{
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    int32_t head[4];

    demand(file != NULL, "usage: calibration_cases FILE");
    while (fread(head, sizeof head, 1, file) == 1) {
        size_t count = (size_t)head[0], width = (size_t)head[3];
        char *point = read_array(file, 32, 1);
        uint8_t *labels = read_array(file, count * width, 1);
        float *logits = read_array(file, count * width, sizeof *logits);
        dms_label_set *set = make_set(head[3], (dms_task)head[1]);
        dms_calibration_plan plan = {.outcomes = {set, logits, labels, count},
                                     .method = (dms_calibrate_method)head[2]};

        demand(dms_operating_point_parse(&plan.point, point, NULL) == DMS_OK,
               "the point is unknown");
        print_report(&plan);
        dms_label_set_destroy(set);
        free(point);
        free(labels);
        free(logits);
    }
    fclose(file);
    return 0;
}
