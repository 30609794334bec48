/* Turning a table's rows into patients. In Kaggle's form a row is one eye; a
 * patient has one or two rows, which must agree on the patient. Relies on
 * odir_columns.c for which column is what. */
#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/fail.h"
#include "base/number.h"
#include "base/rng.h"
#include "data/odir_columns.h"
#include "data/patient_id.h"
#include "data/side_name.h"
#include "data/table_cell.h"

typedef struct rows_reader {
    dms_dataset *dataset;
    const dms_table *table;
    const dms_odir_columns *columns;
    size_t row;         /* the row that is being read */
    size_t *first_rows; /* by patient: its first row */
    size_t *slots;      /* hash table by id: patient + 1, 0 if free; at most
                           half full, so a search ends */
    size_t slot_mask;   /* number of slots, a power of two, minus 1 */
    char id[DMS_PATIENT_ID_MAX]; /* of id_of, without a NUL */
    dms_error *err;
} rows_reader;

static int line_of(const rows_reader *r)
{
    return r->table->rows[r->row].line;
}

/* The row's cell without blanks around it: len bytes, without a NUL. */
static const char *cell(const rows_reader *r, size_t row, size_t column,
                        size_t *len)
{
    return dms_cell_text(r->table, row, column, len);
}

static dms_status fail_cell(const rows_reader *r, size_t column,
                            const char *expected)
{
    return dms_cell_fail(r->table, r->row, column, expected, r->err);
}

/* A copy of the cell; *out is NULL if it is empty. */
static dms_status copy_cell(char **out, const rows_reader *r, size_t column)
{
    size_t len;
    const char *text = cell(r, r->row, column, &len);

    *out = NULL;
    if (len > 0 && !(*out = dms_strndup(text, len)))
        return dms_fail_memory(r->err, r->table->name);
    return DMS_OK;
}

/* One owner's labels in the row; unchanged (unknown) if the table has none. */
static dms_status read_labels(uint8_t *labels, bool *labelled,
                              const rows_reader *r, dms_label_owner owner)
{
    const dms_label_columns *columns = &r->columns->labels;
    dms_status st = DMS_OK;

    if (!columns->set || !columns->has[owner])
        return DMS_OK;
    TRY(dms_label_cells_read(labels, columns, owner, r->table, r->row, r->err));
    *labelled = dms_labels_known(labels, r->dataset->label_count);
done:
    return st;
}

static dms_status read_split(dms_patient *patient, const rows_reader *r)
{
    static const struct {
        const char *word;
        dms_split split;
    } words[] = {
        {"", DMS_SPLIT_NONE},          {"train", DMS_SPLIT_TRAIN},
        {"training", DMS_SPLIT_TRAIN}, {"val", DMS_SPLIT_VAL},
        {"valid", DMS_SPLIT_VAL},      {"validation", DMS_SPLIT_VAL},
        {"test", DMS_SPLIT_TEST},      {"testing", DMS_SPLIT_TEST},
    };
    size_t len;
    const char *text = cell(r, r->row, r->columns->split, &len);

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (dms_cell_is(text, len, words[i].word)) {
            patient->split = words[i].split;
            return DMS_OK;
        }
    }
    return fail_cell(r, r->columns->split, "train, val or test");
}

/* Years; -1: not an age, or 1, which ODIR writes for unknown. */
static int age_of(const char *text)
{
    const char *end;
    int64_t age = dms_integer_read(text, &end, NULL);

    return end == text || age <= 1 || age > 130 ? -1 : (int)age;
}

/* Set the eye's labels from its keywords if the data set's labels are ODIR's.
 * In a single-label set, an eye without any of the labels is not labelled. */
static void take_keywords(dms_eye *eye, const dms_dataset *dataset)
{
    uint8_t found[DMS_ODIR_LABELS];
    int places[DMS_ODIR_LABELS];
    bool one_of;

    if (!dms_odir_places(places, dataset->labels) ||
        !dms_keywords_label(found, eye->keywords))
        return;
    one_of = dms_label_set_task(dataset->labels) == DMS_TASK_SINGLE_LABEL;
    for (int k = 0; k < dataset->label_count; k++)
        eye->labelled = eye->labelled || !one_of || found[places[k]] == 1;
    for (int k = 0; k < dataset->label_count && eye->labelled; k++)
        eye->labels[k] = found[places[k]];
}

/* One eye of the row: its keywords, which give ODIR's labels, or its own
 * labels, and its picture. */
static dms_status read_eye(dms_eye *eye, const rows_reader *r, int side)
{
    dms_status st = DMS_OK;

    TRY(copy_cell(&eye->keywords, r, r->columns->keywords[side]));
    take_keywords(eye, r->dataset);
    TRY(read_labels(eye->labels, &eye->labelled, r, (dms_label_owner)side));
    if (r->columns->filename == DMS_TABLE_NONE)
        TRY(copy_cell(&eye->path, r, r->columns->picture[side]));
done:
    return st;
}

static dms_status read_patient(dms_patient *patient, const rows_reader *r)
{
    const dms_odir_columns *columns = r->columns;
    dms_status st = DMS_OK;
    size_t len;
    char sex;

    patient->age = age_of(cell(r, r->row, columns->age, &len));
    sex = dms_ascii_upper(*cell(r, r->row, columns->sex, &len));
    patient->sex = sex == 'M' || sex == 'F' ? sex : '?';
    patient->line = line_of(r);
    if (!dms_odir_columns_label_eyes(columns))
        TRY(read_labels(patient->labels, &patient->labelled, r,
                        DMS_OWNER_PATIENT));
    TRY(read_split(patient, r));
    TRY(read_eye(&patient->eye[DMS_LEFT], r, DMS_LEFT));
    TRY(read_eye(&patient->eye[DMS_RIGHT], r, DMS_RIGHT));
done:
    return st;
}

/* The row's patient id: the id's cell, or the id in the photograph's name. One
 * that is too long is not put together; check_id refuses it. */
static const char *id_of(rows_reader *r, size_t *len)
{
    const char *id = cell(r, r->row, r->columns->id, len);
    dms_side_name name;

    if (!r->columns->photographs)
        return id;
    name = dms_side_name_read(id, *len);
    *len = name.folder_len + name.id_len;
    if (*len > sizeof r->id)
        return id;
    memcpy(r->id, name.folder, name.folder_len);
    memcpy(r->id + name.folder_len, name.id, name.id_len);
    return r->id;
}

static dms_status check_id(rows_reader *r)
{
    size_t len;
    const char *id = id_of(r, &len);

    if (len == 0 || len > DMS_PATIENT_ID_MAX)
        return fail_cell(r, r->columns->id, DMS_PATIENT_ID_EXPECTED);
    for (size_t i = 0; i < len; i++)
        if (dms_ascii_is_control(id[i]))
            return dms_fail(r->err, DMS_EFORMAT,
                            "%s:%d: the id contains a control character",
                            r->table->name, line_of(r));
    return DMS_OK;
}

/* The patient with the row's id. A new id adds a patient, whose id is NULL
 * until the caller sets it. */
static dms_patient *find_patient(rows_reader *r)
{
    dms_dataset *dataset = r->dataset;
    size_t len;
    const char *id = id_of(r, &len);
    size_t slot = dms_hash_mix(dms_hash_bytes(DMS_HASH_START, id, len), len);

    for (slot &= r->slot_mask; r->slots[slot];
         slot = (slot + 1) & r->slot_mask) {
        dms_patient *patient = &dataset->patients[r->slots[slot] - 1];

        if (strlen(patient->id) == len && memcmp(patient->id, id, len) == 0)
            return patient;
    }
    r->slots[slot] = ++dataset->count;
    r->first_rows[dataset->count - 1] = r->row;
    dataset->patients[dataset->count - 1].group = dataset->count - 1;
    return &dataset->patients[dataset->count - 1];
}

/* The patient's first row must have the same cell in that column. */
static dms_status check_same(const rows_reader *r, const dms_patient *patient,
                             size_t column)
{
    size_t first_row = r->first_rows[patient - r->dataset->patients];
    size_t len;
    size_t first_len;
    const char *text = cell(r, r->row, column, &len);
    const char *first = cell(r, first_row, column, &first_len);

    if (len == first_len && memcmp(text, first, len) == 0)
        return DMS_OK;
    return dms_fail(r->err, DMS_EFORMAT,
                    "%s:%d: patient '%s' contradicts line %d: column '%.40s' "
                    "has '%.60s' here and '%.60s' there",
                    r->table->name, line_of(r), patient->id, patient->line,
                    dms_table_cell(r->table, 0, column), text, first);
}

/* Is an earlier row identical to this one? */
static bool repeats(const rows_reader *r, size_t *earlier)
{
    for (size_t i = 1; i < r->row; i++)
        if (dms_table_same_rows(r->table, i, r->row)) {
            *earlier = i;
            return true;
        }
    return false;
}

/* what: the part of the patient that is listed a second time, or "". */
static dms_status refuse_twice(const rows_reader *r, const char *what,
                               const dms_patient *patient)
{
    size_t earlier;

    if (repeats(r, &earlier))
        return dms_fail(r->err, DMS_EFORMAT,
                        "%s:%d: the row is the same as line %d, of patient "
                        "'%s'; remove one of them",
                        r->table->name, line_of(r),
                        r->table->rows[earlier].line, patient->id);
    return dms_fail(r->err, DMS_EFORMAT,
                    "%s:%d: %spatient '%s' is listed twice, first in line %d, "
                    "and the two rows differ",
                    r->table->name, line_of(r), what, patient->id,
                    patient->line);
}

static dms_status check_second_row(const rows_reader *r,
                                   const dms_patient *patient)
{
    const dms_odir_columns *c = r->columns;
    const size_t same[] = {c->age,        c->sex,        c->split,
                           c->picture[0], c->picture[1], c->keywords[0],
                           c->keywords[1]};
    size_t labels = c->labels.set && !dms_odir_columns_label_eyes(c)
                        ? DMS_OWNERS * c->labels.each
                        : 0;
    dms_status st = DMS_OK;

    if (c->filename == DMS_TABLE_NONE)
        return refuse_twice(r, "", patient);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        TRY(check_same(r, patient, same[i]));
    for (size_t i = 0; i < labels; i++)
        if (c->labels.has[i / c->labels.each])
            TRY(check_same(r, patient, c->labels.at[0][i]));
done:
    return st;
}

/* The eye that the row's filename shows: the one whose picture column has this
 * name, else the side in the name. */
static int side_of(const rows_reader *r)
{
    size_t len;
    const char *name = cell(r, r->row, r->columns->filename, &len);
    int side = dms_side_anywhere(name, len);

    for (int e = DMS_LEFT; e <= DMS_RIGHT; e++) {
        size_t own_len;
        const char *own = cell(r, r->row, r->columns->picture[e], &own_len);

        if (len > 0 && len == own_len && memcmp(name, own, len) == 0)
            return e;
    }
    return side == DMS_SIDE_NONE || r->columns->picture[side] == DMS_TABLE_NONE
               ? side
               : DMS_SIDE_NONE;
}

/* The side in the name of the row's id or photograph, or DMS_SIDE_NONE. */
static dms_status find_named_side(int *side, const rows_reader *r)
{
    size_t len;
    const char *name = cell(r, r->row, r->columns->id, &len);
    dms_side_name read;

    if (!r->columns->photographs) {
        *side = side_of(r);
        return DMS_OK;
    }
    read = dms_side_name_read(name, len);
    *side = read.side;
    return read.kind == DMS_NAME_TWO_SIDES
               ? fail_cell(r, r->columns->id, "a name with one side")
               : DMS_OK;
}

/* The row's side; if neither column nor name gives it, side_unknown is set. */
static dms_status find_side(int *side, const rows_reader *r,
                            dms_patient *patient)
{
    size_t len;
    const char *word = cell(r, r->row, r->columns->side, &len);
    int said = dms_side_word_side(word, len);
    int named;
    dms_status st;

    TRY(find_named_side(&named, r));
    if (said != DMS_SIDE_NONE && named != DMS_SIDE_NONE && said != named) {
        st = fail_cell(r, r->columns->side,
                       "the side that the photograph's name says");
        goto done;
    }
    if (said == DMS_SIDE_NONE)
        said = named;
    if (said == DMS_SIDE_NONE && !r->columns->photographs) {
        st = fail_cell(r, r->columns->filename,
                       "the patient's left or right picture");
        goto done;
    }
    patient->side_unknown = patient->side_unknown || said == DMS_SIDE_NONE;
    *side = said == DMS_RIGHT ? DMS_RIGHT : DMS_LEFT;
done:
    return st;
}

static dms_status take_eye_row(const rows_reader *r, dms_patient *patient)
{
    int side = DMS_LEFT;
    dms_status st;
    dms_eye *eye;

    TRY(find_side(&side, r, patient));
    eye = &patient->eye[side];
    if (eye->path || (patient->side_unknown && patient->eye[!side].path))
        return refuse_twice(
            r, side == DMS_LEFT ? "the left eye of " : "the right eye of ",
            patient);
    if (dms_odir_columns_label_eyes(r->columns))
        TRY(read_labels(eye->labels, &eye->labelled, r, DMS_OWNER_PATIENT));
    TRY(copy_cell(&eye->path, r, r->columns->filename));
done:
    return st;
}

static dms_status read_row(rows_reader *r)
{
    dms_status st = DMS_OK;
    dms_patient *patient;
    size_t len;
    const char *id;

    TRY(check_id(r));
    patient = find_patient(r);
    if (patient->id) {
        TRY(check_second_row(r, patient));
    } else {
        id = id_of(r, &len);
        patient->id = dms_strndup(id, len);
        if (!patient->id)
            return dms_fail_memory(r->err, r->table->name);
        TRY(read_patient(patient, r));
    }
    if (r->columns->filename != DMS_TABLE_NONE)
        TRY(take_eye_row(r, patient));
done:
    return st;
}

/* Derive each patient's labels from the eyes' if only eyes have labels. An eye
 * with neither photograph nor label counts as missing. */
static void label_from_eyes(dms_dataset *dataset, const dms_odir_columns *c)
{
    bool pictures = c->filename != DMS_TABLE_NONE ||
                    c->picture[DMS_LEFT] != DMS_TABLE_NONE ||
                    c->picture[DMS_RIGHT] != DMS_TABLE_NONE;

    for (size_t i = 0; i < dataset->count; i++) {
        dms_patient *p = &dataset->patients[i];
        const uint8_t *eyes[2];

        for (int e = DMS_LEFT; e <= DMS_RIGHT; e++)
            eyes[e] = pictures && !p->eye[e].path && !p->eye[e].labelled
                          ? NULL
                          : p->eye[e].labels;
        dms_labels_of_eyes(p->labels, dataset->labels, eyes[DMS_LEFT],
                           eyes[DMS_RIGHT]);
        p->labelled = dms_labels_known(p->labels, dataset->label_count);
    }
}

/* Allocate labels, all unknown, for as many patients as the table has rows. */
static dms_status make_labels(dms_dataset *dataset, const dms_table *table,
                              const dms_odir_columns *columns, dms_error *err)
{
    dms_status st = DMS_OK;
    size_t each, cells, k;

    if (columns->labels.set)
        TRY(dms_label_set_copy(&dataset->labels, columns->labels.set, err));
    dataset->label_count = dms_label_set_count(dataset->labels);
    k = (size_t)dataset->label_count;
    if (!dms_mul_size(&each, DMS_OWNERS, k) ||
        !dms_mul_size(&cells, each, table->count))
        return dms_fail_memory(err, table->name);
    dataset->cells = dms_calloc(cells + 1, 1);
    if (!dataset->cells)
        return dms_fail_memory(err, table->name);
    memset(dataset->cells, DMS_LABEL_UNKNOWN, cells);
    for (size_t i = 0; i < table->count; i++) {
        dms_patient *p = &dataset->patients[i];

        p->labels = dataset->cells + i * each;
        p->eye[DMS_LEFT].labels = p->labels + k;
        p->eye[DMS_RIGHT].labels = p->labels + 2 * k;
    }
done:
    return st;
}

dms_status dms_odir_rows_read(dms_dataset *dataset, const dms_table *table,
                              const dms_odir_columns *columns, dms_error *err)
{
    rows_reader r = {
        .dataset = dataset, .table = table, .columns = columns, .err = err};
    dms_status st = DMS_OK;
    size_t slots = 16;

    while (slots < 2 * table->count)
        slots *= 2;
    r.slot_mask = slots - 1;
    r.slots = dms_calloc(slots, sizeof *r.slots);
    r.first_rows = dms_calloc(table->count, sizeof *r.first_rows);
    dataset->patients = dms_calloc(table->count, sizeof *dataset->patients);
    if (!r.slots || !r.first_rows || !dataset->patients) {
        st = dms_fail_memory(err, table->name);
        goto done;
    }
    TRY(make_labels(dataset, table, columns, err));
    for (r.row = 1; r.row < table->count; r.row++)
        TRY(read_row(&r));
    if (dataset->labels && (dms_odir_columns_label_eyes(columns) ||
                            !columns->labels.has[DMS_OWNER_PATIENT]))
        label_from_eyes(dataset, columns);
done:
    dms_free(r.first_rows);
    dms_free(r.slots);
    return st;
}
