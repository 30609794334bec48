#include "data/odir_columns.h"

#include "base/fail.h"
#include "base/strbuf.h"

enum { NAMES_MAX = 5 };

static const char *const id_names[NAMES_MAX] = {"ID", "Patient ID", "Patient"};
static const char *const age_names[NAMES_MAX] = {"Patient Age", "Age"};
static const char *const sex_names[NAMES_MAX] = {"Patient Sex", "Sex",
                                                 "Gender"};
static const char *const split_names[NAMES_MAX] = {"split"};
static const char *const filename_names[NAMES_MAX] = {"filename"};
static const char *const picture_names[2][NAMES_MAX] = {
    {"Left-Fundus", "Left", "Left Image"},
    {"Right-Fundus", "Right", "Right Image"}};
static const char *const keyword_names[2][NAMES_MAX] = {
    {"Left-Diagnostic Keywords", "Left Keywords"},
    {"Right-Diagnostic Keywords", "Right Keywords"}};
static const char *const label_names[DMS_LABELS][NAMES_MAX] = {
    {"N", "Normal", "Normal fundus"},
    {"D", "Diabetes", "Diabetic retinopathy"},
    {"G", "Glaucoma"},
    {"C", "Cataract"},
    {"A", "AMD", "Age related macular degeneration"},
    {"H", "Hypertension", "Hypertensive retinopathy"},
    {"M", "Myopia", "Pathological myopia"},
    {"O", "Other", "Others", "Other diseases/abnormalities", "Other diseases"}};

/* The one column with one of the names; two of them are an error. */
static dms_status find(size_t *out, const dms_table *table,
                       const char *const names[NAMES_MAX], dms_error *err)
{
    *out = DMS_TABLE_NONE;
    for (int i = 0; i < NAMES_MAX && names[i]; i++) {
        size_t at = 0;

        while ((at = dms_table_find_column(table, names[i], at)) !=
               DMS_TABLE_NONE) {
            if (*out != DMS_TABLE_NONE)
                return dms_fail(err, DMS_EFORMAT,
                                "%s:%d: columns %zu and %zu are both '%s'",
                                table->name, table->rows[0].line, *out + 1,
                                at + 1, names[0]);
            *out = at++;
        }
    }
    return DMS_OK;
}

static dms_status find_labels(dms_odir_columns *out, const dms_table *table,
                              dms_error *err)
{
    dms_status st = DMS_OK;
    char missing[DMS_LABELS + 1] = "";
    int count = 0;

    for (int k = 0; k < DMS_LABELS; k++) {
        TRY(find(&out->labels[k], table, label_names[k], err));
        if (out->labels[k] == DMS_TABLE_NONE)
            missing[count++] = DMS_LABEL_LETTERS[k];
    }
    if (count > 0 && count < DMS_LABELS)
        st = dms_fail(err, DMS_EFORMAT,
                      "%s:%d: of the label columns %s, %s missing: %s",
                      table->name, table->rows[0].line, DMS_LABEL_LETTERS,
                      count == 1 ? "one is" : "some are", missing);
done:
    return st;
}

dms_status dms_odir_columns_find(dms_odir_columns *out, const dms_table *table,
                                 dms_error *err)
{
    dms_status st = DMS_OK;

    if (table->count == 0)
        return dms_fail(err, DMS_EFORMAT, "%s: the table is empty",
                        table->name);
    TRY(find(&out->id, table, id_names, err));
    TRY(find(&out->age, table, age_names, err));
    TRY(find(&out->sex, table, sex_names, err));
    TRY(find(&out->split, table, split_names, err));
    TRY(find(&out->filename, table, filename_names, err));
    for (int e = DMS_LEFT; e <= DMS_RIGHT; e++) {
        TRY(find(&out->picture[e], table, picture_names[e], err));
        TRY(find(&out->keywords[e], table, keyword_names[e], err));
    }
    TRY(find_labels(out, table, err));
    if (out->id == DMS_TABLE_NONE)
        st = dms_fail(err, DMS_EFORMAT, "%s:%d: there is no column 'ID'",
                      table->name, table->rows[0].line);
    else if (out->labels[0] == DMS_TABLE_NONE &&
             out->filename == DMS_TABLE_NONE &&
             out->picture[DMS_LEFT] == DMS_TABLE_NONE &&
             out->picture[DMS_RIGHT] == DMS_TABLE_NONE)
        st = dms_fail(err, DMS_EFORMAT,
                      "%s:%d: expected picture columns (Left-Fundus and "
                      "Right-Fundus, or left and right) or the label columns "
                      "N, D, G, C, A, H, M, O",
                      table->name, table->rows[0].line);
done:
    return st;
}
