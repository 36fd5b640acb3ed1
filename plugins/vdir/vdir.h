/* The vdir connector: a folder with one item in each file: cards, events or tasks. docs/vdir.md
 * says what it rests on. */
#ifndef VDIR_VDIR_H
#define VDIR_VDIR_H

#include <sys/stat.h>
#include <time.h>

#include "error.h"
#include "lines.h"
#include "names.h"
#include "wess/connector.h"

#define VDIR_PAGE 500u /* of a listing */
#define VDIR_FETCH 250u
#define VDIR_WRITE 600u
#define VDIR_STAMP "X-WESS-STAMP"

struct wess_conn {
    const struct wess_host *host;
    const char *zone;             /* where its owner lives; NULL: UTC */
    const struct vdir_kind *kind; /* what its files are */
    const char *path;
    bool attachments; /* files within calendar files travel */
    bool new_is_v4;   /* what a new file is written as */
    bool tidied;      /* what a killed process left was looked for */
    /* The listing under way: pages are cut from one look into the folder. */
    struct names names;
    size_t next;
};

/* ---- kinds: what the files are. Reading, writing and finding them know no more of it than this
 * ------------------------------------------------------------------------------------------ */

struct vdir_kind {
    const char *kind, *collection, *title;
    const char *suffix; /* the end of their names */
    const char *format; /* for people */
    const struct wess_field_schema *schema;
    const size_t *n_schema;
    /* false: no file that can be worked on; the fault says where and why. */
    bool (*read)(struct lines *, const char *bytes, size_t len, struct lines_fault *);
    /* The part of it behind lines_read(); NULL: not without the bytes. */
    bool (*frame)(struct lines *, struct lines_fault *);
    /* It may be sound, and yet nothing of this collection. */
    bool (*is_ours)(const struct lines *);
    /* Facts, or facts and content. WESS_TOO_BIG: the arena is spent. */
    enum wess_code (*item)(struct wess_call *, const struct lines *, const char *id, bool whole,
                           struct wess_item *);
    /* What a new one begins as. */
    void (*blank)(struct wess_call *, const struct wess_op *, const char *uid, struct lines_buf *);
    /* Fields that it cannot hold are named in the result. WESS_TOO_BIG: out of memory. */
    enum wess_code (*edit)(struct wess_call *, struct lines *, const struct wess_op *,
                           struct wess_result *);
    const char *(*read_only)(const struct lines *); /* why; NULL: it may be written */
};
extern const struct vdir_kind vdir_contacts;

/* ---- vcard.c: the frame of a card
 * ------------------------------------------------------------------------------------------ */

enum vcard_version { VCARD_21 = 21, VCARD_30 = 30, VCARD_40 = 40 };
bool vcard_read(struct lines *, const char *bytes, size_t len, struct lines_fault *);

/* ---- fields.c: one table, both ways
 * ------------------------------------------------------------------------------------------ */

enum vdir_form { VDIR_TEXT, VDIR_URI, VDIR_DATE, VDIR_PART };
#define VDIR_NAMES 5
struct vdir_field {
    const char *name; /* the core's */
    enum vdir_form form;
    size_t part;                   /* VDIR_PART: which component */
    const char *label;             /* Apple's, of an X-AB property; NULL: none */
    const char *names[VDIR_NAMES]; /* properties, the best first; NULL at the end */
};
extern const struct vdir_field vdir_fields[];
extern const size_t vdir_n_fields;
extern const struct wess_field_schema vdir_schema[];
extern const size_t vdir_n_schema;

/* The line that holds a field; LINES_NONE: there is none. */
size_t vdir_line(const struct lines *, const struct vdir_field *);
/* What it says, in the arena. false: it is not understood, or call->arena is spent (*spent). */
bool vdir_read_line(struct wess_call *, const struct lines *, size_t line,
                    const struct vdir_field *, struct wess_slice *out, bool *spent);
/* The decoded value of a line, still escaped: the line's own bytes where there is nothing to undo,
 * else in the arena. */
bool vdir_decode(struct wess_call *, const struct line *, struct wess_slice *out, bool *spent);
bool vdir_unescape(struct wess_call *, struct wess_slice, struct wess_slice *out);

/* ---- records.c: what a card may have several of
 * ------------------------------------------------------------------------------------------ */

#define VDIR_UNRANKED 101u /* behind every PREF of RFC 6350 */
enum vdir_records { VDIR_MAIL, VDIR_PHONE, VDIR_PLACE };
/* A parameter: "work2", of a number or place where that is not its number in the order of the file,
 * since there is no first one. */
#define VDIR_SLOT "X-WESS-SLOT"
struct vdir_entry {
    size_t line;
    const char *key;        /* folded address; slot */
    struct wess_slice text; /* mail, phone: what is shown; place: still escaped */
    unsigned rank;          /* mail: place by preference */
    bool said;              /* its slot is that of VDIR_SLOT */
};
struct vdir_entries {
    struct vdir_entry *of;
    size_t n;
};
/* In their order. false: the arena is spent. */
bool vdir_entries(struct wess_call *, const struct lines *, enum vdir_records,
                  struct vdir_entries *);
extern const char *const vdir_record_field[];    /* "email", "phone", "address" */
extern const char *const vdir_record_property[]; /* "EMAIL", "TEL", "ADR" */
#define VDIR_PARTS 7u
extern const char *const vdir_place_part[VDIR_PARTS]; /* NULL: not shown */
struct wess_slice vdir_trimmed(struct wess_slice);    /* without white space at its ends */
/* Every element of every CATEGORIES, in the order of the file. */
bool vdir_tags(struct wess_call *, const struct lines *, struct wess_list *);

/* ---- photo.c: the picture, when it is in the card itself
 * ------------------------------------------------------------------------------------------ */

#define VDIR_PHOTO_MAX (512u << 10) /* bytes: in base64 and folded it leaves room in a file */
/* Spools it. *out stays WESS_NULL: the card has none, or its address alone. false: it cannot be
 * spooled. */
bool vdir_photo(struct wess_call *, const struct lines *, struct wess_field *out);

/* ---- item.c: a card as an item
 * ------------------------------------------------------------------------------------------ */

/* Every tag, sorted, each once. */
bool vdir_tag_set(struct wess_call *, const struct lines *, struct wess_list *);
/* A long text becomes a blob. */
bool vdir_spool(struct wess_call *, struct wess_slice, struct wess_field *);
bool vdir_is_contact(const struct lines *); /* no group of contacts, no place, no thing */
/* Facts, or facts and content. WESS_TOO_BIG: the arena is spent. */
enum wess_code vdir_item(struct wess_call *, const struct lines *, const char *id, bool whole,
                         struct wess_item *);
/* In the arena; NULL: none of our form. */
const char *vdir_stamp(struct wess_call *, const struct lines *, bool *spent);

/* ---- edit.c: an op as changes of lines
 * ------------------------------------------------------------------------------------------ */

/* A new card with nothing but its frame. */
void vdir_blank(struct lines_buf *, bool v4, const char *uid);
/* Fields that the card cannot hold are named in the result. WESS_TOO_BIG: out of memory. */
enum wess_code vdir_edit(struct wess_call *, struct lines *, const struct wess_op *,
                         struct wess_result *);
void vdir_refuse(struct wess_call *, struct wess_result *, const char *field, const char *text);

/* ---- file.c: the folder
 * ------------------------------------------------------------------------------------------ */

struct vdir_file {
    char *bytes;
    size_t len;
    struct stat st;
    bool young; /* as of vdir_is_young(), before its bytes were read */
    struct lines text;
    struct lines_fault fault; /* why: it is broken */
};
enum vdir_got { VDIR_READ, VDIR_GONE, VDIR_BAD, VDIR_FAILED }; /* FAILED: errno */

/* The folder of call->collection; the caller closes it. */
enum wess_code vdir_folder(struct wess_call *, int *dir);
enum wess_code vdir_failed(struct wess_call *, const char *what); /* what errno means */
/* One of ours: ends as they do, no path, no dot before. */
bool vdir_is_name(const struct vdir_kind *, const char *name);
/* Reads one file; vdir_file_fini() whatever came of it. */
enum vdir_got vdir_file_read(const struct vdir_kind *, int dir, const char *name,
                             struct vdir_file *);
void vdir_file_fini(struct vdir_file *);
/* Whether a file of that state may be written once more with the same time: its state proves
 * nothing yet. `now`: CLOCK_REALTIME_COARSE, the clock that files are marked with, before the look.
 */
bool vdir_is_young(const struct stat *, const struct timespec *now);
/* Of the state, and of the content too while the file is young. In the arena; NULL: spent. */
const char *vdir_revision(struct wess_call *, const struct vdir_file *);
/* Whether the file is what it was at that revision. */
bool vdir_is_revision(const char *revision, const struct vdir_file *);
const char *vdir_fault_text(struct wess_call *, const struct lines_fault *);
/* The whole item of a file that was read; code as of its kind. */
enum wess_code vdir_file_item(struct wess_call *, const struct vdir_file *, const char *name,
                              bool whole, struct wess_item *);

/* ---- list.c, read.c, find.c: looking through the folder
 * ------------------------------------------------------------------------------------------ */

struct vdir_sieve;
enum wess_code vdir_sieve_new(struct wess_call *, const struct wess_key *, size_t,
                              const struct vdir_sieve **out);     /* in the arena */
bool vdir_sieve(const struct vdir_sieve *, const struct lines *); /* may bear one of the keys */
struct vdir_paging {
    struct wess_call *call;
    int dir;
    struct timespec now;   /* vdir_is_young() */
    struct wess_vec found; /* struct wess_change */
};
/* What a folder lists. */
struct vdir_listed {
    bool (*is_name)(const void *conn, const char *name);
    enum wess_code (*one)(struct vdir_paging *, const char *name);
};
bool vdir_is_listed(const void *conn, const char *name); /* vdir_is_name() of its kind */
/* The names behind `after`. */
enum wess_code vdir_names(struct wess_call *, int dir, const char *after,
                          const struct vdir_listed *, struct names *);
enum wess_code vdir_page(struct wess_call *, struct wess_slice cursor, uint32_t limit,
                         const struct vdir_listed *, struct wess_page *);
extern const struct vdir_listed vdir_files;
/* Every file of the folder, in the order of names, until one answers another code than WESS_OK.
 * `call` of the paging is given. */
typedef enum wess_code vdir_look(struct vdir_paging *, const char *name, void *ctx);
enum wess_code vdir_each(struct vdir_paging *, vdir_look *, void *ctx);
enum wess_code vdir_one_failed(struct wess_call *, const char *name);
enum wess_code vdir_spent(struct wess_call *); /* the arena is */
enum wess_code vdir_cancelled(struct wess_call *);

/* ---- the slots
 * ------------------------------------------------------------------------------------------ */

enum wess_code vdir_changes(struct wess_call *, struct wess_slice, uint32_t, struct wess_page *);
enum wess_code vdir_fetch(struct wess_call *, struct wess_list, struct wess_result *);
enum wess_code vdir_find(struct wess_call *, const struct wess_key *, size_t, struct wess_page *);
enum wess_code vdir_apply(struct wess_call *, const struct wess_op *, size_t, struct wess_result *);

#endif
