/* A net that stays alive: for each line on standard input it runs one forward
 * (or training step) and prints the seconds. bench/peers uses it.
 *
 *     bench_step MODEL PRECISION WINOGRAD PATIENTS SIZE THREADS
 *                [train|train-checkpointed] */
#include <dms/dms.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int serve(dms_bench *bench, dms_error *err)
{
    dms_bench_times times;
    char line[64];

    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (dms_bench_step(bench, &times, err) != DMS_OK)
            return 1;
        printf("%.9f\n", times.total);
        fflush(stdout);
    }
    return 0;
}

/* The value of a word; one past the last value if the word is unknown. */
static int choose(const char *(*name)(int), const char *word)
{
    int i = 0;

    while (name(i) && strcmp(name(i), word) != 0)
        i++;
    return i;
}

int main(int argc, char **argv)
{
    dms_bench_options options;
    dms_compute compute;
    dms_error err = {0};
    dms_model *model = NULL;
    dms_bench *bench = NULL;
    int failed = 1;

    if (argc < 7) {
        fprintf(stderr, "usage: bench_step MODEL PRECISION WINOGRAD PATIENTS "
                        "SIZE THREADS [train|train-checkpointed]\n");
        return 2;
    }
    dms_compute_init(&compute, sizeof compute);
    dms_bench_options_init(&options, sizeof options);
    options.compute = &compute;
    compute.precision = (dms_precision)choose(dms_precision_name, argv[2]);
    compute.winograd = (dms_winograd)choose(dms_winograd_name, argv[3]);
    options.patients = atoi(argv[4]);
    options.size = atoi(argv[5]);
    compute.threads = atoi(argv[6]);
    options.checkpoint_activations =
        argc > 7 && strcmp(argv[7], "train-checkpointed") == 0;
    options.train = options.checkpoint_activations ||
                    (argc > 7 && strcmp(argv[7], "train") == 0);
    if (!dms_precision_name((int)compute.precision) ||
        !dms_winograd_name((int)compute.winograd))
        fprintf(stderr, "bench_step: unknown PRECISION or WINOGRAD\n");
    else if (dms_model_open(&model, argv[1], NULL, &err) == DMS_OK &&
             dms_bench_create(&bench, model, &options, &err) == DMS_OK)
        failed = serve(bench, &err);
    if (err.code != DMS_OK)
        fprintf(stderr, "bench_step: %s\n", err.message);
    dms_bench_destroy(bench);
    dms_model_destroy(model);
    return failed;
}
