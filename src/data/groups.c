/* Joining patients into groups: a union-find without path compression, as
 * groups are small. Relies on patient_id.c for which id is the smallest. */
#include "data/groups.h"

#include "data/patient_id.h"

static size_t root_of(const dms_dataset *dataset, size_t patient)
{
    while (dataset->patients[patient].group != patient)
        patient = dataset->patients[patient].group;
    return patient;
}

void dms_groups_join(dms_dataset *dataset, size_t a, size_t b)
{
    a = root_of(dataset, a);
    b = root_of(dataset, b);
    if (dms_patient_id_compare(dataset->patients[a].id,
                               dataset->patients[b].id) > 0)
        dataset->patients[a].group = b;
    else
        dataset->patients[b].group = a;
}

void dms_groups_settle(dms_dataset *dataset)
{
    for (size_t i = 0; i < dataset->count; i++)
        dataset->patients[i].group = root_of(dataset, i);
}
