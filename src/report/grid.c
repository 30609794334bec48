#include "report/grid.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/number.h"

void dms_grid_init(dms_grid *grid, size_t columns, size_t named)
{
    assert(columns > 0 && columns <= DMS_GRID_COLUMNS_MAX);
    *grid = (dms_grid){.columns = columns, .named = named};
    dms_strbuf_init(&grid->cells);
}

void dms_grid_release(dms_grid *grid)
{
    dms_strbuf_release(&grid->cells);
}

void dms_grid_add(dms_grid *grid, const char *text)
{
    dms_strbuf_add(&grid->cells, text, strlen(text) + 1);
    grid->count++;
}

void dms_grid_add_real(dms_grid *grid, double value, bool sign)
{
    char text[32] = "-";

    if (!isnan(value))
        dms_format(text, sizeof text, sign ? "%+.3f" : "%.3f", value);
    dms_grid_add(grid, text);
}

void dms_grid_add_p(dms_grid *grid, double p)
{
    char text[32] = "-";

    if (p < 0.0001)
        strcpy(text, "<0.0001");
    else if (!isnan(p))
        dms_format(text, sizeof text, "%.4f", p);
    dms_grid_add(grid, text);
}

void dms_grid_add_count(dms_grid *grid, size_t count)
{
    char text[32];

    dms_format(text, sizeof text, "%zu", count);
    dms_grid_add(grid, text);
}

static void find_widths(size_t widths[DMS_GRID_COLUMNS_MAX],
                        const dms_grid *grid)
{
    const char *cell = grid->cells.data;

    memset(widths, 0, DMS_GRID_COLUMNS_MAX * sizeof *widths);
    for (size_t i = 0; i < grid->count; i++) {
        size_t len = strlen(cell), column = i % grid->columns;

        widths[column] = len > widths[column] ? len : widths[column];
        cell += len + 1;
    }
}

static void put_blanks(dms_strbuf *out, size_t count)
{
    dms_strbuf_printf(out, "%*s", (int)count, "");
}

void dms_grid_put_text(dms_strbuf *out, const dms_grid *grid)
{
    const char *cell = grid->cells.data;
    size_t widths[DMS_GRID_COLUMNS_MAX];

    out->failed = out->failed || grid->cells.failed;
    if (out->failed)
        return;
    find_widths(widths, grid);
    for (size_t i = 0; i < grid->count; i++) {
        size_t len = strlen(cell), column = i % grid->columns;

        put_blanks(out, column ? 2 : 0);
        put_blanks(out, column < grid->named ? 0 : widths[column] - len);
        dms_strbuf_puts(out, cell);
        if (column + 1 == grid->columns)
            dms_strbuf_puts(out, "\n");
        else
            put_blanks(out, column < grid->named ? widths[column] - len : 0);
        cell += len + 1;
    }
}

void dms_grid_put_markdown(dms_strbuf *out, const dms_grid *grid)
{
    const char *cell = grid->cells.data;

    out->failed = out->failed || grid->cells.failed;
    if (out->failed)
        return;
    for (size_t i = 0; i < grid->count; i++) {
        dms_strbuf_printf(out, "%s%s |", i % grid->columns ? " " : "| ", cell);
        cell += strlen(cell) + 1;
        if ((i + 1) % grid->columns == 0)
            dms_strbuf_puts(out, "\n");
        if (i + 1 != grid->columns)
            continue; /* the line below the header */
        for (size_t c = 0; c < grid->columns; c++)
            dms_strbuf_printf(out, "%s%s |", c ? " " : "| ",
                              c < grid->named ? "---" : "---:");
        dms_strbuf_puts(out, "\n");
    }
}
