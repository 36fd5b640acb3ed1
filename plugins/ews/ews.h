/* The Exchange connector: contacts, tasks, events and messages of one mailbox over Exchange Web
 * Services (MS-OXWS*). What is known of the protocol, and how surely, is in docs/ews.md.
 *
 * What differs from kind to kind is in tables: a struct ews_kind each, with one row a field
 * (contact_fields.c, task.c, event.c). */
#ifndef EWS_EWS_H
#define EWS_EWS_H

#include "error.h"
#include "http.h"
#include "oauth.h"
#include "wess/connector.h"
#include "xml.h"
#include "zone.h"

#define EWS_PAGE 512u  /* MaxChangesReturned at most (MS-OXWSSYNC) */
#define EWS_FETCH 200u /* ids of one GetItem at most */
#define EWS_LANES 4u
#define EWS_WRITE 100u                        /* ops of one request at most */
#define EWS_SETTLE_MS 75000u                  /* a batch may run for a minute */
#define EWS_ANSWER_BYTES ((uint64_t)2 << 20)  /* of one GetItem: batches shrink towards it */
#define EWS_ITEM_BYTES ((uint64_t)8 << 20)    /* of the answer for one item: the parser takes 10 */
#define EWS_PLAIN_BYTES ((uint64_t)16 << 20)  /* of any other answer that is held whole */
#define EWS_REQUEST_BYTES ((uint64_t)4 << 20) /* of what one writing request carries */
#define EWS_MAILS 3u                          /* EmailAddress1..3 */
#define EWS_STAMP_SET "6a1f5c2e-94b3-4d0c-8f27-3f1f0c6b7a11"
#define EWS_STAMP_NAME "wess-stamp"
#define EWS_STAMP_MAX 64u
#define EWS_KEPT_NAME "wess-series-was" /* see rewrite.c */
#define EWS_REQUEST_ID 64u              /* bytes of the header that names a request */
#define EWS_TITLE_TAG "0x3A45"          /* PidTagDisplayNamePrefix, MS-OXPROPS */

enum ews_place { EWS_READ, EWS_ELSEWHERE, EWS_BIN };
struct ews_folder {
    char *id, *path; /* path: for people, below Contacts; "" for Contacts itself and others */
    enum ews_place place;
};
enum { EWS_CONTACT, EWS_TASK, EWS_EVENT, EWS_MESSAGE, EWS_KINDS };
#define EWS_LISTED 256u /* categories that are looked for in the mailbox's list */
#define EWS_PLACES 5u   /* folders of mail that have a name in every language */
struct ews_tree {       /* where the items of a kind lie */
    char *top;          /* id of the folder that every mailbox has; NULL: this one has not */
    struct ews_folder *folders; /* those that are read come first, [0] is the top */
    size_t n_folders, n_read;
    bool read_known, all_known; /* the folders to read; all where an item may lie */
    size_t left;   /* of those to read, whose changes are still to be listed; 0: none */
    unsigned idle; /* pages in a row that told nothing, and that there is more */
};
struct wess_conn {
    const struct wess_host *host;
    struct http *http;
    const char *url; /* NULL: not found yet */
    char *own_url;   /* the same, when it is made of the audience */
    char *found;     /* the same, when Autodiscover found it */
    const char *address, *autodiscover_url, *autodiscover_allow;
    const char *username, *impersonate, *impersonate_as;
    const char *mailbox; /* opened with our own rights in it (delegate access); NULL: none */
    char *anchor_header; /* "X-AnchorMailbox: ..", by which Online finds the mailbox; NULL: none */
    const char *auth_name;
    enum http_auth auth;
    struct oauth oauth; /* of HTTP_AUTH_BEARER */
    char *scope;        /* that it names */
    bool signed_in;     /* credentials are set */
    const char *zone;   /* of the mailbox's owner: where a day begins for a task */
    struct ews_tree tree[EWS_KINDS];
    char *bin, *places[EWS_PLACES]; /* ids; NULL: there is none */
    char version[64];               /* "15.2.2562.17"; "": not told yet */
    const char *asks;               /* another RequestServerVersion than ours; NULL: ours */
    size_t batch;                   /* ids of a GetItem, adapted to the size of answers */
    size_t batch_most;              /* as many as the server managed in its time */
    char *listed[EWS_LISTED];       /* categories that were looked for in the mailbox's list */
    size_t n_listed;
    bool attachments; /* files that are attached travel */
    bool affinity;    /* requests go where the subscriptions are held */
};

/* ---- ews.c, and watch.c
 * ------------------------------------------------------------------------------------------ */

enum wess_code ews_conn_open(const struct wess_host *, struct wess_conn **out, struct wess_error *);
void ews_conn_close(struct wess_conn *);
enum wess_code ews_watch_open(const struct wess_host *const *users, size_t n,
                              struct wess_watch **out, struct wess_error *);
int ews_watch_fd(struct wess_watch *);
enum wess_code ews_watch_ready(struct wess_watch *, bool *woken, int64_t *next_ms,
                               struct wess_error *);
void ews_watch_close(struct wess_watch *);

/* ---- settings.c: options, and whether they go together
 * ------------------------------------------------------------------------------------------ */

#define EWS_N_OPTIONS 30u
extern const struct wess_option ews_options[EWS_N_OPTIONS];
/* Reads them into a connection that has its host; WESS_BROKEN says what is missing or too much. */
enum wess_code ews_settings(struct wess_conn *, struct wess_error *);
/* "X-AnchorMailbox: ADDRESS" for a mailbox; false: out of memory. NULL: none. */
bool ews_anchor(struct wess_conn *, const char *address);

/* ---- notes.c
 * ------------------------------------------------------------------------------------------ */

/* Of a mailbox that has been checked: who, whose, which folders and categories, what to type. */
void ews_note_all(struct wess_call *);
/* malloc'ed, zero-terminated behind len; NULL: it is no base64. */
char *ews_from_base64(const char *text, size_t *len);
/* The names in a mailbox's list of categories, worked on in place; NULL: it is none. */
const char *ews_category_names(struct wess_call *, char *xml, size_t len);

/* ---- categories.c
 * ------------------------------------------------------------------------------------------ */

/* The request for the mailbox's list of categories. */
void ews_ask_list(struct wess_call *, struct xml_out *);
/* That list with the names that it lacks, malloc'ed, zero-terminated; the rest byte for byte. NULL:
 * it is none that can be written, or out of memory. */
char *ews_list_with(struct wess_call *, const char *xml, size_t len, const char *const *names,
                    size_t n, size_t *added, size_t *out_len);
/* Puts in the list what these items were given. What goes wrong is logged. */
void ews_list_categories(struct wess_call *, const struct wess_op *, size_t n,
                         const struct wess_result *);

/* ---- probe.c
 * ------------------------------------------------------------------------------------------ */

/* Writes a contact of our own, tries a stale revision on it and removes it; call->lacks and keeps
 * tell what was seen. In words what came of it; NULL: out of memory. */
const char *ews_probe(struct wess_call *);

/* ---- versions.c
 * ------------------------------------------------------------------------------------------ */

/* "2010 SP1" of "14.1.218.15". */
const char *ews_release(const char *version);
/* What a check says of a server that knows no request of ours: asks in older words which it is. */
enum wess_code ews_name_old(struct wess_call *, enum wess_code);

/* ---- signin.c
 * ------------------------------------------------------------------------------------------ */

/* Before a request: credentials are set, and a token that is good now. */
enum wess_code ews_sign_in(struct wess_call *);
/* Whether another token may fare better than the one that was refused for that. */
bool ews_may_renew(const char *diagnostics);
/* After a token was refused: another one. */
enum wess_code ews_renew(struct wess_call *);
enum wess_code ews_login(struct wess_call *, void (*say)(void *ctx, const char *text), void *ctx);
/* Says in plain words what HTTP 401 and 403 mean for this way to sign in. */
void ews_explain(const struct wess_conn *, const struct http_response *, struct wess_error *);
/* Whether that host is of Exchange Online. */
bool ews_is_online(const char *url);

/* ---- discover.c
 * ------------------------------------------------------------------------------------------ */

/* Finds url, when the settings have none. */
enum wess_code ews_discover(struct wess_call *);
void ews_forget_place(struct wess_conn *); /* it is no longer there: look again next time */

/* ---- soap.c: envelopes, and taking answers apart; pure
 * ------------------------------------------------------------------------------------------ */

void ews_begin(const struct wess_conn *, struct xml_out *, const char *impersonate); /* to Body */
/* What came of one request. */
struct ews_answer {
    enum wess_code code; /* of the request as a whole, or the worst that a taker said */
    struct wess_error error;
    bool untried;                 /* the request was surely not carried out */
    size_t n;                     /* response messages that were read whole */
    bool timed_out;               /* the time for a request was over before an answer came */
    uint64_t bytes;               /* of the body, unpacked */
    char version[64];             /* of the server; "": not told */
    char request[EWS_REQUEST_ID]; /* the server's name for it, or ours where it gave none */
};
/* Who takes an answer apart; i counts requests. An answer that breaks off has been taken up to
 * there, and its code says so. */
struct ews_taker {
    void *ctx;
    /* A listing: the children of this element ("Changes", "Items", "Folders") are handed to part()
     * one at a time, and message() gets what is left. NULL: message() gets all. */
    const char *list;
    enum wess_code (*part)(void *ctx, size_t i, const xmlNode *part, struct wess_error *);
    enum wess_code (*message)(void *ctx, size_t i, size_t at, const xmlNode *message,
                              struct wess_error *);
    /* While it comes: a piece of the body of a good answer, worked on in place. How much of it
     * stays for the others. NULL: all. */
    size_t (*filter)(void *ctx, size_t i, char *data, size_t len);
    /* At the end, whatever came; may make answer->code worse. NULL: nobody asks. */
    void (*done)(void *ctx, size_t i, struct ews_answer *answer);
};
/* Reads a whole HTTP answer. `write`: what is lost is WESS_UNKNOWN. The body is worked on in place.
 * `name`: the header that named the request; NULL: none. */
void ews_read(struct http_response *, const char *name, bool write, const struct ews_taker *,
              size_t i, struct ews_answer *);

/* ---- session.c: sending
 * ------------------------------------------------------------------------------------------ */

/* By which the server's own logs find a request: a header. */
void ews_name_request(char out[EWS_REQUEST_ID]);
/* Sends up to EWS_LANES documents at once; ends them. Answers are taken in the order of their
 * coming. body_max 0: EWS_PLAIN_BYTES, or what http.body_max lets through where a filter takes it.
 * The code is that of the first that failed, with call->error filled. */
enum wess_code ews_send(struct wess_call *, struct xml_out *docs, size_t n, bool write,
                        uint64_t body_max, const struct ews_taker *);
/* Bytes that stand in a document in the place of the empty text of one element: they come in pieces
 * while it is sent. */
struct ews_insert {
    const char *behind; /* where: after the first occurrence of this */
    size_t len;
    size_t (*read)(void *ctx, size_t at, char *buf, size_t cap); /* a source, as of http_request */
    void *ctx;
};
/* The same for one document with such an insert, which writes. */
enum wess_code ews_ask_with(struct wess_call *, struct xml_out *doc, const struct ews_insert *,
                            const struct ews_taker *);
/* The same for one document, which is freed. */
enum wess_code ews_ask(struct wess_call *, struct xml_out *doc, bool write,
                       const struct ews_taker *);

/* ---- codes.c: the one table of response codes
 * ------------------------------------------------------------------------------------------ */

struct ews_code {
    const char *name;
    enum wess_code code; /* of a whole request */
    enum wess_scope scope;
    enum wess_code item; /* of one item in a batch */
    const char *text;    /* what it means to a person; NULL: the name says it */
    const char *field;   /* which field it speaks of; NULL: not told */
};
const struct ews_code *ews_code(const char *name); /* unknown: rejected, of the item */
const struct ews_code *ews_codes(size_t *n);       /* all of them */
/* Of a response message: WESS_OK, or what its ResponseCode means, with the error filled. */
enum wess_code ews_message(const xmlNode *message, bool write, struct wess_error *);
/* The same for one of several items. */
enum wess_code ews_message_item(const xmlNode *message, bool write, struct wess_error *);
/* BackOffMilliseconds of a MessageXml; without it a minute for WESS_THROTTLED, else 0. */
int64_t ews_backoff(const xmlNode *message_xml, enum wess_code);
/* What the items of a batch were told: trouble of all of them is trouble of the call. */
struct ews_tally {
    size_t n, failed, stopped; /* stopped: not tried, after one that failed */
    bool wide;                 /* `code` was said to one and is meant for all */
    enum wess_code code;
    struct wess_error error;
};
void ews_count(struct ews_tally *, enum wess_code of_item, const struct wess_error *);
void ews_judge(const struct ews_tally *, struct ews_answer *);
/* An answer for more or fewer items than were asked for is none: which one it left out nothing
 * tells. */
void ews_each_answered(struct ews_answer *, size_t asked);

/* ---- kinds.c, and the table of each kind: contact_fields.c, task.c, event.c
 * ------------------------------------------------------------------------------------------ */

enum ews_form {           /* how a property is read and written */
                EWS_LINE, /* text */
                EWS_BODY, /* long text */
                EWS_SET,
                EWS_DAY,    /* a date, whatever the zone: 11:59Z */
                EWS_DATE,   /* a date, midnight of the owner's zone */
                EWS_WORD,   /* one of `words` */
                EWS_NUMBER, /* a whole number */
                EWS_ENTRY,  /* an entry of an indexed set: of a record */
                EWS_TITLE,  /* an extended property */
                EWS_MADE    /* by read() and put() of the row */
};
struct ews_word { /* [0]: what an empty field is on the wire; ours NULL: behind the last */
    const char *ours, *theirs;
};
struct ews_reading;
struct ews_put;
struct ews_sieve;
struct ews_field {                  /* in the order of the schema */
    const char *name, *slot, *part; /* vCard's and iCalendar's */
    const char *uri, *index;        /* FieldURI; FieldIndex */
    const char *set, *element;      /* "EmailAddresses" or NULL; "GivenName", "Street" */
    uint32_t type;
    enum ews_form form;
    const struct ews_word *words;
    const char *with; /* another field that this property is made of; NULL: none */
    void (*read)(struct ews_reading *, const xmlNode *item, const struct ews_field *);
    /* The element. false: there is nothing to write, and nothing was written. */
    bool (*put)(struct ews_put *, const struct ews_field *);
    bool read_only, on_create;
    bool early; /* in an update before the others: what they say is read by it */
    bool kept;  /* never cleared: another property says that it does not count */
};
struct ews_kind {
    const char *name, *collection, *title; /* "contact", "contacts", "Contacts" */
    const char *element;                   /* "Contact" */
    const char *distinguished, *class;     /* "contacts", "IPF.Contact" */
    const char *folder;                    /* "ContactsFolder" */
    const char *setting;                   /* sub-folders that are read as well */
    const struct ews_field *fields;
    size_t n_fields;
    const struct wess_field_schema *schema;
    size_t n_schema;
    const char *const *facts; /* asked for in every listing; NULL behind the last */
    const char *const *more;  /* asked for with content beside those of `fields` */
    void (*search)(struct ews_sieve *, const char *space, const char *value); /* find.c */
    bool (*refuses)(struct wess_call *, const struct wess_op *, struct wess_result *);
    void (*create)(struct ews_put *); /* behind the extended properties; NULL: nothing */
    const char *due;                  /* the field that tells when; NULL: none */
    bool read_only;                   /* none of it is ever written */
    bool by_place; /* it has no folder of its own: see mailfolders.c; else below the one it has */
    bool tells;    /* its listing tells of fields, see struct wess_change */
};
extern const struct ews_kind ews_contact_kind, ews_task_kind, ews_event_kind, ews_message_kind;
extern const struct ews_kind *const ews_kinds[EWS_KINDS];
const struct ews_kind *ews_kind_of(const struct wess_call *); /* by its collection */
struct ews_tree *ews_tree_of(const struct wess_call *);
extern const struct ews_word ews_classes[];

bool ews_is_mail(const struct ews_field *);
/* The field that a server's path names ("email", "phone.mobile"), in the arena; NULL: none. */
const char *ews_field_named(struct wess_call *, const xmlNode *path);
void ews_path(struct xml_out *, const struct ews_field *); /* FieldURI and the like */
void ews_path_stamp(struct xml_out *);
void ews_path_title(struct xml_out *);
void ews_path_kept(struct xml_out *);
/* ItemShape: facts, or facts and content; which parts it has that come by themselves; its MIME. */
void ews_shape(struct xml_out *, const struct ews_kind *, bool whole, bool parts, bool mime);
/* In a listing: where it lies as well, by which an item that moved away is known. */
void ews_shape_listed(struct xml_out *, const struct ews_kind *);
/* ItemShape: mail addresses or whose meeting it is, and stamp; what lies within its text; who is
 * asked to it. */
void ews_shape_slots(struct xml_out *, const struct ews_kind *, bool files, bool people);
void ews_item_id(struct xml_out *, const char *id, const char *change_key);

/* ---- item.c: an item as Exchange shows it
 * ------------------------------------------------------------------------------------------ */

struct ews_reading {
    const struct wess_conn *conn;
    const struct wess_host *host;
    struct wess_arena *a;
    struct wess_vec fields;
    bool whole, spent;
    bool half; /* as a write of several requests leaves it that was cut off */
};
/* A new field of the item; NULL: budget spent. */
struct wess_field *ews_push(struct ews_reading *, const char *name, uint32_t type);
void ews_read_line(struct ews_reading *, const char *name, const char *value); /* NULL: none */
/* Facts, or facts and content. WESS_TOO_BIG: budget spent. WESS_REJECTED: it cannot be named (no
 * id, or one longer than an id may be) and is left out. */
enum wess_code ews_item(struct wess_call *, const xmlNode *item, bool whole, struct wess_item *);
/* What an update has to know of the item as it is now. */
struct ews_slots {
    struct wess_slice mail[EWS_MAILS];
    bool
        held[EWS_MAILS]; /* by an address that is not shown (a directory path): not ours to touch */
    bool stamped;
    bool foreign;      /* a meeting that somebody else organises */
    bool nameless;     /* somebody is asked to it who has no mail address, and is not shown */
    bool pictures;     /* its text shows files that lie within it */
    bool kept;         /* a series that is half written: see rewrite.c */
    const char *keeps; /* how it was, to be written with it; NULL: nothing */
};
bool ews_slots(struct wess_call *, const xmlNode *contact, struct ews_slots *);
/* "2026-11-23" out of Exchange's dateTime; false: none. */
bool ews_date(const char *text, char out[11]);
int64_t ews_time_ms(const char *text);

/* ---- put.c: an item as Exchange takes it
 * ------------------------------------------------------------------------------------------ */

struct ews_update {             /* one change of one property */
    const struct ews_field *at; /* NULL: the stamp, or with `kept` how a series was */
    struct wess_slice text;     /* of an entry, the title, the stamp */
    bool set;                   /* else cleared */
    bool kept;
};
struct ews_put {
    struct wess_call *call;
    struct xml_out *x;
    const struct ews_kind *kind;
    const struct wess_op *op;
};
/* An update that was cut off between two of its requests: its own fields are written, or not to be
 * written; the others are finished. */
bool ews_finishes(const struct wess_op *);
/* A field as it will be: of the op, else as it was. NULL: empty. */
const struct wess_field *ews_will_be(const struct wess_op *, const char *name);
/* The changes that an op comes to: at most n_fields + 2. false: there is no room for a mail
 * address. */
bool ews_updates(struct wess_call *, const struct wess_op *, const struct ews_slots *,
                 struct ews_update *, size_t *n);
void ews_put_update(struct wess_call *, struct xml_out *, const struct wess_op *,
                    const struct ews_update *);
void ews_put_item(struct wess_call *, struct xml_out *, const struct wess_op *);
void ews_open(struct xml_out *, const char *name); /* of a table: with its prefix */
void ews_put_instant(struct xml_out *, const char *name, int64_t ms);
const struct wess_field *ews_field_of(const struct wess_item *, const char *name);
bool ews_is_empty(const struct wess_field *);

/* ---- contact.c: where mail addresses go
 * ------------------------------------------------------------------------------------------ */

/* Where the wanted addresses go, so that as few slots as possible change; out[i] empty: cleared.
 * false: no room. */
bool ews_place_mails(const struct wess_field *want, const struct ews_slots *now,
                     struct wess_slice out[EWS_MAILS]);
bool ews_refuses_contact(struct wess_call *, const struct wess_op *, struct wess_result *);
void ews_put_file_as(struct ews_put *);

/* ---- refuse.c: what cannot be written
 * ------------------------------------------------------------------------------------------ */

/* Fields that cannot be written as they are; sets result->refused and its code. */
bool ews_refuses(struct wess_call *, const struct wess_op *, struct wess_result *);
void ews_refuse(struct wess_call *, struct wess_result *, const char *field, const char *text,
                const char *code);

/* ---- recur.c: recurrence rules and Exchange's patterns
 * ------------------------------------------------------------------------------------------ */

/* The rule of a Recurrence, in the arena; NULL: none that a rule can say, or budget spent. */
const char *ews_rule_read(const struct wess_host *, struct wess_arena *, const xmlNode *recurrence);
/* NULL: it can be written; else why not. */
const char *ews_rule_refused(const char *rule, const char *start);
/* `start`: the local date of the first occurrence. */
void ews_rule_put(struct xml_out *, const char *rule, const char *start);

/* ---- zones.c, event.c
 * ------------------------------------------------------------------------------------------ */

/* The IANA name of a StartTimeZone; of one that nobody knows a zone that keeps the same hours, or
 * UTC. `ms`: when it is asked about. */
void ews_zone(const xmlNode *definition, int64_t ms, char out[WESS_ZONE_SIZE]);
/* Whether the people of a meeting are to be told of that write, which the pair allows. */
bool ews_tells(const struct wess_call *, const struct wess_op *);
#define EWS_HOW(tells) ((tells) ? "SendToAllAndSaveCopy" : "SendToNone")
/* Of somebody else's meeting only what is one's own is written. */
bool ews_refuses_foreign(struct wess_call *, const struct wess_op *, struct wess_result *);

/* ---- occurrence.c
 * ------------------------------------------------------------------------------------------ */

#define EWS_PARTS 8u               /* of one override */
#define EWS_OCCURRENCE_ID "ews-id" /* a part that never leaves the connector */
/* What differs in the changed occurrences of what was fetched. */
enum wess_code ews_fetch_occurrences(struct wess_call *, struct wess_result *, size_t n);
/* Of a series that was written: its overrides, one request each; with `all` none of them is there.
 */
enum wess_code ews_write_occurrences(struct wess_call *, const struct wess_op *, bool all,
                                     struct wess_result *);
bool ews_recurs(const xmlNode *item);         /* event_time.c: the whole of a series */
bool ews_is_gone(const struct wess_record *); /* NULL: no */
const char *ews_show_as(const char *theirs);  /* event.c: "OOF"; "" where it is the usual */

/* event_series.c: the local date on which an occurrence of it was to begin; NULL: none. */
const char *ews_original_date(struct ews_reading *, const xmlNode *series, const char *start);
const char *ews_local_start(const struct wess_op *); /* as it will be; NULL: none */

/* ---- rewrite.c: series whose changed occurrences are all written again
 * ------------------------------------------------------------------------------------------ */

bool ews_must_rewrite(const struct wess_op *, const struct ews_slots *);
/* Looks whether an occurrence has what would be lost, which is refused by its name. Else the op as
 * it is to be sent, and slots->keeps. */
enum wess_code ews_prepare_rewrite(struct wess_call *, const struct wess_op *, struct wess_result *,
                                   struct ews_slots *, struct wess_op *with_rule);
/* The rule of an op as it will be read, which is not always as it was said. NULL: out of memory. */
const char *ews_rule_again(struct wess_call *, const struct wess_op *);
/* finish.c: of a series that was cut off in between, what is not written yet. */
enum wess_code ews_finish_rewrite(struct wess_call *, const struct wess_op *, struct wess_result *);
/* All of them are written. */
enum wess_code ews_end_rewrite(struct wess_call *, const char *id, struct wess_result *);
/* A series that was left half written is shown as it was. false: it is as it shows itself. */
bool ews_recall(struct ews_reading *, const char *kept);

/* A Mailbox as a record of `v`, by its address: "value" and "cn". Once, and none without one. */
struct wess_record *ews_read_mailbox(struct ews_reading *, const xmlNode *mailbox,
                                     struct wess_vec *v);

/* event_people.c: whether a new list of its people would lose some. */
bool ews_asks_nameless(const xmlNode *item);

/* ---- mailfolders.c, mime.c
 * ------------------------------------------------------------------------------------------ */

enum wess_code ews_mail_places(struct wess_call *); /* which folders they are */
/* "inbox", of its id; NULL: none of them. */
const char *ews_mail_place(const struct wess_conn *, const char *id);
/* By its path from the top, and from the place it is below ("inbox/Offers"; NULL). */
bool ews_mail_is_read(const struct wess_conn *, const char *path, const char *place);
bool ews_mail_names(const char *name, size_t len, const char *path, const char *place);
struct ews_large {
    const char *field, *element; /* ours; the one of base64 in the answer */
    bool is_part;                /* with an id of its own: gone, it says nothing of its item */
    bool (*has)(const struct wess_result *); /* NULL: each has one */
    void (*ask)(struct xml_out *, const struct wess_result *);
};
enum wess_code ews_fetch_large(struct wess_call *, const struct ews_large *, struct wess_result *,
                               size_t n);
/* The item once more, with what was spooled in place of the field that named it, if there is one;
 * false: out of memory. */
bool ews_add_blob(struct wess_call *, struct wess_result *, const char *name,
                  const struct wess_blob *);

/* ---- photo.c: the picture of a contact, an attachment of its own
 * ------------------------------------------------------------------------------------------ */

#define EWS_PHOTO_MAX (1u << 20) /* bytes of one that is written */
/* The row "photo": while an item is read, its attachment's id. */
void ews_read_photo(struct ews_reading *, const xmlNode *item, const struct ews_field *);
/* The item once more without a field; false: out of memory. */
bool ews_without(struct wess_call *, struct wess_result *, const char *name);
bool ews_put_photo(struct ews_put *, const struct ews_field *); /* with a new item */
/* Of what was fetched, the field "photo"; or, when nobody wants it, none. */
enum wess_code ews_fetch_photos(struct wess_call *, struct wess_result *, size_t n);
/* Of an item that was updated, or compared: its picture. */
enum wess_code ews_write_photo(struct wess_call *, const struct wess_op *, struct wess_result *);

/* ---- attach.c
 * ------------------------------------------------------------------------------------------ */

/* The field of files; of each kind that is written, where the setting says so. */
extern const struct wess_field_schema ews_attach_schema;
/* Of what was fetched, the field "attach": each file spooled. */
enum wess_code ews_fetch_attachments(struct wess_call *, struct wess_result *, size_t n);
/* One of them into the spool. *told: what Exchange says of it alone, when it is not given out. */
enum wess_code ews_fetch_file(struct wess_call *, const char *id, struct wess_blob *out,
                              enum wess_code *told);
/* What an op attaches is not in the spool (any more): it is to be merged again, and not sent. */
bool ews_attachments_missing(struct wess_call *, const struct wess_op *);
/* Of an item that was written: its files, one request each. */
enum wess_code ews_write_attachments(struct wess_call *, const struct wess_op *,
                                     struct wess_result *);

/* ---- find.c
 * ------------------------------------------------------------------------------------------ */

struct ews_sieve;
void ews_sieve_text(struct ews_sieve *, const char *uri, const char *index, const char *value);
void ews_search_contact(struct ews_sieve *, const char *space, const char *value);
void ews_search_event(struct ews_sieve *, const char *space, const char *value);
void ews_search_summary(struct ews_sieve *, const char *space, const char *value);

/* ---- the slots
 * ------------------------------------------------------------------------------------------ */

/* The folder of that name in the mailbox that the settings open. */
void ews_distinguished(const struct wess_conn *, struct xml_out *, const char *name);
/* Resolves, once: the folders that are read; with `all` every folder where a item may lie. */
enum wess_code ews_folders(struct wess_call *, bool all);
enum wess_code ews_check(struct wess_call *);
enum wess_code ews_changes(struct wess_call *, struct wess_slice, uint32_t, struct wess_page *);
enum wess_code ews_fetch(struct wess_call *, struct wess_list, struct wess_result *);
enum wess_code ews_tags(struct wess_call *, const struct wess_fact **, size_t *n);
enum wess_code ews_find(struct wess_call *, const struct wess_key *, size_t, struct wess_page *);
enum wess_code ews_apply(struct wess_call *, const struct wess_op *, size_t, struct wess_result *);

#endif
