/* The frame of wess-sandbox: what the HTTP server, the clock, the faults and the data set offer to
 * the two rehearsal servers (Exchange in exchange_*.c, Workbooks in workbooks_*.c).
 *
 * Nothing here is shared with plugins/ or sdk/src: the sandbox must be able to contradict them. */
#ifndef WESS_SANDBOX_H
#define WESS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing byte buffer, always zero-terminated behind `len`. */
struct sb_buf {
    char *data;
    size_t len, cap;
};
void sb_buf_add(struct sb_buf *, const void *data, size_t len);
void sb_buf_str(struct sb_buf *, const char *text);
void sb_buf_fmt(struct sb_buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sb_buf_free(struct sb_buf *);

/* One request, whole. Everything lives until the handler returns. */
struct sb_request {
    const char *method; /* "POST" */
    const char *path;   /* "/EWS/Exchange.asmx", without the query */
    const char *query;  /* raw, without '?'; "" if none */
    const char *body;   /* zero-terminated behind body_len */
    size_t body_len;
    void **connection; /* a slot that lives as long as the TCP connection (NTLM state); malloc'ed,
                          freed with free() by the frame */
    const void *ctx;   /* of the frame */
};
/* A parameter of a query or form, decoded, malloc'ed; NULL: not there. `nth` counts repetitions. */
char *sb_param(const char *query, const char *name, size_t nth);
/* Calls `each` for every parameter in order, decoded. */
void sb_params(const char *query, void (*each)(void *ctx, const char *name, const char *value),
               void *ctx);
const char *sb_header(const struct sb_request *, const char *name); /* NULL: not sent */

struct sb_response {
    int status;       /* preset to 200 */
    const char *type; /* content type, static text */
    struct sb_buf body;
    struct sb_buf headers; /* "Name: value\n" lines */
    int64_t pause_ms;      /* before it goes out */
    /* An answer without an end, instead of a body: bytes, 0: nothing now, -1: the end, -2: cut. */
    long (*more)(void *ctx, char *buf, size_t max);
    void (*more_free)(void *ctx);
    void *more_ctx;
};

/* The clock that a test or the demo can move; both servers tell their time by it and nothing else.
 * Milliseconds since 1970, UTC. */
int64_t sb_now_ms(void);
void sb_clock_move(int64_t ms);

/* Faults. A server asks at named places whether a fault is due there; the frame counts the calls of
 * the place and answers by the plan (command line or control request). `op` is the server's word
 * for the request, "ews:CreateItem" or "workbooks:people:PUT". Delays, cut connections, HTTP
 * statuses and answers lost after the write are carried out by the frame itself, round the handler.
 */
enum sb_fault {
    SB_FAULT_NONE,
    SB_FAULT_BUSY,        /* EWS ErrorServerBusy with BackOffMilliseconds = arg; Workbooks: 302 */
    SB_FAULT_STALE,       /* answer as if the revision were stale */
    SB_FAULT_BAD_STATE,   /* EWS: ErrorInvalidSyncStateData */
    SB_FAULT_REFUSE_ITEM, /* one item of the batch (index arg) is refused */
    SB_FAULT_PASSWORD,    /* as if the password were wrong */
    SB_FAULT_TRUNCATE,    /* a body cut in the middle, well-framed HTTP */
    SB_FAULT_GARBAGE,     /* HTTP 200 with bytes that are no document */
    SB_FAULT_FORBIDDEN_CHAR, /* a control character reference in a text */
    SB_FAULT_CODE,           /* EWS: a SOAP fault of this code, in German */
    SB_FAULT_CODE_200,       /* the same with HTTP 200 */
    SB_FAULT_MESSAGE,        /* EWS: every response message has this code, nothing is done */
    SB_FAULT_LIMIT,          /* EWS: more items than this take too long */
    SB_FAULT_STOP, /* EWS: the item of this index has the code behind '/', the rest is not tried */
    SB_FAULT_SLOW, /* EWS: the answer about more items than this takes the ms behind '/' longer */
    SB_FAULT_START_OVER, /* EWS: the sync state is ignored, without a word */
};
enum sb_fault sb_fault_at(const struct sb_request *, const char *op, int64_t *arg);
const char *sb_fault_word(const struct sb_request *); /* of the fault's argument; "" */
/* Requests of that kind ("ews:") that wait or are worked on, this one included. */
long sb_under_way(const char *prefix);

/* The two servers. `sb_lock` is held by the frame while a handler runs, so a server needs no lock.
 */
struct sb_server {
    const char *name; /* "exchange", "workbooks" */
    void (*start)(const char *base_url);
    void (*handle)(const struct sb_request *, struct sb_response *);
    /* Names the request for the fault plan and the request log before it is handled. */
    void (*name_request)(const struct sb_request *, char *op, size_t cap);
    /* Control requests "POST /control/NAME/ACTION?arg=..&.." that act as a person would: edit, tag,
     * delete, list. Answers JSON. Returns false if it does not know the action. */
    bool (*control)(const char *action, const char *query, struct sb_buf *json_out);
    void (*stop)(void);
};
extern const struct sb_server sb_exchange, sb_workbooks;

/* The believable data both servers start with. Persons are numbered; a person can be in mailbox 1,
 * in mailbox 2 and in the CRM. NULL fields are empty. */
struct sb_person {
    const char *first, *middle, *last, *title, *job, *company;
    const char *email[3];
    const char *work_phone, *mobile, *home_phone, *fax;
    const char *street, *town, *region, *postcode, *country;
    const char *home_street, *home_town, *home_postcode, *home_country;
    const char *website, *note;
    bool in_mailbox[2], in_crm, tagged[2], is_private[2];
    int crm_queue; /* 0 nobody, 1 the first user's, 2 the second user's */
};
size_t sb_people(const struct sb_person **out);
/* The i-th person of user u in the data set "load": distinct people, each with an employer out of
 * `employers`. Texts live in `scratch`. */
#define SB_SCRATCH 2048u
void sb_load_person(unsigned user, unsigned i, unsigned employers, struct sb_person *out,
                    char scratch[SB_SCRATCH]);
/* Of the data set "load". */
struct sb_load {
    bool on, empty; /* on: generated mailboxes; empty: nothing at all on either side */
    unsigned users, contacts, employers;
    unsigned tagged; /* contacts of each mailbox that bear the tag */
};
extern struct sb_load sb_load;
#define SB_USERS_MAX 1024u
struct sb_user {
    char address[64], name[64], login[64], password[32];
};
extern struct sb_user sb_users[SB_USERS_MAX];
extern size_t sb_n_users;
extern const char *const sb_service_user, *const sb_service_password, *const sb_api_key;
/* Options both servers read: what `--switch NAME=VALUE` set (see --help), or the default. */
const char *sb_switch(const char *name, const char *fallback);
extern const char *sb_scheme; /* "http", "https": how clients reach the servers */

#endif
