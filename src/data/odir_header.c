/* Finding the header below a title or comments. Relies on odir_columns.c to
 * tell whether a row names columns. */
#include "base/fail.h"
#include "data/odir_columns.h"

enum { ROWS_MAX = 10 };

/* How much of a header a row is. */
typedef enum header_kind { NO_HEADER, SOME_COLUMNS, ALL_COLUMNS } header_kind;

static dms_status judge_row(header_kind *kind, const dms_table *table,
                            size_t row, const dms_dataset_options *options,
                            dms_error *err)
{
    dms_table below = *table; /* borrows all */
    dms_odir_columns columns;
    dms_error cause = {0};
    dms_status st;

    below.rows += row;
    below.count -= row;
    st = dms_odir_columns_find(&columns, &below, options, &cause);
    *kind = st == DMS_OK                      ? ALL_COLUMNS
            : dms_odir_columns_some(&columns) ? SOME_COLUMNS
                                              : NO_HEADER;
    dms_odir_columns_release(&columns);
    return st == DMS_ENOMEM ? dms_fail_memory(err, table->name) : DMS_OK;
}

dms_status dms_odir_header_find(size_t *row, const dms_table *table,
                                const dms_dataset_options *options,
                                dms_error *err)
{
    header_kind best = NO_HEADER;
    dms_status st = DMS_OK;

    *row = 0;
    for (size_t i = 0; i < table->count && i < ROWS_MAX && best != ALL_COLUMNS;
         i++) {
        header_kind kind;

        TRY(judge_row(&kind, table, i, options, err));
        if (kind > best) {
            best = kind;
            *row = i;
        }
    }
    if (best == NO_HEADER) { /* say what the first row lacks */
        dms_odir_columns columns;

        st = dms_odir_columns_find(&columns, table, options, err);
        dms_odir_columns_release(&columns);
    }
done:
    return st;
}
