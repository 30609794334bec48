/* Patients whose photographs decode to the same pixels become one group. Relies
 * on fingerprint.c or on a cache for the digests of the pixels; a digest also
 * stands for width and height. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "data/fingerprint.h"
#include "data/groups.h"
#include "dms/data.h"

/* Every patient a group of its own, except a person's two eyes. */
static dms_status start_groups(dms_dataset *dataset, dms_error *err)
{
    for (size_t i = 0; i < dataset->count; i++)
        dataset->patients[i].group = i;
    return dms_groups_join_persons(dataset, NULL, err);
}

dms_status dms_dataset_group_duplicates(dms_dataset *dataset,
                                        const dms_monitor *monitor,
                                        dms_error *err)
{
    dms_status st;
    dms_fingerprint *prints = NULL;
    size_t count = 0;

    TRY(start_groups(dataset, err));
    TRY(dms_fingerprints_take(&prints, &count, dataset, monitor, err));
    for (size_t i = 0; i < count; i++)
        if (prints[i].readable)
            dataset->patients[prints[i].eye / 2].eye[prints[i].eye % 2].digest =
                prints[i].digest;
    dms_fingerprints_sort(prints, count);
    for (size_t i = 1; i < count; i++)
        if (dms_fingerprint_equal(&prints[i - 1], &prints[i]))
            dms_groups_join(dataset, prints[i - 1].eye / 2, prints[i].eye / 2);
    dms_groups_settle(dataset);
done:
    dms_free(prints);
    return st;
}

typedef struct cached_eye {
    uint64_t digest;
    size_t patient;
} cached_eye;

static int by_digest(const void *a, const void *b)
{
    const cached_eye *x = a, *y = b;

    if (x->digest != y->digest)
        return x->digest < y->digest ? -1 : 1;
    return (x->patient > y->patient) - (x->patient < y->patient);
}

dms_status dms_groups_join_cached(dms_dataset *dataset, const dms_cache *cache,
                                  dms_error *err)
{
    dms_status st;
    cached_eye *eyes = dms_calloc(2 * dataset->count, sizeof *eyes);
    size_t count = 0;

    if (!eyes)
        return dms_fail_memory(err, "photographs");
    TRY(start_groups(dataset, err));
    for (size_t i = 0; i < 2 * dataset->count; i++) {
        uint64_t digest = dms_cache_digest(cache, i / 2, (int)(i % 2));

        dataset->patients[i / 2].eye[i % 2].digest = digest;
        if (digest != 0)
            eyes[count++] = (cached_eye){digest, i / 2};
    }
    qsort(eyes, count, sizeof *eyes, by_digest);
    for (size_t i = 1; i < count; i++)
        if (eyes[i - 1].digest == eyes[i].digest)
            dms_groups_join(dataset, eyes[i - 1].patient, eyes[i].patient);
    dms_groups_settle(dataset);
done:
    dms_free(eyes);
    return st;
}
