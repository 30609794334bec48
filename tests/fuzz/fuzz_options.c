/* A YAML file of options from anywhere: whatever is accepted is in range and
 * survives being written and read again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dms/option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct fit {
    bool crop;
    int epochs;
    uint64_t seed;
    double rate;
    double limit;
    int context;
    char *out;
} fit;

static const char *const context_words[] = {"mscam", "none", NULL};

static const fit fit_defaults = {.epochs = 60, .rate = 1e-3, .out = "run"};

static const dms_option fit_options[] = {
    {.name = "crop", .type = DMS_OPTION_FLAG, DMS_OPTION_FIELD(fit, crop)},
    {.name = "epochs",
     .type = DMS_OPTION_INT,
     DMS_OPTION_FIELD(fit, epochs),
     .min = 1,
     .max = 1000},
    {.name = "seed", .type = DMS_OPTION_UINT64, DMS_OPTION_FIELD(fit, seed)},
    {.name = "learning-rate",
     .type = DMS_OPTION_REAL,
     DMS_OPTION_FIELD(fit, rate)},
    {.name = "time-limit",
     .type = DMS_OPTION_DURATION,
     DMS_OPTION_FIELD(fit, limit),
     .word = "none"},
    {.name = "context",
     .type = DMS_OPTION_CHOICE,
     DMS_OPTION_FIELD(fit, context),
     .choices = context_words},
    {.name = "out", .type = DMS_OPTION_TEXT, DMS_OPTION_FIELD(fit, out)}};

static const dms_option_table table = {fit_options, 7, &fit_defaults,
                                       sizeof(fit)};

static void must(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fit values, again;
    char text[32768], text_again[32768]; /* each byte may need an escape */
    size_t len;

    must(dms_options_init(&values, &table, NULL) == DMS_OK);
    if (dms_options_parse_yaml(&values, &table, (const char *)data, size,
                               "fuzz", "train", NULL) != DMS_OK) {
        dms_options_release(&values, &table);
        return 0;
    }
    must(dms_options_init(&again, &table, NULL) == DMS_OK);
    must(dms_options_check(&values, &table, NULL) == DMS_OK);
    len = dms_options_format_yaml(text, sizeof(text), &values, &table, NULL);
    must(len < sizeof(text));
    must(dms_options_parse_yaml(&again, &table, text, len, "again", NULL,
                                NULL) == DMS_OK);
    dms_options_format_yaml(text_again, sizeof(text_again), &again, &table,
                            NULL);
    must(strcmp(text, text_again) == 0);
    dms_options_release(&again, &table);
    dms_options_release(&values, &table);
    return 0;
}
