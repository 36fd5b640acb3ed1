/* The Workbooks connector: people of one database, over its web API. What is known of that API, and
 * how surely, is in docs/workbooks.md; nothing here rests on more. */
#ifndef WORKBOOKS_WB_H
#define WORKBOOKS_WB_H

#include <jansson.h>

#include "error.h"
#include "form.h"
#include "http.h"
#include "wess/connector.h"

#define WB_PAGE 100   /* rows of a page: what the guide calls the size to rely on */
#define WB_BATCH 100u /* records of one request, documented */
#define WB_SETTLE_MS 120000u
#define WB_TEXT_MAX 255u /* characters of a string field */
#define WB_SETTLED_S 2   /* after this a second gets no further change */
#define WB_KEEP ":no_value:"
#define WB_CLEAR ":null_value:"

struct wb_queue {
    char *id, *name; /* no name: it is not among the queues */
};
struct wess_conn {
    const struct wess_host *host;
    struct http *http;
    const char *base; /* ends with '/' */
    const char *application;
    int64_t page, overlap_s;
    int64_t ahead_ms; /* their clock minus ours, by the last answer */
    bool match_employer;
    struct wb_queue *queues;
    size_t n_queues;
    bool queues_read, queues_whole; /* the first of them; there are no others */
    json_t *employers;              /* folded name → organisation id; null: none or several */
};

/* ---- session.c: one request
 * ------------------------------------------------------------------------------- */

/* A body that every request begins with; `method` is "GET" or "PUT". WESS_AUTH: no key. */
enum wess_code wb_begin(struct wess_call *, const char *method, struct form *);
/* Sends it to base + path. On WESS_OK *out is the answer (the caller decrefs). `write`: an answer
 * that is lost leaves WESS_UNKNOWN. */
enum wess_code wb_post(struct wess_call *, const char *path, struct form *, bool write,
                       json_t **out);
/* Gives WESS_TOO_BIG its text, where none was given: what every slot ends with. */
enum wess_code wb_told(struct wess_call *, enum wess_code);
/* A JSON text, bounded in depth and number of values, and strict; pure. NULL: not JSON. */
json_t *wb_parse(const char *text, size_t len);
/* What an HTTP answer without JSON means; pure. */
enum wess_code wb_judge(const struct http_response *, bool write, struct wess_error *);

/* ---- fields.c: one table, both ways
 * ------------------------------------------------------------------------ */

struct wb_field {
    const char *name;   /* vCard's: "title", or "phone" with a slot */
    const char *slot;   /* key of the element; "1".. the place of a mail address */
    const char *part;   /* of the element: "value", "street" */
    const char *column; /* Workbooks' */
    uint32_t type;
    bool html;
};
extern const struct wb_field wb_fields[];
extern const size_t wb_n_fields;
extern const struct wess_field_schema wb_schema[];
extern const size_t wb_n_schema;
void wb_select(struct form *, bool whole); /* columns to ask for: all, or those of the facts */
void wb_select_bare(struct form *);        /* what a place in the list is made of */
/* An item of a row: facts and keys, and fields where `whole`. WESS_TOO_BIG: budget spent. */
enum wess_code wb_item(struct wess_call *, const json_t *row, bool whole, struct wess_item *);
/* A column of a row as text; numbers too. NULL: absent or null. */
const char *wb_text(const json_t *row, const char *column, char number[24]);
int64_t wb_time_ms(const json_t *value); /* epoch seconds or "Mon Nov 23 10:00:00 UTC 2026"; 0:
                                            none, or beyond what a calendar holds */

/* ---- cursor.c: where reading stands
 * --------------------------------------------------------------------------- The keyset position,
 * and which records were seen in the seconds that may still get late commits: 2 SECONDS ID
 * ["snapshot"] LF { SECOND " " ID { " " ID } LF } */
struct wb_second {
    int64_t at, *ids;
    size_t n, cap;
};
struct wb_cursor {
    int64_t seconds, id;
    bool snapshot;
    struct wb_second *seen; /* ascending */
    size_t n, cap, total;
};
enum wess_code wb_cursor_read(struct wess_call *, struct wess_slice, struct wb_cursor *);
bool wb_cursor_write(struct wess_call *, const struct wb_cursor *, struct wess_slice *);
bool wb_cursor_saw(struct wess_call *, struct wb_cursor *, int64_t second, int64_t id);
/* At the end of a run: the next one begins `back` again, without what was seen since. */
void wb_cursor_rest(struct wb_cursor *, int64_t back);

/* ---- the slots
 * ------------------------------------------------------------------------------------------------
 */

enum wess_code wb_queues(struct wess_call *); /* queues.c: the first of them, once */
/* Those that the rows of people name and that are not known yet. */
enum wess_code wb_queues_of(struct wess_call *, const json_t *rows);
enum wess_code wb_changes(struct wess_call *, struct wess_slice, uint32_t, struct wess_page *);
enum wess_code wb_fetch(struct wess_call *, struct wess_list, struct wess_result *);
enum wess_code wb_find(struct wess_call *, const struct wess_key *, size_t, struct wess_page *);
enum wess_code wb_apply(struct wess_call *, const struct wess_op *, size_t, struct wess_result *);
/* employer.c: looks the names up at once; then wb_employer() answers without a request. */
enum wess_code wb_employers(struct wess_call *, const struct wess_op *, size_t);
const char *wb_employer(const struct wess_conn *, const char *folded); /* NULL: none or several */
/* list.c: rows whose column equals any of the values, deleted ones too where asked. Of other tables
 * than people at most so many for n values. */
#define WB_ROWS_FOR(n) (2 * (n) + 2)
enum wess_code wb_rows_equal(struct wess_call *, const char *path, const char *column,
                             const char *const *values, size_t n, bool deleted, bool whole,
                             json_t **out);

/* ---- html.c: pure
 * ---------------------------------------------------------------------------------------------- */

char *wb_html_to_text(const struct wess_host *, struct wess_arena *,
                      const char *html); /* NULL: spent */
char *wb_text_to_html(const struct wess_host *, struct wess_arena *, const char *text, size_t len);

#endif
