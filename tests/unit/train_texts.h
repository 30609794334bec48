/* Training's options as a plain value: tests copy them freely, so their texts
 * are borrowed from here and never released. */
#ifndef TESTS_TRAIN_TEXTS_H
#define TESTS_TRAIN_TEXTS_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "dms/train.h"

enum { TEXTS_MAX = 128, TEXT_LENGTH_MAX = 256 };

/* A text that lives as long as the program. */
__attribute__((format(printf, 1, 2))) static inline char *
keep_text(const char *format, ...)
{
    static char texts[TEXTS_MAX][TEXT_LENGTH_MAX];
    static size_t count;
    va_list args;

    if (count == TEXTS_MAX)
        abort();
    va_start(args, format);
    vsnprintf(texts[count], TEXT_LENGTH_MAX, format, args);
    va_end(args);
    return texts[count++];
}

static inline dms_train_options default_train_options(void)
{
    static char none[1];
    const dms_train_options *defaults = dms_train_option_table()->defaults;
    dms_train_options o = *defaults;
    char **texts[] = {&o.data,   &o.images,     &o.labels,   &o.cache,  &o.init,
                      &o.metric, &o.pretrained, &o.encoding, &o.teacher};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = none;
    return o;
}

/* dms_train, with the result as a value. */
static inline dms_status train_to(dms_train_result *result,
                                  const dms_train_options *options,
                                  const dms_monitor *monitor, dms_error *err)
{
    dms_train_result *made = NULL;
    dms_status st = dms_train(&made, options, monitor, err);

    if (made)
        *result = *made;
    dms_train_result_destroy(made);
    return st;
}

#endif
