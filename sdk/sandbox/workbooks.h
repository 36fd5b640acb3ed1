/* The Workbooks side. Section numbers are those of docs/workbooks.md. */
#ifndef SANDBOX_WORKBOOKS_H
#define SANDBOX_WORKBOOKS_H

#include <jansson.h>

#include "sandbox.h"

#define WB_COLUMNS 48u
#define UNASSIGNED 10
#define FIRST_QUEUE 11 /* 11 and up: the users', in their order */
/* B9: user ids and queue ids are separate, and each family has queues of its own. */
#define ACTIVITY_UNASSIGNED 600
#define ACTIVITY_SERVICE 601 /* the queue of the user whose key it is */
#define FIRST_ACTIVITY_QUEUE 602
#define ORGANISATION_UNASSIGNED 700

enum wb_which {
    WB_PEOPLE,
    WB_TASKS,
    WB_MEETINGS,
    WB_EMAILS,
    WB_LINKS,
    WB_ORGANISATIONS,
    WB_NOTES,
    WB_RESOURCES,
    WB_UPLOADS,
    WB_SETS
};
struct wb_set;
struct wb_record {
    const struct wb_set *of;
    int64_t id, lock, updated_s, created_s;
    char *value[WB_COLUMNS]; /* NULL: null */
    int64_t queue, employer;
    int64_t file;                 /* of resource_upload_files: which of upload_files */
    bool deleted, locked, hidden; /* hidden: B4, from whoever asks here */
};
/* The records of one endpoint. */
struct wb_set {
    const char *name;   /* of control requests and faults: "people" */
    const char *path;   /* B8 */
    const char *class;  /* B8 */
    const char *prefix; /* of object_ref */
    int64_t first_id, queue;
    bool named;                 /* none without a name */
    const char *const *columns; /* what can be written; NULL behind the last */
    const char *const *shown;   /* what can only be read; NULL behind the last */
    /* NULL: fine; else the words of a refusal. */
    const char *(*refuses)(const char *column, const char *value);
    /* What is kept of a value, malloc'ed; `value` is not empty. */
    char *(*rewrite)(const char *column, const char *value);
    json_t *(*show)(const struct wb_record *, const char *column, bool epoch);
    /* For filters, see wb_get; (const char *)-1: not one of its own. */
    const char *(*text)(const struct wb_record *, const char *column, char buf[32]);
    /* After all values of a change are in. */
    void (*settle)(struct wb_record *);
    struct wb_record *rows;
    size_t n, cap;
    int64_t next_id;
};
extern struct wb_set wb_sets[WB_SETS];
struct wb_named { /* what has an id and a name, and no more */
    int64_t id;
    const char *name;
};
/* One filter: _ff, _ft, _fc of the same place. */
struct wb_filter {
    char *field, *type, *value;
    int64_t *numbers; /* the value as a sorted list of numbers, for eq and ne */
    size_t n_numbers;
};
struct wb_query {
    struct wb_filter filters[512];
    size_t n;
    char *formula; /* NULL: and */
};

/* workbooks_tables.c: the records. */
int wb_column(const struct wb_set *, const char *name);     /* -1: none that can be written */
bool wb_is_known(const struct wb_set *, const char *name);  /* can be asked for */
struct wb_set *wb_set_named(const char *name);              /* NULL: none */
struct wb_record *wb_by_id(const struct wb_set *, int64_t); /* NULL: none */
struct wb_record *wb_new(struct wb_set *);
void wb_touch(struct wb_record *); /* it was changed now */
/* Whether it changed. NULL and "" empty it. */
bool wb_set_value(struct wb_record *, int column, const char *value);
void wb_set_named_value(struct wb_record *, const char *column, const char *value);
const char *wb_value(const struct wb_record *, const char *column); /* NULL: empty */
json_t *wb_column_json(const struct wb_record *, const char *name, bool epoch);
json_t *wb_time_json(int64_t seconds, bool epoch);
void wb_tables_free(void);

/* workbooks_backup.c: all records, kept and put back. false: none are kept. */
void wb_backup(void);
bool wb_restore(void);
void wb_backup_free(void);

extern const char *const wb_all_shown[];          /* of every record; NULL behind the last */
const struct wb_record *wb_org_by_id(int64_t id); /* NULL: none, or deleted */
/* 0: none of that name, and not to be made. */
int64_t wb_org_named(const char *name, bool make);

/* workbooks_activity.c: tasks and meetings. */
extern const char *const wb_activity_columns[], *const wb_activity_shown[];
const char *wb_activity_refuses(const char *column, const char *value);
char *wb_activity_rewrite(const char *column, const char *value);
json_t *wb_activity_show(const struct wb_record *, const char *column, bool epoch);
const char *wb_activity_text(const struct wb_record *, const char *column, char buf[32]);
void wb_activity_settle(struct wb_record *);
/* "name_date" or "name_datetime" of a time; 0: neither. */
int wb_activity_twin(const char *column, char base[32]);

/* workbooks_more.c: emails, activity links, metadata. */
extern const char *const wb_email_columns[], *const wb_link_columns[], *const wb_nothing_shown[];
extern unsigned wb_sent;
const char *wb_email_refuses(const char *column, const char *value);
const char *wb_link_refuses(const char *column, const char *value);
char *wb_more_rewrite(const char *column, const char *value);
json_t *wb_more_show(const struct wb_record *, const char *column, bool epoch);
const char *wb_more_text(const struct wb_record *, const char *column, char buf[32]);
json_t *wb_digest(const char *text); /* SHA-256 in hex */
void wb_metadata(const char *body, struct sb_response *);
void wb_picklist(const char *body, struct sb_response *);

/* workbooks_files.c: notes and what is attached to them. */
extern const char *const wb_note_columns[],
    *const wb_resource_columns[], *const wb_resource_shown[], *const wb_upload_columns[],
                                                                  *const wb_upload_shown[];
const char *wb_note_refuses(const char *column, const char *value);
const char *wb_resource_refuses(const char *column, const char *value);
const char *wb_upload_refuses(const char *column, const char *value);
/* What a new record of that set lacks, by the values it is given; NULL: nothing. */
const char *wb_files_lack(const struct wb_set *, const char *(*given)(const void *, const char *),
                          const void *ctx);
void wb_resource_settle(struct wb_record *);
json_t *wb_files_show(const struct wb_record *, const char *column, bool epoch);
bool wb_is_gone(const struct wb_record *);     /* deleted, or what it belongs to is */
void wb_touch_above(const struct wb_record *); /* by a switch: a change of what it belongs to */
bool wb_is_multipart(const struct sb_request *);
/* A multipart form as a url-encoded one, whose files are kept and named. NULL: malformed. */
char *wb_form_of(const struct sb_request *, bool keeps);
bool wb_is_download(const char *path);
void wb_download(const char *path, struct sb_response *);
json_t *wb_file_told(const struct wb_record *); /* of upload_files; NULL: it is gone */
/* One of upload_files and what it is: NULL: it is gone. `of`: the record whose note it is on. */
const char *wb_file_bytes(const struct wb_record *, const char **name, size_t *len,
                          const struct wb_record **of);
bool wb_attach(struct wb_record *note, const char *query);
void wb_files_begin(void); /* a request: it can name its own files alone */
void wb_files_free(void);

/* workbooks_list.c, workbooks_change.c: a list, a change of a set. */
void wb_list(const struct wb_set *, const char *body, struct sb_response *);
/* A list of things that have an id and a name; `one` answers the i-th with its JSON. */
void wb_list_named(const char *body, size_t n, json_t *(*one)(size_t i, struct wb_named *),
                   struct sb_response *);
json_t *wb_row_json(const struct wb_record *, const char *const *columns, size_t n, bool epoch);
void wb_change(struct wb_set *, const struct sb_request *, struct sb_response *);
void wb_put_json(struct sb_response *, json_t *, int status);

/* workbooks.c: whether the key counts as expired; one queue of people that goes by another name. */
extern bool wb_expired;
extern struct wb_renamed {
    int64_t id;
    char name[64];
} wb_renamed;

void wb_refuse(struct sb_response *, int status, const char *reason);

/* workbooks_session.c: who signs in by name and password. */
#define WB_USER "wess@example.com"
extern unsigned wb_logins, wb_logouts;
/* Of the request at hand, by its session: 0: the service; else the place among the users, and one.
 */
extern size_t wb_asker;
extern bool wb_no_my_queues; /* B2: a login need not tell them */
void wb_login(const struct sb_request *, struct sb_response *);
void wb_logout(const struct sb_request *, struct sb_response *);
/* Whether the request is of a session that lives; else it is answered. */
bool wb_in_session(const struct sb_request *, bool changes, struct sb_response *);
size_t wb_sessions(void);
void wb_drop_sessions(void);

/* workbooks_report.c: saved reports. */
bool wb_is_report(const char *path);
void wb_report(const struct sb_request *, struct sb_response *);
json_t *wb_report_told(const char *query); /* NULL: no such, or too many */
void wb_reports_free(void);

/* workbooks_data.c */
void wb_start(const char *base);

/* workbooks_control.c */
bool wb_control(const char *action, const char *query, struct sb_buf *out);

/* workbooks_query.c */
void wb_query_read(struct wb_query *, const char *body);
void wb_query_free(struct wb_query *);
/* The text of a field of some record, for filters; buf serves numbers. NULL: empty. */
typedef const char *wb_get(const void *record, const char *field, char buf[32]);
/* -1: a field or type that is not known, or a formula that does not parse. */
int wb_query_match(const struct wb_query *, wb_get *get, const void *record);

#endif
