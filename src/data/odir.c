/* Opening a data set: find the table, read it, find its columns, turn its rows
 * into patients, find their photographs. Relies on odir_columns.c, odir_rows.c
 * and odir_folder.c for these steps. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/growing.h"
#include "base/log.h"
#include "base/number.h"
#include "data/groups.h"
#include "data/labels.h"
#include "data/odir_columns.h"
#include "data/patient_id.h"
#include "data/side_name.h"
#include "data/table_cell.h"
#include "formats/table_parse.h"

static bool is_blank(const dms_table *table, size_t row, size_t column)
{
    size_t len;

    dms_cell_text(table, row, column, &len);
    return len == 0;
}

/* More cells than the header has come from a comma without quotes. If `exact`
 * (text, where every row has all separators), fewer cells mean a cut line. */
static dms_status check_widths(const dms_table *table, bool exact,
                               dms_error *err)
{
    size_t expected = table->count > 0 ? table->rows[0].count : 0;

    for (size_t i = 1; i < table->count; i++) {
        size_t found = table->rows[i].count;

        while (found > expected && is_blank(table, i, found - 1))
            found--;
        if (found > expected || (exact && found < expected))
            return dms_fail(err, DMS_EFORMAT,
                            "%s:%d: found %zu cells, expected the header's %zu",
                            table->name, table->rows[i].line, found, expected);
    }
    return DMS_OK;
}

/* Drop the lines above the header. */
static dms_status drop_titles(dms_table *table,
                              const dms_dataset_options *options,
                              dms_error *err)
{
    dms_status st;
    size_t header;
    char title[80];

    TRY(dms_odir_header_find(&header, table, options, err));
    if (header == 0)
        goto done;
    dms_columns_list(title, sizeof title, table);
    dms_log(options->monitor, DMS_LOG_INFO,
            "%s: line %d is not the header: '%s'; line %d is", table->name,
            table->rows[0].line, title, table->rows[header].line);
    dms_table_drop_rows(table, header);
done:
    return st;
}

static dms_status read_table(dms_table **out, const char *path,
                             const dms_dataset_options *options, dms_error *err)
{
    dms_status st = DMS_OK;
    uint8_t *data = NULL;
    size_t size = 0;
    dms_table *table = NULL;
    dms_text_encoding asked;

    TRY(dms_text_encoding_parse(&asked, options->encoding, err));
    TRY(dms_file_read(&data, &size, path, DMS_TABLE_FILE_MAX, err));
    TRY(dms_table_parse(&table, data, size, asked, dms_keywords_known, path,
                        err));
    TRY(drop_titles(table, options, err));
    TRY(check_widths(table, table->encoding != DMS_TEXT_FOUND, err));
    if (asked == DMS_TEXT_FOUND && table->encoding > DMS_TEXT_UTF_8)
        dms_log(options->monitor, DMS_LOG_INFO, "%s: read as %s", path,
                dms_text_encoding_word(table->encoding));
    *out = table, table = NULL;
done:
    dms_table_destroy(table);
    dms_free(data);
    return st;
}

/* Log the names of the columns that are not used. */
static void tell_unused(const dms_odir_columns *columns, const dms_table *table,
                        const dms_monitor *monitor)
{
    char names[240];

    dms_odir_columns_unused(names, sizeof names, columns, table);
    if (names[0])
        dms_log(monitor, DMS_LOG_INFO, "%s: columns not used: %s", table->name,
                names);
}

/* "1.0" and "1E+05" are numbers, but not in the form of an id. "12e4" is
 * accepted, as ids of hexadecimal digits are common. */
static bool looks_rewritten(const char *id)
{
    const char *end;

    dms_real_read(id, &end);
    return end != id && *end == '\0' && strpbrk(id, ".+") != NULL;
}

/* A spreadsheet may turn the id 1 into "1.0" and 100000 into "1E+05". Such ids
 * are read as written; warn of them. */
static void tell_ids(const dms_dataset *dataset, const dms_monitor *monitor)
{
    size_t count = 0;
    const dms_patient *first = NULL;

    for (size_t i = 0; i < dataset->count; i++)
        if (looks_rewritten(dataset->patients[i].id) && count++ == 0)
            first = &dataset->patients[i];
    if (first)
        dms_log(monitor, DMS_LOG_WARNING,
                "%s:%d: id '%s' looks like a number that a spreadsheet has "
                "rewritten, as %zu of the ids do; ids are texts, so '1.0' and "
                "'1' are different patients",
                dataset->table, first->line, first->id, count);
}

/* An empty split cell takes a patient out of training and figures. */
static void tell_splits(const dms_dataset *dataset, const dms_monitor *monitor)
{
    size_t count = 0;
    const dms_patient *first = NULL;

    for (size_t i = 0; dataset->has_split_column && i < dataset->count; i++)
        if (dataset->patients[i].split == DMS_SPLIT_NONE && count++ == 0)
            first = &dataset->patients[i];
    if (first)
        dms_log(monitor, DMS_LOG_WARNING,
                "%s:%d: the split of patient '%s' is empty, as of %zu of %zu "
                "patients; they are in no split",
                dataset->table, first->line, first->id, count, dataset->count);
}

/* An id that occurs in two Unicode forms would be two patients. */
static dms_status refuse_twins(const dms_dataset *dataset, dms_error *err)
{
    dms_status st = DMS_OK;
    const char **ids = dms_calloc(dataset->count, sizeof *ids);
    size_t first, second;

    if (!ids)
        return dms_fail_memory(err, dataset->table);
    for (size_t i = 0; i < dataset->count; i++)
        ids[i] = dataset->patients[i].id;
    TRY(dms_patient_id_twins(&first, &second, ids, dataset->count, err));
    if (first < dataset->count)
        st = dms_fail(err, DMS_EFORMAT,
                      "%s:%d: id '%s' is that of line %d in another Unicode "
                      "form (composed or decomposed); write both in the same "
                      "form",
                      dataset->table, dataset->patients[second].line,
                      ids[second], dataset->patients[first].line);
done:
    dms_free(ids);
    return st;
}

/* Columns of pictures that were exchanged: the names say the other eye. */
static void tell_swapped(const dms_dataset *dataset, const dms_monitor *monitor)
{
    size_t count = 0;
    const dms_patient *first = NULL;

    for (size_t i = 0; i < 2 * dataset->count; i++) {
        const dms_patient *patient = &dataset->patients[i / 2];
        const char *path = patient->eye[i % 2].path;
        int side =
            path ? dms_side_name_read(path, strlen(path)).side : DMS_SIDE_NONE;

        if (side != DMS_SIDE_NONE && side != (int)(i % 2) && count++ == 0)
            first = patient;
    }
    if (first)
        dms_log(monitor, DMS_LOG_WARNING,
                "%s:%d: patient '%s': a photograph's name says the other eye "
                "than its column, as of %zu photographs; are the columns "
                "exchanged?",
                dataset->table, first->line, first->id, count);
}

static dms_status read_dataset(dms_dataset *dataset, const dms_table *table,
                               const dms_dataset_options *options,
                               dms_error *err)
{
    dms_status st;
    dms_odir_columns columns;
    char names[240], one_sided[DMS_ONE_SIDED_MAX];

    TRY(dms_odir_columns_find(&columns, table, options, err));
    dms_columns_list(names, sizeof names, table);
    dataset->columns = dms_strdup(names);
    if (!dataset->columns) {
        st = dms_fail_memory(err, table->name);
        goto done;
    }
    TRY(dms_odir_rows_read(dataset, table, &columns, err));
    if (dataset->count == 0) {
        st = dms_fail(err, DMS_EFORMAT, "%s: the table has no patients",
                      dataset->table);
        goto done;
    }
    TRY(refuse_twins(dataset, err));
    tell_ids(dataset, options->monitor);
    if (dms_labels_one_sided(one_sided, dataset))
        dms_log(options->monitor, DMS_LOG_WARNING, "%s: %s", dataset->table,
                one_sided);
    tell_swapped(dataset, options->monitor);
    if (options->wanted != DMS_LABELS_UNWANTED)
        tell_unused(&columns, table, options->monitor);
done:
    dms_odir_columns_release(&columns);
    return st;
}

void dms_dataset_options_init(dms_dataset_options *options, size_t struct_size)
{
    const dms_dataset_options plain = {0};

    dms_growing_init(options, struct_size, &plain, sizeof plain);
}

dms_status dms_dataset_open_with(dms_dataset **out, const char *path,
                                 const dms_dataset_options *given,
                                 dms_error *err)
{
    dms_status st;
    dms_dataset_options options;
    dms_table *table = NULL;
    dms_dataset *dataset = NULL;

    dms_dataset_options_init(&options, sizeof options);
    TRY(dms_growing_take(&options, sizeof options, given, "dms_dataset_options",
                         err));
    dataset = dms_calloc(1, sizeof *dataset);
    if (!dataset) {
        st = dms_fail_memory(err, path);
        goto done;
    }
    TRY(dms_odir_table_find(&dataset->table, path, err));
    TRY(read_table(&table, dataset->table, &options, err));
    dataset->encoding = table->encoding == DMS_TEXT_FOUND
                            ? NULL
                            : dms_text_encoding_word(table->encoding);
    TRY(read_dataset(dataset, table, &options, err));
    /* a split column with only empty cells does not count */
    for (size_t i = 0; i < dataset->count; i++)
        if (dataset->patients[i].split != DMS_SPLIT_NONE)
            dataset->has_split_column = true;
    tell_splits(dataset, options.monitor);
    TRY(dms_groups_join_persons(dataset, options.monitor, err));
    TRY(dms_odir_pictures_resolve(dataset, options.images, options.monitor,
                                  err));
    *out = dataset, dataset = NULL;
done:
    dms_dataset_close(dataset);
    dms_table_destroy(table);
    return st;
}

dms_status dms_dataset_open(dms_dataset **out, const char *path,
                            const char *images, const dms_monitor *monitor,
                            dms_error *err)
{
    const dms_dataset_options options = {
        .struct_size = sizeof options, .images = images, .monitor = monitor};

    return dms_dataset_open_with(out, path, &options, err);
}

dms_status dms_dataset_need_labels(const dms_dataset *dataset, dms_error *err)
{
    if (dataset->labels)
        return DMS_OK;
    return dms_fail(err, DMS_EFORMAT,
                    "%s: found no label columns (N, D, G, C, A, H, M, O for "
                    "ODIR), the columns are %s; give --labels a,b for columns "
                    "of 0 and 1, --labels grade=none,mild,... for a column of "
                    "classes, or --labels FILE.yaml",
                    dataset->table, dataset->columns);
}

dms_status dms_dataset_need_photographs(const dms_dataset *dataset,
                                        dms_error *err)
{
    for (size_t i = 0; i < dataset->count; i++)
        for (int e = DMS_LEFT; e <= DMS_RIGHT; e++)
            if (dataset->patients[i].eye[e].path)
                return DMS_OK;
    return dms_fail(err, DMS_EFORMAT,
                    "%s: no row names a photograph; expected picture columns "
                    "(Left-Fundus and Right-Fundus, or left and right), the "
                    "columns are %s",
                    dataset->table, dataset->columns);
}

void dms_dataset_close(dms_dataset *dataset)
{
    if (!dataset)
        return;
    for (size_t i = 0; i < dataset->count; i++) {
        dms_patient *patient = &dataset->patients[i];

        dms_free(patient->id);
        for (int e = DMS_LEFT; e <= DMS_RIGHT; e++) {
            dms_free(patient->eye[e].path);
            dms_free(patient->eye[e].keywords);
        }
    }
    dms_free(dataset->patients);
    dms_free(dataset->cells);
    dms_label_set_destroy(dataset->labels);
    dms_free(dataset->columns);
    dms_free(dataset->folder);
    dms_free(dataset->table);
    dms_free(dataset);
}
