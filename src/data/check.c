/* `dmsnet data check`: what is wrong with a data set, found before it costs a
 * training run. Relies on fingerprint.c for what is measured on the photographs
 * and on findings.c for the report. */
#include "data/findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/fingerprint.h"
#include "data/labels.h"
#include "data/unlisted.h"
#include "image/codec.h"

/* A photograph (or age) beyond these limits is suspicious. */
enum {
    SIDE_MIN = 128,    /* pixels */
    GREY_DARK = 12,    /* mean grey level */
    GREY_BRIGHT = 235, /* mean grey level */
    DEVIATION_MIN = 8, /* of grey levels */
    AGE_MAX = 110
};

static const char *side_name(size_t eye)
{
    return eye % 2 == DMS_LEFT ? "left" : "right";
}

static const dms_patient *patient_of(const dms_dataset *dataset, size_t eye)
{
    return &dataset->patients[eye / 2];
}

static void check_photograph(dms_findings *f, const dms_fingerprint *print,
                             const dms_dataset *dataset)
{
    const char *id = patient_of(dataset, print->eye)->id;
    const char *side = side_name(print->eye);
    char pages[80];

    if (print->further_pages > 0) {
        dms_further_pages_text(pages, sizeof pages, print->further_pages);
        dms_findings_add(f, DMS_FINDING_SUSPICIOUS, id, "%s: %s", side, pages);
    }
    if (!print->present) {
        dms_findings_add(f, DMS_FINDING_MISSING, id, "%s: %s", side,
                         print->message);
    } else if (!print->readable) {
        dms_findings_add(f, DMS_FINDING_UNREADABLE, id, "%s: %s", side,
                         print->message);
    } else if (print->width < SIDE_MIN || print->height < SIDE_MIN) {
        dms_findings_add(f, DMS_FINDING_SUSPICIOUS, id,
                         "%s: only %d x %d pixels", side, print->width,
                         print->height);
    } else if (print->mean < GREY_DARK) {
        dms_findings_add(f, DMS_FINDING_SUSPICIOUS, id,
                         "%s: nearly black (mean grey %.0f)", side,
                         print->mean);
    } else if (print->mean > GREY_BRIGHT) {
        dms_findings_add(f, DMS_FINDING_SUSPICIOUS, id,
                         "%s: nearly white (mean grey %.0f)", side,
                         print->mean);
    } else if (print->deviation < DEVIATION_MIN) {
        dms_findings_add(f, DMS_FINDING_SUSPICIOUS, id,
                         "%s: hardly any contrast (deviation %.1f)", side,
                         print->deviation);
    } else if (print->field.kind == DMS_FIELD_NONE) {
        dms_findings_add(f, DMS_FINDING_SUSPICIOUS, id,
                         "%s: no retina was found", side);
    } else if (print->field.white_background) {
        dms_findings_add(f, DMS_FINDING_SUSPICIOUS, id,
                         "%s: white background: already preprocessed", side);
    } else if (print->field.coloured_background) {
        dms_findings_add(f, DMS_FINDING_SUSPICIOUS, id,
                         "%s: coloured background: already preprocessed", side);
    }
}

/* prints are sorted, so equal pictures are neighbours: each is reported as the
 * same as the first of its run. */
static void check_identical(dms_findings *f, const dms_fingerprint *prints,
                            size_t count, const dms_dataset *dataset)
{
    const dms_fingerprint *first = prints;

    for (size_t i = 1; i < count; i++) {
        const dms_fingerprint *p = &prints[i];

        if (!dms_fingerprint_equal(first, p)) {
            first = p;
            continue;
        }
        dms_findings_add(
            f, DMS_FINDING_IDENTICAL, patient_of(dataset, p->eye)->id,
            "%s is the same picture as %s of patient %s", side_name(p->eye),
            side_name(first->eye), patient_of(dataset, first->eye)->id);
        if (dataset->has_split_column &&
            patient_of(dataset, p->eye)->split !=
                patient_of(dataset, first->eye)->split)
            dms_findings_add(f, DMS_FINDING_CONTRADICTION,
                             patient_of(dataset, p->eye)->id,
                             "the split column separates it from patient "
                             "%s, who has the same picture",
                             patient_of(dataset, first->eye)->id);
    }
}

enum { CODES_MAX = 120 };

/* The codes of the labels that are 1: "DG" for ODIR's letters, "mild,severe"
 * for other sets; without the nothing-found label if `findings`. */
static void list_codes(char text[CODES_MAX], const dms_label_set *set,
                       const uint8_t *labels, bool findings)
{
    bool letters = dms_label_set_is_odir(set);
    size_t len = 0;

    text[0] = '\0';
    for (int k = 0; k < dms_label_set_count(set); k++) {
        if (labels[k] != 1 ||
            (findings && k == dms_label_set_nothing_found(set)))
            continue;
        if (len + DMS_LABEL_CODE_MAX + 6 > CODES_MAX) {
            snprintf(text + len, CODES_MAX - len, ",...");
            return;
        }
        len += (size_t)snprintf(text + len, CODES_MAX - len, "%s%s",
                                len && !letters ? "," : "",
                                dms_label_set_code(set, k));
    }
}

/* The labels that the keywords of both eyes give by ODIR's rule; ungradable
 * eyes are left out. All eight labels are derived even if the set has fewer,
 * since one finding can rule out another label. false: the set is not a part of
 * ODIR's, or an eye has no keywords. */
static bool labels_from_eyes(uint8_t *labels, const dms_patient *patient,
                             const dms_label_set *set)
{
    uint8_t eyes[2][DMS_ODIR_LABELS], all[DMS_ODIR_LABELS] = {0};
    const uint8_t *gradable[2] = {NULL, NULL};
    int places[DMS_ODIR_LABELS];

    if (!dms_odir_places(places, set) || !patient->eye[DMS_LEFT].keywords ||
        !patient->eye[DMS_RIGHT].keywords)
        return false;
    for (int e = DMS_LEFT; e <= DMS_RIGHT; e++)
        if (dms_keywords_label(eyes[e], patient->eye[e].keywords))
            gradable[e] = eyes[e];
    if (gradable[DMS_LEFT] || gradable[DMS_RIGHT])
        dms_labels_of_eyes(all, dms_label_set_odir(), gradable[DMS_LEFT],
                           gradable[DMS_RIGHT]);
    for (int k = 0; k < dms_label_set_count(set); k++)
        labels[k] = all[places[k]];
    return true;
}

static void check_nothing_found(dms_findings *f, const dms_patient *patient,
                                const dms_label_set *set)
{
    int nothing = dms_label_set_nothing_found(set);
    char findings[CODES_MAX];

    list_codes(findings, set, patient->labels, true);
    if (nothing >= 0 && patient->labels[nothing] == 1 && findings[0])
        dms_findings_add(f, DMS_FINDING_CONTRADICTION, patient->id,
                         "line %d: both %s and %s", patient->line,
                         dms_label_set_is_odir(set)
                             ? "normal"
                             : dms_label_set_code(set, nothing),
                         findings);
}

static void check_labels(dms_findings *f, const dms_patient *patient,
                         const dms_label_set *set)
{
    uint8_t expected[DMS_LABELS_MAX] = {0};
    char found_text[CODES_MAX], expected_text[CODES_MAX];
    size_t count = (size_t)dms_label_set_count(set);

    list_codes(found_text, set, patient->labels, false);
    if (found_text[0] == '\0' && dms_label_set_nothing_found(set) >= 0 &&
        !memchr(patient->labels, DMS_LABEL_UNKNOWN, count))
        dms_findings_add(f, DMS_FINDING_CONTRADICTION, patient->id,
                         "line %d: none of the %s labels is 1", patient->line,
                         dms_label_set_is_odir(set) ? "eight" : "table's");
    check_nothing_found(f, patient, set);
    if (labels_from_eyes(expected, patient, set) &&
        !memchr(patient->labels, DMS_LABEL_UNKNOWN, count) &&
        memcmp(expected, patient->labels, count) != 0) {
        list_codes(expected_text, set, expected, false);
        dms_findings_add(f, DMS_FINDING_CONTRADICTION, patient->id,
                         "line %d: labels are %s, the keywords say %s",
                         patient->line, found_text[0] ? found_text : "none",
                         expected_text[0] ? expected_text : "none");
    }
}

static void check_row(dms_findings *f, const dms_patient *patient,
                      const dms_label_set *set)
{
    if (!set)
        return;
    if (!patient->labelled) {
        dms_findings_add(f, DMS_FINDING_CONTRADICTION, patient->id,
                         "line %d: no labels", patient->line);
        return;
    }
    check_labels(f, patient, set);
    if (patient->age > AGE_MAX)
        dms_findings_add(f, DMS_FINDING_CONTRADICTION, patient->id,
                         "line %d: age %d", patient->line, patient->age);
}

/* The ids of one person's eyes, such as 1_left and 1_right, must be in the same
 * split. */
static void check_group(dms_findings *f, const dms_dataset *dataset,
                        const dms_patient *patient)
{
    const dms_patient *first = &dataset->patients[patient->group];

    if (dataset->has_split_column && patient->split != first->split)
        dms_findings_add(f, DMS_FINDING_CONTRADICTION, patient->id,
                         "line %d: the split column separates it from %s, "
                         "which is the same person's",
                         patient->line, first->id);
}

static void count_patients(dms_data_report *report, const dms_dataset *dataset)
{
    for (size_t i = 0; i < dataset->count; i++)
        for (int eye = 0; eye < 2; eye++) {
            const dms_eye *e = &dataset->patients[i].eye[eye];

            report->eyes += e->path != NULL;
            report->labelled_eyes += e->labelled;
            report->ungradable_eyes += e->keywords && !e->labelled;
        }
    report->patients = dataset->count;
}

dms_status dms_data_check(dms_data_report **out, const dms_dataset *dataset,
                          const dms_monitor *monitor, dms_error *err)
{
    dms_status st;
    dms_data_report *report = dms_calloc(1, sizeof *report);
    dms_findings findings = {0};
    dms_fingerprint *prints = NULL;
    size_t count = 0;
    char one_sided[DMS_ONE_SIDED_MAX];

    if (!report)
        return dms_fail_memory(err, "data report");
    TRY(dms_unlisted_tell(dataset, monitor, err));
    TRY(dms_fingerprints_take(&prints, &count, dataset, monitor, err));
    for (size_t i = 0; i < count; i++)
        check_photograph(&findings, &prints[i], dataset);
    if (dms_labels_one_sided(one_sided, dataset))
        dms_findings_add(&findings, DMS_FINDING_CONTRADICTION, NULL, "%s",
                         one_sided);
    for (size_t i = 0; i < dataset->count; i++)
        check_row(&findings, &dataset->patients[i], dataset->labels);
    for (size_t i = 0; i < dataset->count; i++)
        check_group(&findings, dataset, &dataset->patients[i]);
    dms_fingerprints_sort(prints, count);
    check_identical(&findings, prints, count, dataset);
    count_patients(report, dataset);
    report->missing = dms_findings_count(&findings, DMS_FINDING_MISSING);
    report->unreadable = dms_findings_count(&findings, DMS_FINDING_UNREADABLE);
    report->identical = dms_findings_count(&findings, DMS_FINDING_IDENTICAL);
    report->suspicious = dms_findings_count(&findings, DMS_FINDING_SUSPICIOUS);
    report->contradictions =
        dms_findings_count(&findings, DMS_FINDING_CONTRADICTION);
    TRY(dms_findings_report(report, &findings, dataset, err));
    *out = report, report = NULL;
done:
    dms_data_report_destroy(report);
    dms_findings_release(&findings);
    dms_free(prints);
    return st;
}

void dms_data_report_destroy(dms_data_report *report)
{
    if (!report)
        return;
    dms_free(report->text);
    dms_free(report->json);
    dms_free(report);
}
