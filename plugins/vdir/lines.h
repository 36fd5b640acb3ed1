/* A text of content lines (RFC 2425; vCard and iCalendar are written in them) taken apart line by
 * line, and put together again: what is not changed stays byte for byte as it was, folds and line
 * ends included. What the lines mean is for others. Pure: bytes in, bytes out.
 *
 *     struct lines v;
 *     struct lines_fault fault;
 *     if (lines_read(&v, bytes, len, &fault))        `bytes` must outlive v
 *         lines_set(&v, lines_find(&v, "FN", 0), value);
 *     lines_write(&v, &out);
 *     lines_fini(&v);                                also after lines_read() failed
 */
#ifndef VDIR_LINES_H
#define VDIR_LINES_H

#include "wess/connector.h"

#define LINES_BYTES ((size_t)1 << 20) /* bytes of a file */
#define LINES_MAX 4096u               /* what is listed several times is compared with each other */
#define LINES_NONE SIZE_MAX

struct line {                              /* a property, or what only looks like one */
    size_t at, len, row;                   /* its bytes, line ends included; number of its line */
    struct wess_slice text;                /* unfolded */
    struct wess_slice group, name, params; /* of text; no name: no property, kept as it is */
    struct wess_slice value;               /* still escaped and encoded */
    char *now;                             /* what it is to be instead, unfolded; NULL: as it is */
    size_t before; /* of one that was added: the line of the file before which it goes */
    bool dropped;
    bool aside; /* not of the item itself: lines_find() passes it by */
};
struct lines {
    const char *bytes;
    char *flat; /* all texts of lines */
    struct line *lines;
    size_t n, cap, end; /* end: the line before which new ones go */
    size_t n_read;      /* lines of the file; what was added comes behind them */
    unsigned version;   /* of the format: its reader's */
    size_t item;        /* where the item itself begins: its reader's */
    bool spent;         /* out of memory: do not write it */
};
struct lines_fault {
    size_t line;     /* from 1; 0: of the whole */
    const char *why; /* static */
};

/* false: no lines that can be worked on; the fault says where and why. `end` is left to who knows
 * the format. */
bool lines_read(struct lines *, const char *bytes, size_t len, struct lines_fault *);
void lines_fini(struct lines *);

/* The first property of that name from line `from` on that was not dropped; LINES_NONE: none. */
size_t lines_find(const struct lines *, const char *name, size_t from);
bool lines_is(const struct line *, const char *name);
bool lines_is_blank(const struct line *); /* nothing but spaces */
bool lines_is_mark(const struct line *, const char *mark, const char *what); /* BEGIN:VCARD */

/* ---- parameters
 * ------------------------------------------------------------------------------------------ */

struct lines_words { /* every word of every parameter, lists and quotes taken apart */
    struct wess_slice rest, list;
    struct wess_slice name, word; /* name: empty for a bare word, as vCard 2.1 has them */
};
struct lines_words lines_words(const struct line *);
bool lines_next_word(struct lines_words *);
bool lines_has_type(const struct line *, const char *word); /* TYPE=word, or bare */
/* Takes the next parameter from `rest` whole, quotes and lists as they are. */
bool lines_next_param(struct wess_slice *rest, struct wess_slice *name, struct wess_slice *value);
/* The first word of the parameter; no data: it is not there. */
struct wess_slice lines_param(const struct line *, const char *name);

/* ---- values
 * ------------------------------------------------------------------------------------------ */

/* Undoes a transfer encoding; the text is still escaped. `out` has room for value.len + 1 bytes.
 * false: no text that is understood (base64, a foreign character set). */
bool lines_decode(const struct line *, char *out, size_t *len);
bool lines_stands_plain(const struct line *); /* there is nothing to undo */
/* The i-th component between semicolons, still escaped; false: there are not so many. */
bool lines_component(struct wess_slice value, size_t i, struct wess_slice *out);
/* Takes the next element of a list from `rest`, still escaped. */
bool lines_next_in_list(struct wess_slice *rest, struct wess_slice *out);
size_t lines_unescape(struct wess_slice, char *out); /* room for len + 1 */

struct lines_buf { /* text that grows; a zero behind its end */
    char *data;
    size_t len, cap;
    bool spent;
};
void lines_put(struct lines_buf *, const char *text, size_t len);
void lines_puts(struct lines_buf *, const char *text);
/* Escaped as a text; control characters are left out, line ends are LF. */
void lines_put_escaped(struct lines_buf *, struct wess_slice);
/* What is escaped already. A backslash that stood last must not escape what follows, and a line end
 * that a transfer encoding had hidden becomes an escaped one. */
void lines_put_part(struct lines_buf *, struct wess_slice);
/* Without what would end a line: for addresses, which are not escaped. */
void lines_put_line(struct lines_buf *, struct wess_slice);
void lines_buf_fini(struct lines_buf *);

/* ---- changing
 * ------------------------------------------------------------------------------------------ */

/* Another value for a line, already escaped; group, name and parameters stay, but for those that
 * tell how the old value was encoded. */
void lines_set(struct lines *, size_t line, struct wess_slice value);
/* The same line as text, as lines_set() would make it, without any mark of preference but `mark`.
 */
void lines_plain(const struct line *, struct wess_slice value, const char *mark,
                 struct lines_buf *out);
void lines_replace(struct lines *, size_t line, const char *text); /* the whole of it */
/* With the label of its group, when nothing else is left of that. */
void lines_drop(struct lines *, size_t line);
void lines_add(struct lines *, const char *text);                 /* before v->end */
void lines_add_at(struct lines *, size_t line, const char *text); /* before that line of the file */
/* Takes l->text apart; what was changed reads as it is to be. */
void lines_take_apart(struct line *l);
struct line *lines_new_line(struct lines *); /* NULL: out of memory */
/* The text as it is to be; out->spent: out of memory. */
void lines_write(const struct lines *, struct lines_buf *out);
/* Its lines become those that lines_read() of that text (`len` bytes) would make, but for where
 * they lie in it: to be looked at, not to be written. The frame is to be checked anew. false: that
 * is not sure, and they are as they were. */
bool lines_reread(struct lines *, size_t len);

bool lines_is_utf8(const char *text, size_t len);

#endif
