/* The Workbooks connector: people, tasks, meetings of one database, over its web API. What is known
 * of that API, and how surely, is in docs/workbooks.md; nothing here rests on more. */
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
/* The queues of a family of records: assigned_to holds one's number. */
enum wb_family { WB_OF_PEOPLE, WB_OF_ACTIVITIES, WB_OF_ORGANISATIONS, WB_FAMILIES, WB_NO_FAMILY };
struct wb_queues {
    struct wb_queue *of;
    size_t n;
    bool read, whole; /* the first of them; there are no others */
    char *own;        /* number of the one of the session's user; NULL: nobody told it */
};
#define WB_MINE "mine"  /* that one, whatever it is called */
#define WB_SENDS "SEND" /* of an email's status: asks the service to send it */
enum { WB_PEOPLE, WB_TASKS, WB_MEETINGS, WB_EMAILS, WB_ORGANISATIONS, WB_KINDS };
/* What a word or number of ours is to Workbooks, by the settings: "COMPLETED=Complete". */
struct wb_word {
    const char *ours, *theirs;
};
struct wb_words {
    struct wb_word *of;
    size_t n;
    const char **ours; /* sorted, each once: what the schema says */
    size_t n_ours;
};
/* A saved report that says which records are chosen; name NULL: there is none. */
struct wb_report {
    char *name;
    char **ids; /* as it was read last: sorted by bytes, each once */
    size_t n, cap;
    bool read;
};
struct wb_kind;
struct wess_conn {
    const struct wess_host *host;
    struct http *http;
    const char *base; /* ends with '/' */
    const char *application;
    const char *username, *database; /* in place of the key; NULL */
    char *token;                     /* of the session; NULL: there is none */
    int64_t page, overlap_s;
    int64_t max_create; /* in an hour; 0: any */
    int64_t ahead_ms;   /* their clock minus ours, by the last answer */
    bool match_employer, share_description, link_people, link_attendees, details;
    bool create_organisations, attachments;
    bool ends_after; /* the finish of what lasts whole days is the day after the last */
    struct wb_words statuses, priorities;
    bool told_word;                         /* that there is none for a value: once is enough */
    const char *assign_to;                  /* queue of what is created; NULL: as Workbooks does */
    bool assign_mine;                       /* to the user's own */
    const char *mail_status, *email_status; /* as the settings say; as it was chosen */
    struct wb_queues queues[WB_FAMILIES];
    struct wb_field *rows[WB_KINDS]; /* with those of custom_fields; NULL: there are none */
    size_t n_rows[WB_KINDS];
    const char **asked[WB_KINDS]; /* columns that a select may ask for; NULL: there are none */
    size_t n_asked[WB_KINDS];
    struct wb_report reports[WB_KINDS];
    const char *report_column;
    bool by_reports;        /* there are reports: they alone are told */
    json_t *meta[WB_KINDS]; /* by the names of columns; what the database says of the columns; NULL:
                               nothing */
    uint64_t denied[WB_KINDS];            /* WESS_CAP_* that it does not permit us */
    bool meta_read, meta_whole[WB_KINDS]; /* whole: what it does not list is not there */
    bool meta_fits;                       /* these settings were checked against that answer */
    const char *notes_lack;               /* why files cannot travel; NULL: nothing is known */
    bool meta_failed;                     /* for the moment: to be asked again where it decides */
    json_t *employers;                    /* name → organisation id; null: none; false: several */
};

/* ---- session.c: one request
 * ------------------------------------------------------------------------------- */

/* A body that every request begins with; `method` is "GET" or "PUT". WESS_AUTH: no key. */
enum wess_code wb_begin(struct wess_call *, const char *method, struct form *);
/* Sends it to base + path. On WESS_OK *out is the answer (the caller decrefs). `write`: an answer
 * that is lost leaves WESS_UNKNOWN. */
enum wess_code wb_post(struct wess_call *, const char *path, struct form *, bool write,
                       json_t **out);
struct wb_upload;
/* The same, with values that come out of the spool; a write. */
enum wess_code wb_post_upload(struct wess_call *, const char *path, struct wb_upload *,
                              json_t **out);
/* A file of that many bytes, spooled as it comes. WESS_GONE: it is not there. WESS_TOO_BIG: no
 * answer may be so large. */
enum wess_code wb_download(struct wess_call *, const char *path, uint64_t size, struct wess_blob *);
/* Gives WESS_TOO_BIG its text, where none was given: what every slot ends with. */
enum wess_code wb_told(struct wess_call *, enum wess_code);
/* Whether the host keeps things beyond the process. */
bool wb_keeps(const struct wess_host *);
/* A JSON text, bounded in depth and number of values, and strict; pure. NULL: not JSON. */
json_t *wb_parse(const char *text, size_t len);
/* What an HTTP answer without JSON means; pure. */
enum wess_code wb_judge(const struct http_response *, bool write, struct wess_error *);

/* ---- kinds.c, people.c, task.c, meeting.c: what a collection is, one table each
 * ------------------------------------------------------------------------ */

struct wb_reading;
struct wb_table; /* write.h */
/* One column of a field; a field may have several. `read` and `put` are for what is no plain text
 * or element of a record: the first of a field's columns that has one speaks for all of them. */
struct wb_field {
    const char *name;   /* vCard's or iCalendar's: "title", or "phone" with a slot */
    const char *slot;   /* key of the element; "1".. the place of a mail address */
    const char *part;   /* of the element: "value", "street" */
    const char *column; /* Workbooks' */
    uint32_t type;
    bool shown;                   /* never written */
    bool html, unread;            /* unread: written alone, and never asked for */
    bool blocked;                 /* a block of ours is at its end: details.h */
    const struct wb_words *words; /* of its picklist, by the settings; NULL: as they stand */
    void (*read)(struct wb_reading *, const struct wb_field *);
    void (*put)(struct wb_table *, size_t op, const struct wb_field *, const struct wess_field *);
};
struct wb_look { /* a column in which the first part of a key may stand */
    const char *space, *column;
};
struct wb_kind {
    const char *kind, *collection, *title;
    const char *one; /* "person" */
    const char *path;
    enum wb_family family;
    const struct wb_field *fields;
    size_t n_fields;
    const struct wess_field_schema *schema;
    size_t n_schema;
    const char *const *records; /* names of the RECORDS fields, NULL behind the last */
    const char *const *keys;    /* columns that the keys are made of, NULL behind the last */
    const struct wb_look *look;
    size_t n_look;
    bool ours_only;   /* what we did not create is not listed */
    bool files;       /* they can be attached: files.h */
    const char *when; /* the field by which an item is in time; NULL: none */
    bool (*holds)(const struct wess_conn *, const char *field);    /* NULL: all of the table */
    bool (*adapt)(struct wess_call *, struct wess_field_schema *); /* to the settings */
    void (*complete)(struct wb_table *, size_t op); /* after the fields are filled in */
    enum wess_code (*prepare)(struct wb_table *);   /* look-ups for a batch; or NULL */
    enum wess_code (*finish)(struct wb_table *);    /* after it is written; or NULL */
};
/* What people call a record and where they look at it (content_named() of the core): rows and
 * schema of every kind that is read. */
#define WB_NAMED                                                                                   \
    {.name = "x.workbooks.ref", .column = "object_ref", .type = WESS_TEXT, .shown = true},         \
    {                                                                                              \
        .name = "x.workbooks.url", .column = "object_url", .type = WESS_TEXT, .shown = true        \
    }
#define WB_NAMED_SCHEMA                                                                            \
    {.name = "x.workbooks.ref", .type = WESS_TEXT, .flags = WESS_FIELD_READ_ONLY},                 \
    {                                                                                              \
        .name = "x.workbooks.url", .type = WESS_TEXT, .flags = WESS_FIELD_READ_ONLY                \
    }
extern const struct wb_kind wb_person_kind, wb_task_kind, wb_meeting_kind, wb_email_kind,
    wb_organisation_kind;
extern const struct wb_kind *const wb_kinds[WB_KINDS];
extern const struct wess_kind_caps wb_caps[WB_KINDS];
const struct wb_kind *wb_kind_of(const struct wess_call *); /* people, where nobody says */
/* What this database and these settings permit: WESS_CAP_*. */
uint64_t wb_permitted(const struct wess_conn *, size_t kind);
static inline bool wb_may_create(const struct wess_conn *c, size_t kind)
{
    return (wb_permitted(c, kind) & WESS_CAP_CREATE) != 0;
}
bool wb_holds(const struct wess_conn *, const struct wb_kind *, const char *field);
/* The same of one column, which the database has to have too. */
bool wb_holds_column(const struct wess_conn *, const struct wb_kind *, const struct wb_field *);
/* The columns of a kind, with those of custom_fields (custom.c). */
const struct wb_field *wb_rows(const struct wess_conn *, const struct wb_kind *, size_t *n);
/* A setting's lines, or NULL, each taken by `take`. false: out of memory, or one that is none of
 * its kind (*bad). */
bool wb_each_line(struct wess_conn *, const char *lines,
                  bool (*take)(struct wess_conn *, const char *line, size_t len, bool *bad),
                  const char **bad);
/* "people.cf_person_tier" lines. */
bool wb_custom_read(struct wess_conn *, const char *lines, const char **bad);
/* "people.cf_person_tier:gold=Gold" lines, of fields that are read already. */
bool wb_custom_words(struct wess_conn *, const char *lines, const char **bad);
void wb_custom_free(struct wess_conn *);
/* "tasks.activity_type" lines: columns that are facts, beside the queue (facts.c). As above. */
bool wb_asked_read(struct wess_conn *, const char *lines, const char **bad);
void wb_asked_free(struct wess_conn *);
/* The names of a kind's facts, in the arena. false: budget spent. */
bool wb_fact_names(struct wess_call *, size_t kind, struct wess_list *);
/* The place of a kind by its collection's name; WB_KINDS: none. */
size_t wb_place(const char *collection, size_t len);
/* The collections as these settings have them, in the arena. */
enum wess_code wb_collections(struct wess_call *, struct wess_schema *out);

/* ---- words.c: picklists by the settings
 * ------------------------------------------------------------------------ */

/* "A=B" lines; NULL is none. false: out of memory, or a line without "=" (*bad). */
bool wb_words_read(struct wb_words *, const char *lines, const char **bad);
void wb_words_free(struct wb_words *);
const char *wb_word_theirs(const struct wb_words *, const char *ours); /* NULL: no such */
/* What a schema lists, in the arena. false: budget spent. */
bool wb_words_list(struct wess_call *, const struct wb_words *, struct wess_list *out);
const char *wb_word_ours(const struct wb_words *, const char *theirs);
/* One more; false: out of memory. */
bool wb_words_add(struct wb_words *, const char *line, size_t len);
/* Tells of a column, once, that a value of it has no word in that setting. */
#define WB_AS_IT_STANDS "it goes as it stands, and is parked where nobody takes it"
void wb_word_missing(const struct wess_conn *, const char *setting, const char *column,
                     const char *then);

/* ---- when.c: var_date_time, "2026-12-01,0,Europe/London"; pure
 * ------------------------------------------------------------------------ */

struct wb_when {
    bool timed;
    int64_t ms;     /* of a time: its instant, whole seconds */
    char date[12];  /* of a day */
    char zone[64];  /* IANA; Etc/UTC where none is told that anybody knows */
    char local[24]; /* of a time: what the clocks there show */
};
bool wb_when_read(const char *text, struct wb_when *); /* false: it is none */

/* ---- fields.c: a row and an item
 * ------------------------------------------------------------------------ */

struct wb_reading {
    const struct wess_host *host;
    struct wess_arena *a;
    const struct wess_conn *conn;
    const json_t *row;
    struct wess_vec fields;
    const char *strange; /* a column whose value is none that a column can have */
    bool spent;
};
/* NULL: budget spent, which is noted. */
struct wess_field *wb_push(struct wb_reading *, const char *name, uint32_t type);
/* A column as text; NULL: null. A value of another type is strange. */
const char *wb_column_text(struct wb_reading *, const char *column, char number[24]);
bool wb_column_true(struct wb_reading *, const char *column);

void wb_select(struct form *, const struct wess_conn *, const struct wb_kind *, bool whole);
void wb_select_bare(struct form *); /* what a place in the list is made of */
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
    int64_t mine; /* number of the user's own queue by which was judged; 0: it was not known */
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

enum wess_code wb_queues(struct wess_call *, enum wb_family); /* queues.c: the first, once */
/* Those that the rows of this collection name and that are not known yet. */
enum wess_code wb_queues_of(struct wess_call *, const json_t *rows);
/* Looks for a queue by its name, if it is not among the first. */
enum wess_code wb_queue_named(struct wess_call *, enum wb_family, const char *name);
const char *wb_queue_id(const struct wb_queues *, const char *name); /* or number; NULL: none */
/* Those of the session's user, as a login tells them; what it does not tell stays. */
bool wb_queues_own(struct wess_conn *, const json_t *my_queues);
bool wb_is_mine(struct wess_call *, const char *name); /* WB_MINE, in any spelling */
/* Of a row: its queue, and what the settings let a select ask. */
void wb_facts(struct wb_reading *, const struct wb_kind *, struct wess_item *);
/* The names and numbers of those of this collection that are known; where told to (PROBE) of all.
 */
enum wess_code wb_values(struct wess_call *, const char *fact, struct wess_list *, bool *all);
enum wess_code wb_changes(struct wess_call *, struct wess_slice, uint32_t, struct wess_page *);
enum wess_code wb_fetch(struct wess_call *, struct wess_list, struct wess_result *);
enum wess_code wb_find(struct wess_call *, const struct wess_key *, size_t, struct wess_page *);
enum wess_code wb_apply(struct wess_call *, const struct wess_op *, size_t, struct wess_result *);
/* employer.c: looks the names up at once; then wb_employer() answers without a request. */
enum wess_code wb_employers(struct wess_call *, const struct wess_op *, size_t);
const char *wb_employer(const struct wess_conn *, const char *name); /* NULL: none or several */
/* Once more; *n are those left that nothing there bears. `alike`: nor in other letters, for a
 * database that minds case where it is asked for what is equal. */
enum wess_code wb_employers_again(struct wess_call *, const char **names, size_t *n, bool alike);
/* founding.c: creates organisations of these names, and learns them. */
enum wess_code wb_found(struct wess_call *, const char **names, size_t n);
/* list.c: rows of this call's collection whose column equals any of the values, deleted ones too
 * where asked. */
enum wess_code wb_rows_equal(struct wess_call *, const char *column, const char *const *values,
                             size_t n, bool deleted, bool whole, json_t **out);
/* Rows of any table, at most so many for n values: these columns, NULL behind the last. */
#define WB_ROWS_FOR(n) (2 * (n) + 2)
enum wess_code wb_rows_of(struct wess_call *, const char *path, const char *column,
                          const char *const *values, size_t n, const char *const *columns,
                          json_t **out);
/* The one of them with that id; NULL: none. */
const json_t *wb_row_of(const json_t *rows, const char *id);

/* A page of the rows that all of these let through, `eq` to any of their values, in the order of
 * ids. */
struct wb_filter {
    const char *column, *type;
    const char *const *values;
    size_t n;
};
enum wess_code wb_rows_page(struct wess_call *, const char *path, const struct wb_filter *,
                            size_t n, const char *const *columns, json_t **out);
/* All rows whose column equals any of the values, page by page, put behind those in `into`. */
enum wess_code wb_rows_all(struct wess_call *, const char *path, const char *column,
                           const char *const *values, size_t n, const char *const *columns,
                           json_t *into);
/* A page of the rows whose column begins with any of these, in the order of ids. */
#define WB_ROWS_PAGE 100
enum wess_code wb_rows_begin(struct wess_call *, const char *path, const char *column,
                             const char *const *starts, size_t n, int64_t from,
                             const char *const *columns, json_t **out);

/* ---- html.c: pure
 * ---------------------------------------------------------------------------------------------- */

char *wb_html_to_text(const struct wess_host *, struct wess_arena *,
                      const char *html); /* NULL: spent */
char *wb_text_to_html(const struct wess_host *, struct wess_arena *, const char *text, size_t len);

#endif
