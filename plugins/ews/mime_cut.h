/* The MIME of a message, or a picture, is as large as the server lets through: it is cut out of the
 * answer while that comes, decoded and spooled in pieces. What is left of the answer is small, and
 * read as any other. Between the tags there is base64 alone, so that telling the two apart takes no
 * parser: a
 * "<" is the end. Pure, but for what it spools. */
#ifndef EWS_MIME_CUT_H
#define EWS_MIME_CUT_H

#include "wess/connector.h"

#define MIME_NAME_CAP 64u
#define MIME_PIECE 4096u
#define MIME_HEAD 24u

struct mime_cut {
    const struct wess_host *host;
    struct wess_spool *spool; /* the caller's, to end it or to throw it away */
    const char *element;      /* whose text it is; NULL: MimeContent */
    /* NULL: nobody wants to know. Each tag by its local name, before what it begins is cut out. */
    void (*tag)(void *ctx, const char *name, bool closes);
    void *tag_ctx;
    enum { MIME_OUTSIDE, MIME_IN_TAG, MIME_IN_CONTENT, MIME_IN_REFERENCE } at;
    char name[MIME_NAME_CAP]; /* of the tag, with its prefix, as far as there is room */
    size_t n_name, n_letters, n_padding, n_piece;
    bool named, empty;    /* the name is over; the tag ends with a slash */
    bool seen;            /* the element, be it empty */
    bool over, bad;       /* the end tag was seen; it is no base64, or cannot be spooled */
    char head[MIME_HEAD]; /* its first bytes, by which its form is known; zeroes behind them */
    size_t n_head;
    uint32_t bits;
    unsigned n_bits;
    unsigned char piece[MIME_PIECE];
};
/* A piece of the answer, worked on in place: how much of it is left. */
size_t mime_cut(struct mime_cut *, char *data, size_t len);
void mime_cut_anew(struct mime_cut *); /* another content may come in the same answer */
/* At the end of the answer: whether the content came whole, and all of it is spooled. */
bool mime_cut_end(struct mime_cut *);

#endif
