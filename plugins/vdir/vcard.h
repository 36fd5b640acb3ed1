/* A vCard (2.1, RFC 2426, RFC 6350) taken apart line by line, and put together again: what is not
 * changed stays byte for byte as it was, folds and line ends included. Pure: bytes in, bytes out.
 *
 *     struct vcard v;
 *     struct vcard_fault fault;
 *     if (vcard_read(&v, bytes, len, &fault))        `bytes` must outlive v
 *         vcard_set(&v, vcard_find(&v, "FN", 0), value);
 *     vcard_write(&v, &out);
 *     vcard_fini(&v);                                also after vcard_read() failed
 */
#ifndef VDIR_VCARD_H
#define VDIR_VCARD_H

#include "wess/connector.h"

#define VCARD_MAX ((size_t)1 << 20) /* bytes of a card */
#define VCARD_LINES_MAX 4096u       /* what is listed several times is compared with each other */
#define VCARD_NONE SIZE_MAX

enum vcard_version { VCARD_21 = 21, VCARD_30 = 30, VCARD_40 = 40 };

struct vcard_line {                        /* a property, or what only looks like one */
    size_t at, len, row;                   /* its bytes, line ends included; number of its line */
    struct wess_slice text;                /* unfolded */
    struct wess_slice group, name, params; /* of text; no name: no property, kept as it is */
    struct wess_slice value;               /* still escaped and encoded */
    char *now;                             /* what it is to be instead, unfolded; NULL: as it is */
    bool dropped;
};
struct vcard {
    const char *bytes;
    char *flat; /* all texts of lines */
    struct vcard_line *lines;
    size_t n, cap, end; /* end: the line END:VCARD */
    size_t n_read;      /* lines of the file; what was added comes behind them */
    enum vcard_version version;
    bool spent; /* out of memory: do not write it */
};
struct vcard_fault {
    size_t line;     /* from 1; 0: of the whole */
    const char *why; /* static */
};

/* false: no vCard that can be worked on; the fault says where and why. */
bool vcard_read(struct vcard *, const char *bytes, size_t len, struct vcard_fault *);
void vcard_fini(struct vcard *);

/* The first property of that name from line `from` on that was not dropped; VCARD_NONE: none. */
size_t vcard_find(const struct vcard *, const char *name, size_t from);
bool vcard_is(const struct vcard_line *, const char *name);

/* ---- parameters
 * ------------------------------------------------------------------------------------------ */

struct vcard_words { /* every word of every parameter, lists and quotes taken apart */
    struct wess_slice rest, list;
    struct wess_slice name, word; /* name: empty for a bare word, as vCard 2.1 has them */
};
struct vcard_words vcard_words(const struct vcard_line *);
bool vcard_next_word(struct vcard_words *);
bool vcard_has_type(const struct vcard_line *, const char *word); /* TYPE=word, or bare */
/* The first word of the parameter; no data: it is not there. */
struct wess_slice vcard_param(const struct vcard_line *, const char *name);

/* ---- values
 * ------------------------------------------------------------------------------------------ */

/* Undoes a transfer encoding; the text is still escaped. `out` has room for value.len + 1 bytes.
 * false: no text that is understood (base64, a foreign character set). */
bool vcard_decode(const struct vcard_line *, char *out, size_t *len);
/* The i-th component between semicolons, still escaped; false: there are not so many. */
bool vcard_component(struct wess_slice value, size_t i, struct wess_slice *out);
/* Takes the next element of a list from `rest`, still escaped. */
bool vcard_next_in_list(struct wess_slice *rest, struct wess_slice *out);
size_t vcard_unescape(struct wess_slice, char *out); /* room for len + 1 */

struct vcard_buf { /* text that grows; a zero behind its end */
    char *data;
    size_t len, cap;
    bool spent;
};
void vcard_put(struct vcard_buf *, const char *text, size_t len);
void vcard_puts(struct vcard_buf *, const char *text);
/* Escaped as a text; control characters are left out, line ends are LF. */
void vcard_put_escaped(struct vcard_buf *, struct wess_slice);
/* What is escaped already. A backslash that stood last must not escape what follows, and a line end
 * that a transfer encoding had hidden becomes an escaped one. */
void vcard_put_part(struct vcard_buf *, struct wess_slice);
/* Without what would end a line: for addresses, which are not escaped. */
void vcard_put_line(struct vcard_buf *, struct wess_slice);
void vcard_buf_fini(struct vcard_buf *);

/* ---- changing
 * ------------------------------------------------------------------------------------------ */

/* Another value for a line, already escaped; group, name and parameters stay, but for those that
 * tell how the old value was encoded. */
void vcard_set(struct vcard *, size_t line, struct wess_slice value);
/* The same line as text, as vcard_set() would make it, without any mark of preference but `mark`.
 */
void vcard_plain(const struct vcard_line *, struct wess_slice value, const char *mark,
                 struct vcard_buf *out);
void vcard_replace(struct vcard *, size_t line, const char *text); /* the whole of it */
/* With the label of its group, when nothing else is left of that. */
void vcard_drop(struct vcard *, size_t line);
void vcard_add(struct vcard *, const char *text); /* before the end */
/* Takes l->text apart; what was changed reads as it is to be. */
void vcard_take_apart(struct vcard_line *l);
struct vcard_line *vcard_new_line(struct vcard *); /* NULL: out of memory */
/* The card as it is to be; out->spent: out of memory. */
void vcard_write(const struct vcard *, struct vcard_buf *out);

#endif
