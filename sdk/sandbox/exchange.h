/* The Exchange side. Section numbers are those of docs/ews.md. */
#ifndef SANDBOX_EXCHANGE_H
#define SANDBOX_EXCHANGE_H

#include <libxml/tree.h>

#include "sandbox.h"

#define PROPS 128u
struct ex_prop {         /* one property, in the order of the schema, kind by kind */
    const char *uri;     /* "contacts:GivenName", or of a set "contacts:EmailAddress" */
    const char *element; /* "GivenName", or the set's "EmailAddresses" */
    const char *key;     /* of a set's entry: "EmailAddress1" */
    const char *sub;     /* of a postal address: "Street" */
    const char *preset;  /* what is there when nobody said anything; NULL: nothing */
    bool xml;            /* its value is kept as it was written, elements and all */
};
struct ex_item;
extern const struct ex_prop ex_props[PROPS];                   /* uri NULL behind the last */
int ex_prop_find(const char *uri, const char *key);            /* -1 */
const char *ex_value(const struct ex_item *, const char *uri); /* NULL: none */
void ex_put(struct ex_item *, const char *uri, const char *value);

struct ex_extended {
    char *set, *name, *tag, *type, *value;
};
struct ex_attachment {
    char *id, *name, *type; /* type NULL: not told */
    char *element;          /* of an item, whose MIME `bytes` are; NULL: a file */
    char *bytes;
    size_t len;
    bool photo, inlined;
    int64_t modified_ms;
};
struct ex_item {
    char *id, *klass; /* "IPM.Contact", "IPM.DistList" */
    int folder;
    int64_t seq, created_seq; /* of the last change, of its coming into this folder */
    int64_t modified_ms, created_ms;
    char *value[PROPS], *sensitivity, *body;
    bool body_html;
    char *mime; /* of a message, as it came */
    size_t mime_len;
    char **categories;
    size_t n_categories;
    struct ex_attachment *attachments;
    size_t n_attachments;
    char *global_id;         /* what its UID is found by */
    char *master, *original; /* of a changed occurrence: its series, and when it was to begin */
    struct ex_extended *extended;
    size_t n_extended;
};
struct ex_folder {
    char *id, *distinguished, *name, *klass;
    int parent;
};
struct ex_deletion {
    int folder;
    char *id;
    int64_t seq, created_seq;
};
struct ex_mailbox {
    const struct sb_user *user;
    struct ex_folder folders[16];
    size_t n_folders;
    struct ex_item **items; /* in the order of creation */
    size_t n_items, cap_items;
    struct ex_deletion *deletions;
    size_t n_deletions;
    int64_t seq, oldest; /* states before `oldest` are no longer known */
    bool out_of_scope;   /* of the role by which the service account impersonates */
    char *categories;    /* the list of them, XML; NULL: it has none */
    char *delegates;     /* logins that may work in it, "," between; NULL: none */
    int64_t window_ms;   /* since when requests are counted */
    long asked;          /* since then */
};
extern struct ex_mailbox *ex_mailboxes;
extern size_t ex_n_mailboxes;

/* exchange_budget.c: whether that is one request too many, and how long to wait */
bool ex_over_budget(struct ex_mailbox *, int64_t *wait_ms);

/* exchange_store.c */
void ex_store_start(void);
void ex_store_stop(void);
/* false: there is no room for more. */
bool ex_folder_new(struct ex_mailbox *, const char *name, const char *klass, int parent);
struct ex_mailbox *ex_mailbox(const char *address);
int ex_folder_of(const struct ex_mailbox *, const char *id_or_name, bool distinguished);
struct ex_item *ex_item_new(struct ex_mailbox *, int folder, const char *klass);
struct ex_item *ex_item(struct ex_mailbox *, const char *id);
void ex_item_touch(struct ex_mailbox *, struct ex_item *);
void ex_item_remove(struct ex_mailbox *, struct ex_item *);           /* for good */
void ex_item_move(struct ex_mailbox *, struct ex_item *, int folder); /* a new id */
struct ex_item *ex_item_copy(struct ex_mailbox *, const struct ex_item *, int folder);
void ex_set(char **slot, const char *value); /* empty: none */
void ex_change_key(const struct ex_item *, char out[64]);
void ex_categories(struct ex_item *, char **of, size_t n);
void ex_extend(struct ex_item *, const struct ex_extended *);
const struct ex_extended *ex_extended_of(const struct ex_item *, const struct ex_extended *path);
void ex_extended_remove(struct ex_item *, const struct ex_extended *path);

/* exchange_kinds.c: what tells contacts, tasks and events apart (sections 7 and 8) */
#define EX_KINDS 4u
struct ex_kind {
    const char *klass, *element, *folder; /* "IPM.Task", "Task", "IPF.Task" */
    const char *prefix;                   /* "task:" */
    const char *wrong;                    /* folder: the error of a create elsewhere */
};
const struct ex_kind *ex_kind_of(const struct ex_item *);
const struct ex_kind *ex_kind_named(const char *element); /* NULL: none */
bool ex_is_of(const struct ex_kind *, const char *uri);
/* Which kinds' own property that is; adds to them. */
void ex_asks(bool of_kind[EX_KINDS], const char *uri);
/* Whether one of those kinds is another than the item's. */
bool ex_asks_other(const bool of_kind[EX_KINDS], const struct ex_item *);
/* After one property was written: what goes along with it, or the error of the value. */
const char *ex_settle(struct ex_item *, const char *uri);
/* When all of a request was written: what an event has of the server, or what is wrong with it. */
const char *ex_finish(const struct ex_mailbox *, struct ex_item *);
bool ex_has_attendees(const struct ex_item *);
bool ex_is_zone(const char *element);  /* whose value is its attribute Id */
extern unsigned long ex_outbox;        /* writes that would have sent mail to attendees */
extern unsigned long ex_outbox_people; /* and to how many of them */
char *ex_inner(const xmlNode *);       /* what is in it, as text, with the prefix "t:" */

/* exchange_categories.c: the mailbox's list of them */
void ex_categories_start(void);                               /* of what the items bear */
void ex_category_made(struct ex_mailbox *, const char *name); /* by a person */
bool ex_category_rename(struct ex_mailbox *, const char *from, const char *to);

/* exchange_attach.c */
void ex_attach_free(struct ex_item *);
void ex_attach_copy(struct ex_item *to, const struct ex_item *from);
const char *ex_attach_take(struct ex_item *, const xmlNode *attachments); /* NULL, or the error */
void ex_attach_list(struct sb_buf *, const struct ex_item *);
/* How many pictures it has, and SHA-256 of the one that counts. */
size_t ex_attach_photo(const struct ex_item *, char digest[65]);
bool ex_attach_control(struct ex_item *, const char *query);
void ex_attach(struct ex_item *, const char *name, char *data, size_t len); /* data: is taken */
void ex_detach(struct ex_item *, const char *name);
bool ex_attach_has(const struct ex_item *);
void ex_attach_digest(const struct ex_attachment *, char out[65]); /* SHA-256 of it */

/* exchange_mail.c */
void ex_mail_came(const struct ex_mailbox *, struct ex_item *, const char *query);
/* MimeContent of a create, in base64; false: it is none. */
bool ex_mail_take(struct ex_item *, const char *base64);
/* A message that was made without one. */
void ex_mail_make(struct ex_item *);
/* A person attaches a file: name, and text or size; or an item, by its element's name and MIME. */
void ex_mail_attach(struct ex_item *, const char *query);
void ex_mail_write(struct sb_buf *, const struct ex_item *); /* MimeContent */
void ex_mail_digest(const struct ex_item *, char out[65]);   /* SHA-256 of it */

/* exchange_series.c */
/* The item that an OccurrenceItemId names: as its series is, until it is changed. */
struct ex_item *ex_series_item(struct ex_mailbox *, const xmlNode *occurrence_id,
                               const char **error);
void ex_series_tell(struct ex_mailbox *, struct ex_item *changed); /* its series shows it */
void ex_series_drop(struct ex_mailbox *, struct ex_item *one);     /* deleted from its series */
void ex_series_forget(struct ex_mailbox *, const struct ex_item *master);
/* By ItemId, OccurrenceItemId or RecurringMasterItemId. */
struct ex_item *ex_named_item(struct ex_mailbox *, const xmlNode *id, const char **error);

/* exchange_time.c */
#define EX_TIME 64 /* bytes of a dateTime, with room */
bool ex_is_time(const char *uri);
/* The zone that the header asks for, until the next call; NULL, or the error: it is none. */
const char *ex_time_context(const xmlNode *header);
/* A dateTime as "2030-07-04T07:00:00Z"; without an offset it is of that zone of Windows, else of
 * the header's. false: it is none. */
bool ex_utc(const char *text, const char *windows, char out[EX_TIME]);
void ex_shown(const char *utc, char out[EX_TIME]);  /* in the zone that was asked for */
struct _icaltimezone *ex_zone(const char *windows); /* NULL: not known */

/* exchange_order.c: NULL, or the name of the element that is out of order or not known there. */
const char *ex_order(const xmlNode *operation);

/* exchange_auth.c: the signed-in account, or NULL and the 401 is in `out`. */
const char *ex_sign_in(const struct sb_request *, struct sb_response *out);
/* How the account of ex_sign_in() came: a token changes what its bearer may say. */
enum ex_caller { EX_ACCOUNT, EX_APP, EX_PERSON };
enum ex_caller ex_caller(void);
bool ex_password(const char *username, const char *password);

/* exchange_who.c: the mailbox that a request is for, by its header and by what it names; NULL: the
 * fault's code is in *code. */
struct ex_mailbox *ex_whose(const struct sb_request *, const xmlNode *header, const xmlNode *op,
                            const char *account, const char **code);
/* Whether that mailbox may be opened beside the caller's own. */
bool ex_may_open(const struct ex_mailbox *own, const struct ex_mailbox *other);
/* scope (mailbox, in), delegate (mailbox, to); false: not known. */
bool ex_who_control(const char *action, const char *query);

/* exchange_discover.c: Autodiscover. */
bool ex_discover_is_mine(const char *path);
void ex_discover(const struct sb_request *, struct sb_response *);

/* exchange_xml.c */
const xmlNode *ex_child(const xmlNode *, const char *name);
const xmlNode *ex_next(const xmlNode *); /* the next element */
const xmlNode *ex_first(const xmlNode *);
char *ex_attr(const xmlNode *, const char *name); /* malloc'ed by libxml2; xmlFree() */
char *ex_text(const xmlNode *);
void ex_escape(struct sb_buf *, const char *text);
struct ex_shape {
    bool all, props[PROPS], categories, sensitivity, body, html, modified, created, folder, subject,
        klass, complete_name, text_only, mime, attachments, has_attachments;
    bool of_kind[EX_KINDS]; /* a property of that kind was asked for by name */
    struct ex_extended *extended;
    size_t n_extended;
    const struct sb_request *request;
};
void ex_shape_read(const xmlNode *item_shape, struct ex_shape *);
void ex_shape_free(struct ex_shape *);
void ex_item_write(struct sb_buf *, const struct ex_mailbox *, const struct ex_item *,
                   const struct ex_shape *, bool sync);
void ex_extended_read(const xmlNode *path, struct ex_extended *); /* ExtendedFieldURI */
void ex_extended_free(struct ex_extended *);

#endif
