/* Patients whose photographs decode to the same pixels become one group. Relies
 * on fingerprint.c for the digests of the pixels. */
#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "data/fingerprint.h"
#include "data/groups.h"
#include "dms/data.h"

dms_status dms_dataset_group_duplicates(dms_dataset *dataset,
                                        const dms_monitor *monitor,
                                        dms_error *err)
{
    dms_status st;
    dms_fingerprint *prints = NULL;
    size_t count = 0;

    for (size_t i = 0; i < dataset->count; i++)
        dataset->patients[i].group = i;
    TRY(dms_groups_join_persons(dataset, NULL, err));
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
