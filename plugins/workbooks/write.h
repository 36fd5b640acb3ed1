/* What the parts of writing share: a batch is a table of columns, one request, and a verdict. */
#ifndef WB_WRITE_H
#define WB_WRITE_H

#include "wb.h"

#define WB_COLUMNS_MAX 128u
#define WB_EMPLOYER "employer_link"

/* The columns that any operation of the batch writes, and each operation's values. */
/* The content of a cell, by its address: the operation's blob stands there. */
extern const char *const wb_from_spool;
struct wb_table {
    struct wess_call *call;
    const struct wb_kind *kind;
    const struct wess_op *ops;
    struct wess_result *out;
    size_t n;
    const char *columns[WB_COLUMNS_MAX];
    size_t n_columns;
    const char **cells;             /* n × n_columns' capacity; NULL: leave alone */
    bool *skip;                     /* answered without being sent */
    const struct wess_blob **blobs; /* of each operation, for its cell WB_FROM_SPOOL */
    const char **types;             /* of what was written: its class, as its row says; or NULL */
    json_t *found;                  /* of `prepare`: rows as they are now; or NULL */
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
/* The whole operation is never acceptable, or for now: `text` is static. */
static inline void wb_reject(struct wb_table *t, size_t op, const char *text)
{
    if (!t->skip[op]) /* the first reason is told */
        t->out[op].text = text;
    t->skip[op] = true;
    t->out[op].code = WESS_REJECTED;
}
const char **wb_cell(struct wb_table *, size_t op, const char *column);
const char *wb_cell_now(const struct wb_table *, size_t op, const char *column); /* NULL: none */
/* "" clears; what means something else to Workbooks is refused. */
void wb_put(struct wb_table *, size_t op, const char *field, const char *column, const char *value);
/* Of a field that no column holds: it is told to whom it concerns when the record is written. */
void wb_put_nothing(struct wb_table *, size_t op, const struct wb_field *,
                    const struct wess_field *);
const struct wess_field *wb_field_of(const struct wess_item *, const char *name); /* NULL: none */
const char *wb_text_of(struct wb_table *, const struct wess_item *, const char *name);

/* ---- pace.c: creates over the limit of the hour are not tried; how long until the next, or 0 */
int64_t wb_pace(struct wb_table *);

/* ---- links.c: fills in `types` of what was written */
enum wess_code wb_learn_types(struct wb_table *);

/* ---- verdict.c */
enum wess_code wb_read_answer(struct wb_table *, const json_t *answer);
void wb_done(struct wb_table *, size_t op, const json_t *row); /* it is there as the row shows it */

#endif
