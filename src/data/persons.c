/* Ids that differ only in the side, "1_left" and "1_right", are one person's:
 * one in training and the other in validation would make results look too good.
 * Relies on side_name.c to take ids apart. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "data/groups.h"
#include "data/side_name.h"

/* A patient's id without the side. */
typedef struct person {
    dms_side_name name;
    size_t patient;
} person;

typedef struct persons {
    person *list;       /* owned, sorted: a person's ids are neighbours */
    size_t sided;       /* ids with a side */
    size_t shared, ids; /* persons with several ids, and the number of these */
    size_t parted;      /* such persons whom the split column separates */
    const person *shared_first, *parted_first; /* the first of each, in list;
                                                  the next is its other id */
} persons;

static int compare_bytes(const char *a, size_t a_len, const char *b,
                         size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_persons(const void *a, const void *b)
{
    const dms_side_name *x = &((const person *)a)->name;
    const dms_side_name *y = &((const person *)b)->name;
    int order =
        compare_bytes(x->folder, x->folder_len, y->folder, y->folder_len);

    return order != 0 ? order
                      : compare_bytes(x->id, x->id_len, y->id, y->id_len);
}

/* By person, then in the table's order. */
static int compare_entries(const void *a, const void *b)
{
    size_t x = ((const person *)a)->patient;
    size_t y = ((const person *)b)->patient;
    int order = compare_persons(a, b);

    return order != 0 ? order : (x > y) - (x < y);
}

/* An id without exactly one side is a person of its own. */
static person person_of(const dms_dataset *dataset, size_t patient)
{
    const char *id = dataset->patients[patient].id;
    size_t len = strlen(id);
    person p = {dms_side_name_read(id, len), patient};

    if (p.name.kind != DMS_NAME_ONE_SIDE) {
        p.name.folder_len = 0;
        p.name.id = id;
        p.name.id_len = len;
    }
    return p;
}

/* Join one person's ids, [first, end). */
static void join_person(persons *p, dms_dataset *dataset, const person *first,
                        const person *end)
{
    const person *parted = NULL;

    if (end - first < 2)
        return;
    for (const person *other = first + 1; other < end; other++) {
        dms_groups_join(dataset, first->patient, other->patient);
        if (!parted && dataset->patients[other->patient].split !=
                           dataset->patients[other[-1].patient].split)
            parted = other - 1;
    }
    p->shared++;
    p->ids += (size_t)(end - first);
    if (!p->shared_first)
        p->shared_first = first;
    p->parted += parted != NULL;
    if (!p->parted_first)
        p->parted_first = parted;
}

static void tell(const persons *p, const dms_dataset *dataset,
                 const dms_monitor *monitor)
{
    const dms_patient *patients = dataset->patients;

    if (p->shared > 0)
        dms_log(monitor, DMS_LOG_INFO,
                "%s: %zu ids are eyes of %zu %s, as %s and %s are: they "
                "stay separate patients, but a new split keeps them together",
                dataset->table, p->ids, p->shared,
                p->shared == 1 ? "person" : "persons",
                patients[p->shared_first[0].patient].id,
                patients[p->shared_first[1].patient].id);
    if (p->parted > 0)
        dms_log(monitor, DMS_LOG_WARNING,
                "%s: the split column separates the eyes of %zu %s, as %s "
                "(%s) and %s (%s)",
                dataset->table, p->parted,
                p->parted == 1 ? "person" : "persons",
                patients[p->parted_first[0].patient].id,
                dms_split_name(patients[p->parted_first[0].patient].split),
                patients[p->parted_first[1].patient].id,
                dms_split_name(patients[p->parted_first[1].patient].split));
}

/* If only some ids or names have a side, warn about the others. */
static void tell_some(const persons *p, const dms_dataset *dataset,
                      const dms_monitor *monitor)
{
    size_t unknown = 0;
    const dms_patient *first = NULL;

    if (p->sided > 0 && p->sided < dataset->count)
        dms_log(monitor, DMS_LOG_WARNING,
                "%s: %zu of %zu ids name an eye, the others do not",
                dataset->table, p->sided, dataset->count);
    for (size_t i = 0; i < dataset->count; i++)
        if (dataset->patients[i].side_unknown && unknown++ == 0)
            first = &dataset->patients[i];
    if (unknown > 0 && unknown < dataset->count)
        dms_log(monitor, DMS_LOG_WARNING,
                "%s: it is unknown which eye the photographs of %zu of %zu "
                "patients show, the first is %s",
                dataset->table, unknown, dataset->count, first->id);
}

dms_status dms_groups_join_persons(dms_dataset *dataset,
                                   const dms_monitor *monitor, dms_error *err)
{
    persons p = {.list = dms_calloc(dataset->count, sizeof *p.list)};
    size_t first = 0;

    if (!p.list)
        return dms_fail_memory(err, dataset->table);
    for (size_t i = 0; i < dataset->count; i++) {
        p.list[i] = person_of(dataset, i);
        p.sided += p.list[i].name.kind == DMS_NAME_ONE_SIDE;
    }
    qsort(p.list, dataset->count, sizeof *p.list, compare_entries);
    for (size_t i = 1; i <= dataset->count; i++) {
        if (i < dataset->count &&
            compare_persons(&p.list[i], &p.list[first]) == 0)
            continue;
        join_person(&p, dataset, &p.list[first], &p.list[i]);
        first = i;
    }
    dms_groups_settle(dataset);
    tell(&p, dataset, monitor);
    tell_some(&p, dataset, monitor);
    dms_free(p.list);
    return DMS_OK;
}
