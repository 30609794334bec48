/* Recognising a table's form by the names of its columns. Relies on
 * label_columns.c for the label columns and on near_column.c for names with
 * another spelling. */
#include "data/odir_columns.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/number.h"
#include "data/near_column.h"
#include "data/side_name.h"
#include "data/table_cell.h"

static const char *const id_names[] = {"ID", "Patient ID", "Patient", NULL};
static const char *const age_names[] = {"Patient Age", "Age", NULL};
static const char *const sex_names[] = {"Patient Sex", "Sex", "Gender", NULL};
static const char *const split_names[] = {"split", NULL};
static const char *const filename_names[] = {"filename", NULL};
/* The first of these that is there, if it holds sides. */
static const char *const side_names[] = {"laterality", "side", "eye", NULL};
/* If there is no id: the name of the row's picture, as in EyePACS and APTOS. */
static const char *const photograph_names[] = {"image", "id_code", NULL};
static const char *const picture_names[2][4] = {
    {"Left-Fundus", "Left", "Left Image"},
    {"Right-Fundus", "Right", "Right Image"}};
static const char *const keyword_names[2][3] = {
    {"Left-Diagnostic Keywords", "Left Keywords"},
    {"Right-Diagnostic Keywords", "Right Keywords"}};

static const char *const id_words[] = {"patient", "subject", NULL};
static const char *const picture_words[] = {
    "fundus", "image", "img", "picture", "photograph", "photography",
    "photo",  "pic",   "eye", "file",    "name",       "path",
    "jpg",    "jpeg",  "png", "s",       NULL};
static const char *const keyword_words[] = {"diagnostic", "diagnosis", "eye",
                                            "fundus",     "s",         NULL};
/* Beside a word for a side of any language. "name" and "path" are not among
 * them: "L name" is a surname. */
static const char *const image_words[] = {
    "fundus",
    "image",
    "img",
    "picture",
    "photograph",
    "photography",
    "photo",
    "pic",
    "eye",
    "file",
    "filename",
    "filepath",
    "jpg",
    "jpeg",
    "png",
    "s",
    "foto", /* Spanish, German */
    "bild",
    "auge",
    "imagen",
    "ojo",
    "oeil",                     /* French */
    DMS_CJK_EYE,                /* Chinese, as the following */
    "\xe7\x9c\xbc\xe5\xba\x95", /* fundus */
    "\xe5\x9b\xbe\xe5\x83\x8f", /* image */
    "\xe5\x9b\xbe\xe7\x89\x87", /* picture */
    "\xe7\x85\xa7\xe7\x89\x87", /* photograph */
    NULL};
static const dms_near_name near_id = {"ID", "id", DMS_SIDE_NONE, false,
                                      id_words};
static const dms_near_name near_pictures[2] = {
    {"Left-Fundus", NULL, DMS_LEFT, false, picture_words},
    {"Right-Fundus", NULL, DMS_RIGHT, false, picture_words}};
static const dms_near_name sided_pictures[2] = {
    {"Left-Fundus", NULL, DMS_LEFT, true, image_words},
    {"Right-Fundus", NULL, DMS_RIGHT, true, image_words}};
static const dms_near_name near_keywords[2] = {
    {"Left-Diagnostic Keywords", "keyword", DMS_LEFT, true, keyword_words},
    {"Right-Diagnostic Keywords", "keyword", DMS_RIGHT, true, keyword_words}};

enum { PLACES = 10 };

/* The columns that are not labels. */
static void places_of(size_t places[PLACES], const dms_odir_columns *c)
{
    const size_t all[PLACES] = {c->id,          c->age,         c->sex,
                                c->split,       c->picture[0],  c->picture[1],
                                c->keywords[0], c->keywords[1], c->filename,
                                c->side};

    memcpy(places, all, sizeof all);
}

/* Id, age, sex, split, keywords and pictures cannot be labels. */
static dms_status refuse_reserved(const dms_odir_columns *c,
                                  const dms_table *table, dms_error *err)
{
    size_t places[PLACES];

    places_of(places, c);
    for (size_t i = 0; i < DMS_OWNERS * c->labels.each; i++)
        for (int p = 0; p < PLACES; p++)
            if (c->labels.at[0][i] == places[p] && places[p] != DMS_TABLE_NONE)
                return dms_fail(err, DMS_EINVAL,
                                "%s:%d: column '%.60s' cannot be a label: it "
                                "holds the id, age, sex, split, picture, "
                                "keywords or side",
                                table->name, table->rows[0].line,
                                dms_table_cell(table, 0, places[p]));
    return DMS_OK;
}

/* The label set that tables of this form usually have. */
static const dms_label_set *known_set(const dms_odir_columns *c,
                                      const dms_table *table)
{
    if (!c->photographs || c->filename != c->id)
        return dms_label_set_odir();
    return dms_table_find_column(table, "diagnosis", 0) != DMS_TABLE_NONE
               ? dms_label_set_aptos()
               : dms_label_set_eyepacs();
}

/* Find the columns of `set`; out->labels stays empty if the table lacks them.
 */
static dms_status find_set(dms_odir_columns *out, const dms_label_set *set,
                           const dms_table *table, dms_error *err)
{
    const bool *has = out->labels.has;
    dms_status st;

    TRY(dms_label_columns_find(&out->labels, set, table, err));
    if (!has[DMS_OWNER_PATIENT] &&
        !(has[DMS_OWNER_LEFT] && has[DMS_OWNER_RIGHT]))
        dms_label_columns_release(&out->labels);
    else
        TRY(refuse_reserved(out, table, err));
done:
    return st;
}

/* A model's labels are searched for by the model's names and then, if the known
 * set of this form is the same, by the known set's names. */
static dms_status find_labels(dms_odir_columns *out, const dms_table *table,
                              const dms_label_set *asked,
                              dms_labels_wanted wanted, dms_error *err)
{
    const dms_label_set *known = known_set(out, table);
    bool fits =
        !asked || (dms_label_set_task(asked) == dms_label_set_task(known) &&
                   dms_label_sets_same_codes(asked, known));
    dms_status st = DMS_OK;

    if (wanted == DMS_LABELS_UNWANTED)
        return DMS_OK;
    if (asked)
        TRY(find_set(out, asked, table, err));
    if (!out->labels.set && fits)
        TRY(find_set(out, known, table, err));
    if (!out->labels.set && asked && wanted == DMS_LABELS_WANTED)
        st = dms_label_columns_missing(asked, table, err);
done:
    return st;
}

/* Is every cell of the column a side or empty, with at least one side? */
static bool holds_sides(const dms_table *table, size_t column)
{
    bool some = false;

    for (size_t row = 1; row < table->count; row++) {
        size_t len;
        const char *text = dms_cell_text(table, row, column, &len);
        bool is_side = dms_side_word_side(text, len) != DMS_SIDE_NONE;

        if (len > 0 && !is_side)
            return false;
        some = some || is_side;
    }
    return some;
}

/* Does every id have a side that the row's file name does not contradict? */
static bool all_ids_have_sides(const dms_table *table, size_t id_column,
                               size_t filename_column)
{
    for (size_t row = 1; row < table->count; row++) {
        size_t len, name_len;
        const char *id = dms_cell_text(table, row, id_column, &len);
        const char *name =
            dms_cell_text(table, row, filename_column, &name_len);
        dms_side_name read = dms_side_name_read(id, len);
        int side = dms_side_anywhere(name, name_len);

        if (read.kind != DMS_NAME_ONE_SIDE ||
            (side != DMS_SIDE_NONE && side != read.side))
            return false;
    }
    return table->count > 1;
}

/* If a row is a photograph, ids such as 1_left are photographs' names. */
static void judge_sides(dms_odir_columns *c, const dms_table *table)
{
    if (c->filename == DMS_TABLE_NONE || !holds_sides(table, c->side))
        c->side = DMS_TABLE_NONE;
    if (c->filename != DMS_TABLE_NONE &&
        all_ids_have_sides(table, c->id, c->filename))
        c->photographs = true;
}

/* The column with one of the names; if there is none, the column with a similar
 * name. */
static dms_status find_place(size_t *out, const dms_table *table,
                             const char *const *names,
                             const dms_near_name *near, dms_error *err)
{
    dms_status st;

    TRY(dms_column_find(out, table, names, err));
    if (*out == DMS_TABLE_NONE)
        TRY(dms_near_column_find(out, table, near, err));
done:
    return st;
}

/* Are all cells of the column numbers or empty, with at least one number? */
static bool holds_numbers(const dms_table *table, size_t column)
{
    bool some = false;

    for (size_t row = 1; row < table->count; row++) {
        size_t len;
        const char *text = dms_cell_text(table, row, column, &len);
        const char *end;

        dms_real_read(text, &end);
        if (len > 0 && end != text + len)
            return false;
        some = some || len > 0;
    }
    return some;
}

/* If no column is named "left" and "right" with words for pictures, another
 * word for a side will do, unless the column holds numbers: OS and OD may be
 * visual acuities. */
static dms_status find_sided_pictures(size_t picture[2], const dms_table *table,
                                      dms_error *err)
{
    dms_status st = DMS_OK;

    for (int e = DMS_LEFT; e <= DMS_RIGHT; e++) {
        if (picture[e] != DMS_TABLE_NONE)
            continue;
        TRY(dms_near_column_find(&picture[e], table, &sided_pictures[e], err));
        if (picture[e] != DMS_TABLE_NONE && holds_numbers(table, picture[e]))
            picture[e] = DMS_TABLE_NONE;
    }
done:
    return st;
}

static dms_status find_places(dms_odir_columns *out, const dms_table *table,
                              bool split_ignored, dms_error *err)
{
    dms_status st;

    TRY(find_place(&out->id, table, id_names, &near_id, err));
    TRY(dms_column_find(&out->age, table, age_names, err));
    TRY(dms_column_find(&out->sex, table, sex_names, err));
    out->split = DMS_TABLE_NONE;
    if (!split_ignored)
        TRY(dms_column_find(&out->split, table, split_names, err));
    TRY(dms_column_find(&out->filename, table, filename_names, err));
    out->side = DMS_TABLE_NONE;
    for (int i = 0; side_names[i] && out->side == DMS_TABLE_NONE; i++)
        out->side = dms_table_find_column(table, side_names[i], 0);
    for (int e = DMS_LEFT; e <= DMS_RIGHT; e++) {
        TRY(find_place(&out->picture[e], table, picture_names[e],
                       &near_pictures[e], err));
        TRY(find_place(&out->keywords[e], table, keyword_names[e],
                       &near_keywords[e], err));
    }
    if (out->id == DMS_TABLE_NONE) {
        TRY(dms_column_find(&out->id, table, photograph_names, err));
        out->photographs = out->id != DMS_TABLE_NONE;
        if (out->photographs)
            out->filename = out->id;
    }
    if (out->filename == DMS_TABLE_NONE &&
        out->picture[DMS_LEFT] == DMS_TABLE_NONE &&
        out->picture[DMS_RIGHT] == DMS_TABLE_NONE)
        TRY(dms_column_find(&out->filename, table, photograph_names, err));
    if (out->filename == DMS_TABLE_NONE)
        TRY(find_sided_pictures(out->picture, table, err));
    judge_sides(out, table);
done:
    return st;
}

/* A table with pictures of one eye only probably has a misspelt column. */
static dms_status check_pictures(const dms_odir_columns *c,
                                 const dms_table *table, dms_error *err)
{
    static const char *const sides[] = {"left", "right"};
    int there = c->picture[DMS_LEFT] != DMS_TABLE_NONE ? DMS_LEFT : DMS_RIGHT;
    char columns[240];

    if (c->filename != DMS_TABLE_NONE ||
        (c->picture[DMS_LEFT] == DMS_TABLE_NONE) ==
            (c->picture[DMS_RIGHT] == DMS_TABLE_NONE))
        return DMS_OK;
    dms_columns_list(columns, sizeof columns, table);
    return dms_fail(
        err, DMS_EFORMAT,
        "%s:%d: column '%.40s' has the %s eyes' photographs, but no "
        "column has the %s eyes', expected %s or %s; the columns "
        "are %s. If there are none, add an empty column %s",
        table->name, table->rows[0].line,
        dms_table_cell(table, 0, c->picture[there]), sides[there],
        sides[!there], near_pictures[!there].usual, sides[!there], columns,
        sides[!there]);
}

static dms_status refuse_columns(const dms_odir_columns *c,
                                 const dms_table *table, dms_error *err)
{
    char columns[240];

    dms_columns_list(columns, sizeof columns, table);
    if (c->id == DMS_TABLE_NONE)
        return dms_fail(err, DMS_EFORMAT,
                        "%s:%d: column 'ID' is missing; the columns are %s",
                        table->name, table->rows[0].line, columns);
    return dms_fail(err, DMS_EFORMAT,
                    "%s:%d: expected picture columns (Left-Fundus and "
                    "Right-Fundus, or left and right) or the label columns "
                    "N, D, G, C, A, H, M, O; the columns are %s",
                    table->name, table->rows[0].line, columns);
}

dms_status dms_odir_columns_find(dms_odir_columns *out, const dms_table *table,
                                 const dms_dataset_options *options,
                                 dms_error *err)
{
    dms_status st = DMS_OK;

    *out = (dms_odir_columns){.photographs = false};
    if (table->count == 0)
        return dms_fail(err, DMS_EFORMAT, "%s: the table is empty",
                        table->name);
    TRY(find_places(out, table, options->split_ignored, err));
    TRY(find_labels(out, table, options->labels, options->wanted, err));
    if (out->id == DMS_TABLE_NONE ||
        (!out->labels.set && out->filename == DMS_TABLE_NONE &&
         out->picture[DMS_LEFT] == DMS_TABLE_NONE &&
         out->picture[DMS_RIGHT] == DMS_TABLE_NONE))
        st = refuse_columns(out, table, err);
    else
        st = check_pictures(out, table, err);
done:
    return st;
}

void dms_odir_columns_release(dms_odir_columns *columns)
{
    dms_label_columns_release(&columns->labels);
}

bool dms_odir_columns_some(const dms_odir_columns *c)
{
    size_t places[PLACES];
    int others = 0;

    places_of(places, c);
    for (int p = 0; p < PLACES; p++)
        others += places[p] != DMS_TABLE_NONE && places[p] != c->id;
    return c->id != DMS_TABLE_NONE && (others > 0 || c->labels.set);
}

bool dms_odir_columns_label_eyes(const dms_odir_columns *columns)
{
    return columns->filename != DMS_TABLE_NONE && columns->labels.set &&
           columns->labels.has[DMS_OWNER_PATIENT] &&
           (columns->photographs ||
            !dms_label_set_is_odir(columns->labels.set));
}

static bool is_used(const dms_odir_columns *c, size_t column)
{
    size_t places[PLACES];
    bool used = false;

    places_of(places, c);
    for (int p = 0; p < PLACES; p++)
        used = used || places[p] == column;
    for (size_t i = 0; c->labels.set && i < DMS_OWNERS * c->labels.each; i++)
        used = used || (c->labels.has[i / c->labels.each] &&
                        c->labels.at[0][i] == column);
    return used;
}

void dms_odir_columns_unused(char *text, size_t capacity,
                             const dms_odir_columns *columns,
                             const dms_table *table)
{
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < table->rows[0].count; i++) {
        size_t cell_len;
        const char *cell = dms_cell_text(table, 0, i, &cell_len);
        int shown = cell_len < 60 ? (int)cell_len : 60;

        if (cell_len == 0 || is_used(columns, i))
            continue;
        if (len + (size_t)shown + 6 > capacity) {
            snprintf(text + len, capacity - len, ", ...");
            return;
        }
        len += (size_t)snprintf(text + len, capacity - len, "%s%.*s",
                                len ? ", " : "", shown, cell);
    }
}
