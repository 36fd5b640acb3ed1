/* The database put back to an earlier time (K8, and any hosting): ids and lock versions run
 * backwards, and nothing says so. */
#include <stdlib.h>
#include <string.h>

#include "workbooks.h"

struct kept {
    struct wb_record *rows;
    size_t n;
    int64_t next_id;
};
static struct kept kept[WB_SETS];
static bool any;

static void free_rows(struct wb_record *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < WB_COLUMNS; c++)
            free(rows[i].value[c]);
    free(rows);
}

static struct wb_record *copied(const struct wb_record *rows, size_t n)
{
    struct wb_record *out = calloc(n + 1, sizeof(*out));
    if (!out)
        abort();
    for (size_t i = 0; i < n; i++) {
        out[i] = rows[i];
        for (size_t c = 0; c < WB_COLUMNS; c++)
            if (rows[i].value[c] && !(out[i].value[c] = strdup(rows[i].value[c])))
                abort();
    }
    return out;
}

void wb_backup(void)
{
    wb_backup_free();
    for (size_t t = 0; t < WB_SETS; t++)
        kept[t] =
            (struct kept){copied(wb_sets[t].rows, wb_sets[t].n), wb_sets[t].n, wb_sets[t].next_id};
    any = true;
}

bool wb_restore(void)
{
    for (size_t t = 0; any && t < WB_SETS; t++) {
        free_rows(wb_sets[t].rows, wb_sets[t].n);
        wb_sets[t].rows = copied(kept[t].rows, kept[t].n);
        wb_sets[t].n = kept[t].n;
        wb_sets[t].cap = kept[t].n + 1;
        wb_sets[t].next_id = kept[t].next_id;
    }
    return any;
}

void wb_backup_free(void)
{
    for (size_t t = 0; t < WB_SETS; t++) {
        free_rows(kept[t].rows, kept[t].n);
        kept[t] = (struct kept){0};
    }
    any = false;
}
