/* The imap-tags connector: which messages of an IMAP mailbox bear which keywords. docs/imap-tags.md
 * says what it rests on. It reads with EXAMINE, and writes nothing but keywords that its settings
 * name. */
#ifndef IMAP_TAGS_IMAP_H
#define IMAP_TAGS_IMAP_H

#include <curl/curl.h>

#include "error.h"
#include "oauth.h"
#include "reader.h"
#include "wess/connector.h"

#define IMAP_PAGE 500u  /* messages of a page */
#define IMAP_FETCH 500u /* of one set of UIDs */
#define IMAP_WRITE 200u
#define IMAP_FOLDERS_MAX 1000u
#define IMAP_NAME_MAX 900u     /* bytes of a mailbox name, so that an id fits WESS_ID_MAX */
#define IMAP_KEYWORDS_MAX 200u /* of one message */

enum imap_feature {
    IMAP_CONDSTORE = 1,
    IMAP_QRESYNC = 2,
    IMAP_LIST_STATUS = 4,
    IMAP_SPECIAL_USE = 8,
    IMAP_IDLE = 16,
    IMAP_LITERAL_PLUS = 32,
    IMAP_ENABLE = 64,
    IMAP_EXTENDED_LIST = 128,
    IMAP_NOTIFY = 256,
};
struct imap_folder {
    char *name; /* as the server writes it */
    char *path; /* in UTF-8, levels parted by slashes */
    uint32_t messages, uidnext, uidvalidity;
    uint64_t modseq; /* 0: it keeps none */
};
struct imap_folders { /* sorted by the ids of their messages */
    struct imap_folder *of;
    size_t n, cap;
};
struct imap_tag { /* "keyword=Tag" of the settings */
    char *keyword, *tag;
};
struct imap_batch { /* commands that go out together */
    char *text;
    size_t len, cap, n;
    unsigned first; /* tag of the first */
    bool no_memory;
};
/* A query that is asked before its answer is wanted, so that the server works meanwhile. */
struct imap_ahead {
    struct imap_batch batch; /* `text` until it is sent */
    size_t folder;
    uint32_t lo, hi; /* of UIDs */
};
struct wess_conn {
    const struct wess_host *host;
    CURL *easy; /* NULL: not connected */
    struct imap_reader reader;
    unsigned tag; /* of the last command */
    char greeting[200], refusal[200];
    uint32_t features;
    bool knows_features, heard_features, enabled;
    struct imap_folders folders;
    bool listed;      /* on this connection */
    bool fresh;       /* the numbers in them are of now */
    size_t at_folder; /* what is selected; SIZE_MAX: nothing */
    bool at_writable;
    uint64_t requests, sent, came;
    struct imap_ahead ahead; /* of batch.n 0: none */
    uint64_t came_most;      /* of the answer under way: more is too much */
    int64_t answered_by;     /* monotonic: by then it has to be there */
    struct oauth oauth;      /* of a token that is fetched */
    bool fetches, refused_token;
    /* settings */
    const char *url, *username, *authorize, *auth, *identity;
    char **include, **exclude, **write;
    bool *met; /* of `include`: whether a folder of that name was listed */
    struct imap_tag *map;
    char **pairs; /* what `map` points into */
    size_t n_include, n_exclude, n_write, n_map;
};

/* ---- settings.c
 * ------------------------------------------------------------------------------------------ */

#define IMAP_N_OPTIONS 20u
extern const struct wess_option imap_options[IMAP_N_OPTIONS];
enum wess_code imap_open(const struct wess_host *, struct wess_conn **, struct wess_error *);
void imap_close(struct wess_conn *);

/* ---- wire.c: the connection. libcurl connects, agrees on TLS and signs in
 * ------------------------------------------------------------------------------------------ */

enum wess_code imap_connect(struct wess_call *);
/* After a fault nothing more can be said on it: the next call makes another. */
void imap_disconnect(struct wess_conn *);
/* One more command; without its tag and line end. */
void imap_say(struct wess_conn *, struct imap_batch *, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* As a quoted string, or a literal. false: this server takes no such text. */
bool imap_put_string(struct wess_conn *, struct imap_batch *, const char *text);
void imap_put(struct imap_batch *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "5" or "5:7", behind a comma where something stands before it. By hand: sets are long. */
void imap_put_range(struct imap_batch *, uint32_t first, uint32_t last, bool comma);
/* What each untagged response is given to. Anything but WESS_OK ends the call. */
typedef enum wess_code imap_taker(void *ctx, const struct imap_response *);
/* Sends them, and reads to the answer of the last. WESS_REJECTED: a command was refused, with the
 * server's code in call->error; `done` (or NULL) tells of each command whether it was carried out,
 * `modified` (or NULL) whether one of them left something undone for UNCHANGEDSINCE. */
enum wess_code imap_run(struct wess_call *, struct imap_batch *, imap_taker *, void *ctx);
enum wess_code imap_run_noting(struct wess_call *, struct imap_batch *, imap_taker *, void *ctx,
                               enum imap_status *done, bool *modified);
/* c->ahead, once its batch is filled: sent when nothing else is under way, for a server may answer
 * two queries interleaved (RFC 3501 5.5); that is as soon as the answer to what was asked before it
 * has come, and before it is looked at. Its answer is taken by imap_take_ahead(), or dropped when
 * anything else is said first. */
enum wess_code imap_send_ahead(struct wess_call *);
enum wess_code imap_take_ahead(struct wess_call *, imap_taker *, void *ctx);
enum wess_code imap_not_understood(struct wess_call *, const char *what);
enum wess_code imap_spent(struct wess_call *);

/* RFC 5530: whether a refusal is of the moment, by its code. */
bool imap_of_the_moment(const char *code);

/* ---- signin.c
 * ------------------------------------------------------------------------------------------ */

enum wess_code imap_read_oauth(struct wess_conn *, struct wess_error *);
bool imap_takes_token(const struct wess_conn *);
/* Puts into the handle who signs in, and by what. */
enum wess_code imap_credentials(struct wess_call *, CURL *);
enum wess_code imap_judge_sign_in(struct wess_call *, CURLcode, const char *text);
/* Another token for the one that was just refused. false: there is none, or it was no token. */
bool imap_renew(struct wess_call *);
enum wess_code imap_login(struct wess_call *, void (*say)(void *ctx, const char *text), void *ctx);

/* ---- folders.c
 * ------------------------------------------------------------------------------------------ */

/* Which folders there are and what they count: one round trip where the server can. */
enum wess_code imap_list(struct wess_call *);
void imap_folders_fini(struct imap_folders *);
/* The words that choose ("inbox", "Projects/2030", "Projects/\*", "*"). */
bool imap_is_chosen(struct wess_conn *, const char *path, const char *use);
/* Opens it: EXAMINE, or SELECT for writing. The commands are put into the batch. */
void imap_put_select(struct wess_conn *, struct imap_batch *, size_t folder, bool writable);
/* Takes what a SELECT answers of its mailbox. */
struct imap_selected {
    uint32_t uidvalidity, exists;
    uint64_t modseq;
    bool any_keyword, permanent; /* PERMANENTFLAGS has "\*"; it was told */
};
void imap_take_selected(struct imap_selected *, const struct imap_response *);

/* ---- tags.c
 * ------------------------------------------------------------------------------------------ */

/* What a keyword means; NULL: nothing, or the arena is spent (*spent). */
const char *imap_tag_of(struct wess_call *, struct imap_text keyword, bool *spent);
/* Sorted, each once. WESS_TOO_BIG: spent. */
enum wess_code imap_tags(struct wess_call *, struct imap_at flags, struct wess_list *);
/* The keyword that stands for a tag; NULL: no keyword can. */
const char *imap_keyword_of(struct wess_call *, const char *tag);
bool imap_may_write(const struct wess_conn *, const char *tag);
/* Of what the keywords say, where a server keeps no MODSEQ. */
const char *imap_digest(struct wess_call *, struct wess_list tags);

/* ---- item.c
 * ------------------------------------------------------------------------------------------ */

const char *imap_id(struct wess_call *, const struct imap_folder *, uint32_t uid);
uint32_t imap_id_uid(const char *id); /* of an id that imap_id() made */
/* false: no id of ours, or its folder is not there, or is another one by now. */
bool imap_id_read(const struct wess_conn *, const char *id, size_t *folder, uint32_t *uid);
/* Where the ids of folder `a` stand against those of `b`. */
int imap_folder_order(const struct imap_folder *a, const struct imap_folder *b);
/* A folder, and what is the same of many of its messages; good for one call. */
struct imap_meaning { /* of flags as they are written, both in the arena */
    struct imap_text flags;
    struct wess_list tags;
};
struct imap_within {
    size_t folder;
    const char *path; /* in the arena; NULL: not asked for yet */
    struct imap_meaning meanings[8];
    size_t n_meanings; /* ever put in */
};
/* Facts of what a FETCH told; without keys. */
enum wess_code imap_item(struct wess_call *, struct imap_within *, const struct imap_fetch *,
                         struct wess_item *);
/* Its key, of the header field by which it is known; none when it has no such field. */
enum wess_code imap_add_key(struct wess_call *, struct imap_text header, struct wess_item *);

/* ---- fetch.c
 * ------------------------------------------------------------------------------------------ */

enum { IMAP_FLAGS = 1, IMAP_HEADER = 2 }; /* with MODSEQ where there is one; the identity */
void imap_put_fetch(struct wess_conn *, struct imap_batch *, unsigned what);
struct imap_wanted { /* a message, and whose place in a list is its */
    size_t folder, i;
    uint32_t uid;
};
/* "5:7,9"; in the order of UIDs. */
void imap_put_set(struct imap_batch *, const struct imap_wanted *, size_t n);
/* The first one of that UID, of those of one folder in the order of UIDs; n: there is none. */
size_t imap_place_of(const struct imap_wanted *, size_t n, uint32_t uid);

/* ---- identity.c
 * ------------------------------------------------------------------------------------------ */

/* Reads the keys of those of the changes, which are of one folder and in the order of UIDs, that
 * are marked WESS_BRIEF, and takes the mark off; those that are gone meanwhile are left out, and
 * *n is what is left. */
enum wess_code imap_read_identities(struct wess_call *, size_t folder, struct wess_change *,
                                    size_t *n);

/* ---- scan.c, write.c, watch.c
 * ------------------------------------------------------------------------------------------ */

const char *imap_generation(struct wess_call *);
enum wess_code imap_changes(struct wess_call *, struct wess_slice, uint32_t, struct wess_page *);
enum wess_code imap_fetch(struct wess_call *, struct wess_list, struct wess_result *);
enum wess_code imap_find(struct wess_call *, const struct wess_key *, size_t, struct wess_page *);
enum wess_code imap_apply(struct wess_call *, const struct wess_op *, size_t, struct wess_result *);
enum wess_code imap_watch_open(const struct wess_host *const *, size_t, struct wess_watch **,
                               struct wess_error *);
int imap_watch_fd(struct wess_watch *);
enum wess_code imap_watch_ready(struct wess_watch *, bool *woken, int64_t *next_ms,
                                struct wess_error *);
void imap_watch_close(struct wess_watch *);

#endif
