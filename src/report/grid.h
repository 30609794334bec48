/* A table of texts that is written as aligned columns or as Markdown. */
#ifndef DMS_REPORT_GRID_H
#define DMS_REPORT_GRID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

enum { DMS_GRID_COLUMNS_MAX = 12 };

typedef struct dms_grid {
    dms_strbuf cells; /* each text with its NUL, row by row, the header first */
    size_t columns;
    size_t named; /* the first columns are words, aligned left; others right */
    size_t count; /* of cells */
} dms_grid;

void dms_grid_init(dms_grid *grid, size_t columns, size_t named);
void dms_grid_release(dms_grid *grid);

/* Add the next cell. The texts are ASCII without '|'. */
void dms_grid_add(dms_grid *grid, const char *text);
/* NaN: "-". sign: a + is written too. */
void dms_grid_add_real(dms_grid *grid, double value, bool sign);
/* Four decimals; "<0.0001" below. */
void dms_grid_add_p(dms_grid *grid, double p);
void dms_grid_add_count(dms_grid *grid, size_t count);

/* Append the whole rows. A lack of memory shows in out->failed. */
void dms_grid_put_text(dms_strbuf *out, const dms_grid *grid);
void dms_grid_put_markdown(dms_strbuf *out, const dms_grid *grid);

#endif
