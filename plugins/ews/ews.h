/* The Exchange connector: contacts of one mailbox over Exchange Web Services (MS-OXWS*). What is
 * known of the protocol, and how surely, is in docs/ews.md. */
#ifndef EWS_EWS_H
#define EWS_EWS_H

#include "error.h"
#include "http.h"
#include "wess/connector.h"
#include "xml.h"

#define EWS_PAGE 512u  /* MaxChangesReturned at most (MS-OXWSSYNC) */
#define EWS_FETCH 200u /* ids of one GetItem to begin with */
#define EWS_LANES 4u
#define EWS_WRITE 100u
#define EWS_SETTLE_MS 75000u               /* a batch may run for a minute */
#define EWS_ANSWER_BYTES ((size_t)2 << 20) /* of one GetItem: batches shrink towards it */
#define EWS_FOLDERS_MAX 64u
#define EWS_STAMP_SET "6a1f5c2e-94b3-4d0c-8f27-3f1f0c6b7a11"
#define EWS_STAMP_NAME "wess-stamp"

struct ews_folder {
    char *id, *path; /* path: for people; "" for Contacts itself */
};
struct wess_conn {
    const struct wess_host *host;
    struct http *http;
    const char *url, *username, *impersonate, *impersonate_as;
    enum http_auth auth;
    bool signed_in;             /* credentials are set */
    struct ews_folder *folders; /* [0] is Contacts */
    size_t n_folders;
    struct ews_folder *others; /* folders of contacts that are not read, for looking */
    size_t n_others;
    bool others_known;
    char *bin;        /* the folder of deleted items */
    char version[64]; /* "15.2.2562.17" */
    size_t batch;     /* ids of a GetItem, adapted to the size of answers */
};

/* ---- soap.c: envelopes and their answers
 * ------------------------------------------------------------------- */

void ews_begin(struct wess_conn *, struct xml_out *, const char *impersonate); /* up to the Body */
struct ews_answer {                                                            /* of one request */
    enum wess_code code; /* of the request as a whole */
    struct wess_error error;
    xmlDoc *doc;
    const xmlNode *messages; /* ResponseMessages: its children answer in order */
};
/* Sends up to EWS_LANES documents at once and takes their answers apart one by one: each(ctx, i,
 * answer) is called in order of the requests. `write`: what is lost is WESS_UNKNOWN. */
enum wess_code ews_send(struct wess_call *, struct xml_out *docs, size_t n, bool write,
                        enum wess_code (*each)(void *ctx, size_t i, const struct ews_answer *),
                        void *ctx);
/* Pure: what an HTTP answer is. The caller frees answer->doc. */
void ews_read(const struct http_response *, bool write, struct ews_answer *, char version[64]);

/* ---- codes.c: the one table of response codes
 * ---------------------------------------------------------------- */

struct ews_code {
    const char *name;
    enum wess_code code;
    enum wess_scope scope;
};
const struct ews_code *ews_code(const char *name); /* unknown: rejected, of the item */
/* Of a response message: WESS_OK, or what its ResponseCode means, with the error filled. */
enum wess_code ews_message(const xmlNode *message, bool write, struct wess_error *);

/* ---- fields.c: one table, both ways
 * ---------------------------------------------------------------------------- */

struct ews_field {                  /* in the order of the schema */
    const char *name, *slot, *part; /* vCard's */
    const char *uri, *index;        /* FieldURI; FieldIndex */
    const char *set, *element;      /* "EmailAddresses" or NULL; "GivenName", "Street" */
    uint32_t type;
};
extern const struct ews_field ews_fields[];
extern const size_t ews_n_fields;
extern const struct wess_field_schema ews_schema[];
extern const size_t ews_n_schema;
void ews_shape(struct xml_out *, bool whole); /* ItemShape: facts, or facts and content */
/* WESS_TOO_BIG: budget spent. `folder` is where it was listed, or NULL. */
enum wess_code ews_item(struct wess_call *, const xmlNode *contact, bool whole, struct wess_item *);
void ews_contact(struct wess_call *, struct xml_out *, const struct wess_op *);
void ews_updates(struct wess_call *, struct xml_out *, const struct wess_op *);
/* Fields that cannot be written as they are; sets result->refused. */
bool ews_refuses(struct wess_call *, const struct wess_op *, struct wess_result *);
void ews_path_stamp(struct xml_out *);

/* ---- the slots
 * ----------------------------------------------------------------------------------------------------
 */

enum wess_code ews_folders(struct wess_call *); /* resolves them once */
enum wess_code ews_others(struct wess_call *);  /* all further folders of contacts, once */
enum wess_code ews_check(struct wess_call *);
enum wess_code ews_changes(struct wess_call *, struct wess_slice, uint32_t, struct wess_page *);
enum wess_code ews_fetch(struct wess_call *, struct wess_list, struct wess_result *);
enum wess_code ews_find(struct wess_call *, const struct wess_key *, size_t, struct wess_page *);
enum wess_code ews_apply(struct wess_call *, const struct wess_op *, size_t, struct wess_result *);

#endif
