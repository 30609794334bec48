/* A model's metrics on a whole data set, with 95 % intervals.
 *
 *     cc 02_evaluate.c -o evaluate $(pkg-config --cflags --libs dmsnet)
 *     ./evaluate model.safetensors odir-folder results */
#include <dms/dms.h>
#include <stdio.h>

static void show(const char *name, const dms_report *report)
{
    dms_metric metric;
    const dms_figure *figure = NULL;

    if (dms_metric_find(&metric, name))
        figure = dms_report_metric(report, metric);
    if (figure)
        printf("%-12s %.4f  (95 %%: %.4f to %.4f)\n", name, figure->value,
               figure->low, figure->high);
}

int main(int argc, char **argv)
{
    dms_evaluate_options options;
    dms_error err = {0};
    dms_report *report = NULL;

    if (argc != 4) {
        fprintf(stderr, "usage: %s MODEL DATA RESULTS\n", argv[0]);
        return 2;
    }
    dms_evaluate_options_init(&options, sizeof options);
    options.split = DMS_SPLIT_NONE;
    options.model = argv[1];
    options.data = argv[2];
    options.out = argv[3];
    if (dms_evaluate(&report, NULL, &options, NULL, &err) != DMS_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    show("macro_auc", report);
    show("odir_kappa", report);
    show("odir_final", report);
    dms_report_destroy(report);
    return 0;
}
