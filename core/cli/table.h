/* Short tables for a terminal: columns as wide as their cells are on the screen, whatever the
 * script; control characters of remote text shown as blanks; columns without any text left out. */
#ifndef CORE_CLI_TABLE_H
#define CORE_CLI_TABLE_H

#include <stdio.h>

#include "model/model.h"

struct column {
    const char *title;
    bool right; /* numbers */
    int most;   /* columns of the screen; longer cells are cut with an ellipsis; 0: any */
};
struct table {
    struct wess_arena *arena;
    const struct column *columns;
    size_t n_columns;
    const char **cells; /* row by row */
    size_t n, cap;      /* rows */
    bool spent;         /* memory ended: the last rows are missing, and told when printed */
};
#define TABLE_COLUMNS_MAX 16

void table_init(struct table *, struct wess_arena *, const struct column *, size_t n_columns);
/* One text a column, copied; NULL: empty. */
void table_row(struct table *, const char *const *cells);
void table_print(const struct table *, FILE *, const char *indent);

/* Columns that the text takes on a screen. */
int text_width(const char *);
/* Printable: one line, no control characters, no marks that turn the direction of writing. In the
 * arena; "" when it is spent. */
const char *text_shown(struct wess_arena *, const char *);
/* The same, at most so many columns wide. */
const char *text_cut(struct wess_arena *, const char *, int most);

#endif
