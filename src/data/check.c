/* What is wrong with a data set, found before it costs a training run. */
#include "data/findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/fingerprint.h"

/* Below or above which a photograph is suspicious. */
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
                         "%s: white background: preprocessed by someone", side);
    }
}

/* Of a run of equal pictures the first is named by the others. */
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
                             "the split column parts it from patient %s, who "
                             "has the same picture",
                             patient_of(dataset, first->eye)->id);
    }
}

static void letters(char text[DMS_LABELS + 1], const uint8_t labels[DMS_LABELS])
{
    int at = 0;

    for (int k = 0; k < DMS_LABELS; k++)
        if (labels[k])
            text[at++] = DMS_LABEL_LETTERS[k];
    text[at] = '\0';
}

/* The union of the eyes' labels, N only if nothing else (docs/data-format.md).
 * false when not all keywords are there to tell. */
static bool labels_from_eyes(uint8_t labels[DMS_LABELS],
                             const dms_patient *patient)
{
    bool finding = false;

    for (int k = 0; k < DMS_LABELS; k++) {
        labels[k] = patient->eye[0].labels[k] | patient->eye[1].labels[k];
        finding |= k > 0 && labels[k];
    }
    if (finding)
        labels[0] = 0;
    return patient->eye[0].keywords && patient->eye[1].keywords;
}

static void check_row(dms_findings *f, const dms_patient *patient)
{
    uint8_t expected[DMS_LABELS];
    char found_text[DMS_LABELS + 1], expected_text[DMS_LABELS + 1];

    letters(found_text, patient->labels);
    if (!patient->labelled) {
        dms_findings_add(f, DMS_FINDING_CONTRADICTION, patient->id,
                         "line %d: no labels", patient->line);
        return;
    }
    if (found_text[0] == '\0')
        dms_findings_add(f, DMS_FINDING_CONTRADICTION, patient->id,
                         "line %d: not one of the eight labels is 1",
                         patient->line);
    if (patient->labels[0] && found_text[1] != '\0')
        dms_findings_add(f, DMS_FINDING_CONTRADICTION, patient->id,
                         "line %d: normal and %s at once", patient->line,
                         found_text + 1);
    if (labels_from_eyes(expected, patient) &&
        memcmp(expected, patient->labels, sizeof expected) != 0) {
        letters(expected_text, expected);
        dms_findings_add(f, DMS_FINDING_CONTRADICTION, patient->id,
                         "line %d: labels are %s, the keywords say %s",
                         patient->line, found_text[0] ? found_text : "none",
                         expected_text[0] ? expected_text : "none");
    }
    if (patient->age > AGE_MAX)
        dms_findings_add(f, DMS_FINDING_CONTRADICTION, patient->id,
                         "line %d: age %d", patient->line, patient->age);
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

static void check_all(dms_findings *f, const dms_fingerprint *prints,
                      size_t count, const dms_dataset *dataset)
{
    for (size_t i = 0; i < count; i++)
        check_photograph(f, &prints[i], dataset);
    for (size_t i = 0; i < dataset->count; i++)
        check_row(f, &dataset->patients[i]);
}

dms_status dms_data_check(dms_data_report **out, const dms_dataset *dataset,
                          const dms_monitor *monitor, dms_error *err)
{
    dms_status st;
    dms_data_report *report = dms_calloc(1, sizeof *report);
    dms_findings findings = {0};
    dms_fingerprint *prints = NULL;
    size_t count = 0;

    if (!report)
        return dms_fail_memory(err, "data report");
    TRY(dms_fingerprints_take(&prints, &count, dataset, monitor, err));
    check_all(&findings, prints, count, dataset);
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
