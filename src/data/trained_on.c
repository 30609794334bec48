/* A sorted set of digests, and its text in a model file's metadata. Relies on
 * digests that are never 0. */
#include "data/trained_on.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/number.h"

enum { DIGITS = 16 };

void dms_trained_on_release(dms_trained_on *set)
{
    dms_free(set->digests);
    *set = (dms_trained_on){0};
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

dms_status dms_trained_on_add(dms_trained_on *set, const uint64_t *digests,
                              size_t count, dms_error *err)
{
    size_t total = set->count, kept = 0;
    uint64_t *all = dms_calloc(set->count + count + 1, sizeof *all);

    if (!all)
        return dms_fail_memory(err, "digests of photographs");
    if (set->count)
        memcpy(all, set->digests, set->count * sizeof *all);
    for (size_t i = 0; i < count; i++)
        if (digests[i] != 0)
            all[total++] = digests[i];
    qsort(all, total, sizeof *all, compare);
    for (size_t i = 0; i < total; i++)
        if (kept == 0 || all[i] != all[kept - 1])
            all[kept++] = all[i];
    dms_free(set->digests);
    *set = (dms_trained_on){all, kept};
    return DMS_OK;
}

bool dms_trained_on_has(const dms_trained_on *set, uint64_t digest)
{
    return set->count > 0 && bsearch(&digest, set->digests, set->count,
                                     sizeof digest, compare) != NULL;
}

bool dms_trained_on_patient(const dms_trained_on *set,
                            const dms_dataset *dataset, const dms_cache *cache,
                            dms_eyes eyes, size_t patient)
{
    for (int side = DMS_LEFT; side <= DMS_RIGHT; side++)
        if (dms_trained_on_has(
                set, dms_loader_digest(dataset, cache, eyes, patient, side)))
            return true;
    return false;
}

char *dms_trained_on_text(const dms_trained_on *set)
{
    char *text = set->digests ? dms_calloc(DIGITS * set->count + 1, 1) : NULL;

    for (size_t i = 0; text && i < set->count; i++)
        snprintf(text + DIGITS * i, DIGITS + 1, "%016" PRIx64, set->digests[i]);
    return text;
}

dms_status dms_trained_on_parse(dms_trained_on *set, const char *text,
                                const char *name, dms_error *err)
{
    size_t len = strlen(text), count = len / DIGITS;
    uint64_t *digests = dms_calloc(count + 1, sizeof *digests);
    bool good = len % DIGITS == 0;

    if (!digests)
        return dms_fail_memory(err, name);
    for (size_t i = 0; good && i < count; i++) {
        char one[DIGITS + 1] = "";

        memcpy(one, text + DIGITS * i, DIGITS);
        good = dms_hex64_read(&digests[i], one) &&
               digests[i] > (i ? digests[i - 1] : 0);
    }
    if (!good) {
        dms_free(digests);
        return dms_fail(err, DMS_EFORMAT,
                        "%s: metadata '" DMS_TRAINED_ON_KEY
                        "' is not ascending digests of %d hexadecimal digits",
                        name, DIGITS);
    }
    *set = (dms_trained_on){digests, count};
    return DMS_OK;
}
