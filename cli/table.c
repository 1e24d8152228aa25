#include "cli/cmd.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BOLD  "\033[1m"
#define PLAIN "\033[0m"
#define GAP   2 /* spaces between two columns */

struct vc_table {
    const char *const *columns;
    size_t width; /* columns */
    char **cells; /* shown text, row by row */
    size_t len, cap;
    bool *bold; /* one for each row begun */
    size_t bold_len, bold_cap;
};

bool vc_colour(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    if (no_color && *no_color)
        return false;
    return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

struct vc_table *vc_table_create(const char *const *columns)
{
    struct vc_table *table = vc_xcalloc(1, sizeof *table);
    table->columns = columns;
    while (columns[table->width])
        table->width++;
    return table;
}

void vc_table_cell(struct vc_table *table, const char *text)
{
    if (table->len % table->width == 0) {
        VC_GROW(table->bold, table->bold_len, table->bold_cap);
        table->bold[table->bold_len++] = false;
    }
    struct vc_buf shown = {0};
    vc_buf_show(&shown, text);
    VC_GROW(table->cells, table->len, table->cap);
    table->cells[table->len++] = shown.text ? shown.text : vc_xstrdup("");
}

void vc_table_cellf(struct vc_table *table, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    vc_table_cell(table, text);
}

void vc_table_bold(struct vc_table *table)
{
    VC_CHECK(table->bold_len > 0);
    table->bold[table->bold_len - 1] = true;
}

static bool right(const char *column)
{
    return column[0] == '>';
}

static const char *title(const char *column)
{
    return column + right(column);
}

static size_t *measure(const struct vc_table *table)
{
    size_t *widths = vc_xcalloc(table->width, sizeof *widths);
    for (size_t c = 0; c < table->width; c++)
        widths[c] = vc_columns(title(table->columns[c]));
    for (size_t i = 0; i < table->len; i++) {
        size_t w = vc_columns(table->cells[i]), *widest = &widths[i % table->width];
        *widest = w > *widest ? w : *widest;
    }
    return widths;
}

static void add_cell(struct vc_buf *line, size_t width, const char *column, const char *text)
{
    int pad = (int)(width - vc_columns(text));
    if (right(column))
        vc_buf_printf(line, "%*s%s%*s", pad, "", text, GAP, "");
    else
        vc_buf_printf(line, "%s%*s", text, pad + GAP, "");
}

/* Blanks at the end of a line would wrap on a narrow terminal and show in a diff. */
static void print_line(struct vc_buf *line, bool bold)
{
    while (line->len && line->text[line->len - 1] == ' ')
        line->text[--line->len] = '\0';
    printf("%s%s%s\n", bold ? BOLD : "", vc_buf_text(line), bold ? PLAIN : "");
}

static void print_head(const struct vc_table *table, const size_t *widths, bool bold)
{
    VC_AUTO_BUF struct vc_buf line = {0};
    for (size_t c = 0; c < table->width; c++)
        add_cell(&line, widths[c], table->columns[c], title(table->columns[c]));
    print_line(&line, bold);
}

static void print_row(const struct vc_table *table, const size_t *widths, size_t row, bool bold)
{
    VC_AUTO_BUF struct vc_buf line = {0};
    for (size_t c = 0; c < table->width; c++)
        add_cell(&line, widths[c], table->columns[c], table->cells[row * table->width + c]);
    print_line(&line, bold);
}

static void table_free(struct vc_table **table)
{
    for (size_t i = 0; i < (*table)->len; i++)
        free((*table)->cells[i]);
    free((*table)->cells);
    free((*table)->bold);
    free(*table);
    *table = NULL;
}

void vc_table_print(struct vc_table **table_ptr)
{
    const struct vc_table *table = *table_ptr;
    VC_CHECK(table->len % table->width == 0);
    bool colour = vc_colour();
    VC_AUTO_FREE size_t *widths = measure(table);
    print_head(table, widths, colour);
    for (size_t row = 0; row < table->len / table->width; row++)
        print_row(table, widths, row, colour && table->bold[row]);
    table_free(table_ptr);
}
