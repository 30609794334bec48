/* From a table's rows to patients. In Kaggle's form a row is one eye and a
 * patient has one or two, which must say the same of the patient. */
#include <string.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/fail.h"
#include "base/number.h"
#include "base/rng.h"
#include "data/odir_columns.h"

enum { ID_MAX_BYTES = 128 };

typedef struct rows_reader {
    dms_dataset *dataset;
    const dms_table *table;
    const dms_odir_columns *columns;
    size_t row;         /* the one being read */
    size_t *first_rows; /* by patient: its first row */
    size_t *slots;      /* hash table by id: patient + 1, 0 when free */
    size_t slot_mask;
    dms_error *err;
} rows_reader;

static int line_of(const rows_reader *r)
{
    return r->table->rows[r->row].line;
}

/* The row's cell without the blanks around it, not terminated: len bytes.
 * Without that column: len 0. */
static const char *cell(const rows_reader *r, size_t row, size_t column,
                        size_t *len)
{
    const char *text =
        column == DMS_TABLE_NONE ? "" : dms_table_cell(r->table, row, column);

    while (dms_ascii_is_space(*text))
        text++;
    *len = strlen(text);
    while (*len > 0 && dms_ascii_is_space(text[*len - 1]))
        (*len)--;
    return text;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && dms_ascii_same_start(text, word, len);
}

static dms_status fail_cell(const rows_reader *r, size_t column,
                            const char *expected)
{
    size_t name_len;
    size_t len;
    const char *name = cell(r, 0, column, &name_len);
    const char *text = cell(r, r->row, column, &len);

    return dms_fail(
        r->err, DMS_EFORMAT, "%s:%d: column %.*s: found '%.*s', expected %s",
        r->table->name, line_of(r), (int)(name_len < 60 ? name_len : 60), name,
        (int)(len < 60 ? len : 60), text, expected);
}

/* A copy of the cell; *out is NULL when it is empty. */
static dms_status copy_cell(char **out, const rows_reader *r, size_t column)
{
    size_t len;
    const char *text = cell(r, r->row, column, &len);

    *out = NULL;
    if (len > 0 && !(*out = dms_strndup(text, len)))
        return dms_fail_memory(r->err, r->table->name);
    return DMS_OK;
}

static dms_status read_labels(dms_patient *patient, const rows_reader *r)
{
    const size_t *columns = r->columns->labels;
    size_t empty = 0;

    if (columns[0] == DMS_TABLE_NONE)
        return DMS_OK;
    for (int k = 0; k < DMS_LABELS; k++) {
        size_t len;
        const char *text = cell(r, r->row, columns[k], &len);

        empty += len == 0;
        patient->labels[k] =
            is_word(text, len, "1") || is_word(text, len, "1.0");
    }
    if (empty == DMS_LABELS)
        return DMS_OK;
    for (int k = 0; k < DMS_LABELS; k++) {
        size_t len;
        const char *text = cell(r, r->row, columns[k], &len);

        if (!patient->labels[k] && !is_word(text, len, "0") &&
            !is_word(text, len, "0.0"))
            return fail_cell(r, columns[k], "0 or 1");
    }
    patient->labelled = true;
    return DMS_OK;
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
        if (is_word(text, len, words[i].word)) {
            patient->split = words[i].split;
            return DMS_OK;
        }
    }
    return fail_cell(r, r->columns->split, "train, val or test");
}

/* Years, or -1 for what is no age; ODIR writes 1 for unknown. */
static int age_of(const char *text)
{
    const char *end;
    int64_t age = dms_integer_read(text, &end, NULL);

    return end == text || age <= 1 || age > 130 ? -1 : (int)age;
}

static char sex_of(const char *text)
{
    char c = dms_ascii_upper(*text);

    return c == 'M' || c == 'F' ? c : '?';
}

static dms_status read_eye(dms_eye *eye, const rows_reader *r, int side)
{
    dms_status st = DMS_OK;

    TRY(copy_cell(&eye->keywords, r, r->columns->keywords[side]));
    eye->labelled = dms_keywords_label(eye->labels, eye->keywords);
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

    TRY(copy_cell(&patient->id, r, columns->id));
    patient->age = age_of(cell(r, r->row, columns->age, &len));
    patient->sex = sex_of(cell(r, r->row, columns->sex, &len));
    patient->line = line_of(r);
    TRY(read_labels(patient, r));
    TRY(read_split(patient, r));
    TRY(read_eye(&patient->eye[DMS_LEFT], r, DMS_LEFT));
    TRY(read_eye(&patient->eye[DMS_RIGHT], r, DMS_RIGHT));
done:
    return st;
}

static dms_status check_id(const rows_reader *r)
{
    size_t len;
    const char *id = cell(r, r->row, r->columns->id, &len);

    if (len == 0 || len > ID_MAX_BYTES)
        return fail_cell(r, r->columns->id, "an id of 1 to 128 bytes");
    for (size_t i = 0; i < len; i++)
        if (dms_ascii_is_control(id[i]))
            return dms_fail(r->err, DMS_EFORMAT,
                            "%s:%d: the id holds a control character",
                            r->table->name, line_of(r));
    return DMS_OK;
}

/* The patient of the row's id; a new id gets the next patient, whose id is
 * then still NULL. */
static dms_patient *find_patient(rows_reader *r)
{
    dms_dataset *dataset = r->dataset;
    size_t len;
    const char *id = cell(r, r->row, r->columns->id, &len);
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

/* Both rows say the same in that column. */
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

static dms_status check_second_row(const rows_reader *r,
                                   const dms_patient *patient)
{
    const dms_odir_columns *c = r->columns;
    const size_t same[] = {c->age,         c->sex,        c->split,
                           c->picture[0],  c->picture[1], c->keywords[0],
                           c->keywords[1], c->labels[0],  c->labels[1],
                           c->labels[2],   c->labels[3],  c->labels[4],
                           c->labels[5],   c->labels[6],  c->labels[7]};
    dms_status st = DMS_OK;

    if (c->filename == DMS_TABLE_NONE)
        return dms_fail(r->err, DMS_EFORMAT,
                        "%s:%d: patient '%s' is listed twice, first in line %d",
                        r->table->name, line_of(r), patient->id, patient->line);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        TRY(check_same(r, patient, same[i]));
done:
    return st;
}

/* Which eye's picture the row's filename is: the one that the patient's own
 * columns name so, else by its name; -1 for neither. */
static int side_of(const rows_reader *r)
{
    static const char *const words[2] = {"left", "right"};
    size_t len;
    const char *name = cell(r, r->row, r->columns->filename, &len);

    for (int e = DMS_LEFT; e <= DMS_RIGHT; e++) {
        size_t own_len;
        const char *own = cell(r, r->row, r->columns->picture[e], &own_len);

        if (len > 0 && len == own_len && memcmp(name, own, len) == 0)
            return e;
    }
    for (int e = DMS_LEFT; e <= DMS_RIGHT; e++)
        if (r->columns->picture[e] == DMS_TABLE_NONE &&
            dms_ascii_contains(name, words[e]))
            return e;
    return -1;
}

static dms_status take_eye_row(const rows_reader *r, dms_patient *patient)
{
    int side = side_of(r);

    if (side < 0)
        return fail_cell(r, r->columns->filename,
                         "the patient's left or right picture");
    if (patient->eye[side].path)
        return dms_fail(r->err, DMS_EFORMAT,
                        "%s:%d: the %s eye of patient '%s' is listed twice",
                        r->table->name, line_of(r),
                        side == DMS_LEFT ? "left" : "right", patient->id);
    return copy_cell(&patient->eye[side].path, r, r->columns->filename);
}

static dms_status read_row(rows_reader *r)
{
    dms_status st = DMS_OK;
    dms_patient *patient;

    TRY(check_id(r));
    patient = find_patient(r);
    if (patient->id)
        TRY(check_second_row(r, patient));
    else
        TRY(read_patient(patient, r));
    if (r->columns->filename != DMS_TABLE_NONE)
        TRY(take_eye_row(r, patient));
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
    for (r.row = 1; r.row < table->count; r.row++)
        TRY(read_row(&r));
done:
    dms_free(r.first_rows);
    dms_free(r.slots);
    return st;
}
