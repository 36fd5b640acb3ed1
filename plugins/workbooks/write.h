/* What the parts of writing share: a batch is a table of columns, one request, and a verdict. */
#ifndef WB_WRITE_H
#define WB_WRITE_H

#include "wb.h"

#define WB_COLUMNS_MAX 48u
#define WB_EMPLOYER "employer_link"

/* The columns that any operation of the batch writes, and each operation's values. */
struct wb_table {
    struct wess_call *call;
    const struct wess_op *ops;
    struct wess_result *out;
    size_t n;
    const char *columns[WB_COLUMNS_MAX];
    size_t n_columns;
    const char **cells; /* n × n_columns' capacity; NULL: leave alone */
    bool *skip;         /* answered without being sent */
    bool spent;
};
static inline bool wb_is_sent(const struct wb_table *t, size_t i)
{
    return !t->skip[i];
}
static inline const char *wb_id_of(const struct wess_op *o)
{
    return o->what == WESS_CREATE ? "0" : o->item.id ? o->item.id : o->before->id;
}

/* ---- columns.c */
void wb_fill(struct wb_table *, size_t op); /* its values; what cannot be written is refused */
void wb_refuse(struct wb_table *, size_t op, const char *field, const char *text, const char *code);

/* ---- verdict.c */
enum wess_code wb_read_answer(struct wb_table *, const json_t *answer);
void wb_done(struct wb_table *, size_t op, const json_t *row); /* it is there as the row shows it */

#endif
