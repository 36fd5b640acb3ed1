/* What an IMAP server says, read strictly: the grammar of RFC 3501 and 9051 with literals, quoted
 * strings and nested lists, each with a bound. Pure; a fuzz target. */
#ifndef IMAP_TAGS_READER_H
#define IMAP_TAGS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAP_RESPONSE_MAX ((size_t)1 << 20) /* bytes of one response with its literals */
#define IMAP_DEPTH_MAX 16u                  /* lists within lists */

struct imap_text { /* within the response; not terminated */
    const char *of;
    size_t len;
};
bool imap_is(struct imap_text, const char *word); /* without regard to case */

/* ---- responses out of bytes
 * ------------------------------------------------------------------------------------------ */

enum imap_kind { IMAP_CONTINUE, IMAP_TAGGED, IMAP_UNTAGGED };
enum imap_status { IMAP_DATA, IMAP_OK, IMAP_NO, IMAP_BAD, IMAP_PREAUTH, IMAP_BYE };
struct imap_at { /* a place in a response */
    const char *of, *end;
};
struct imap_response {
    enum imap_kind kind;
    enum imap_status status;
    struct imap_text tag;  /* of TAGGED */
    struct imap_text code; /* of a status: the word in brackets; empty: none */
    struct imap_at args;   /* what follows it within the brackets */
    struct imap_text text; /* for people */
    uint32_t number;       /* of "* 12 FETCH" */
    struct imap_text word; /* "FETCH", of DATA */
    struct imap_at rest;   /* behind it */
};
struct imap_frame { /* the search for the end of a response */
    size_t taken;   /* where the response begins */
    size_t looked;  /* where the search goes on */
    size_t line;    /* where the line at hand begins: behind the last literal */
    size_t literal; /* bytes of a literal that are to come */
    bool plain;     /* a status line: it has no literals */
};
struct imap_reader {
    char *buf;
    size_t len, cap;
    struct imap_frame at;    /* of what is told next */
    struct imap_frame scout; /* as far as imap_reader_holds() has looked since */
    size_t scouted;          /* tagged responses up to there */
};
enum imap_got { IMAP_RESPONSE, IMAP_MORE, IMAP_FAULT, IMAP_NO_MEMORY };
/* Room for at least `n` bytes, to be told by imap_reader_came(). NULL: no memory. */
char *imap_reader_room(struct imap_reader *, size_t n);
void imap_reader_came(struct imap_reader *, size_t n);
/* The next response; lives until the next call of any of these. FAULT: this is no IMAP, or over a
 * bound; there is no going on. */
enum imap_got imap_reader_next(struct imap_reader *, struct imap_response *);
/* Whether so many tagged responses have come that were not told yet; looks at nothing but where
 * each ends. */
bool imap_reader_holds(struct imap_reader *, size_t tagged);
/* Bytes that were not told yet. */
size_t imap_reader_left(const struct imap_reader *);
void imap_reader_fini(struct imap_reader *);

/* ---- what is in a response. Each answers false where something else stands
 * ------------------------------------------------------------------------------------------ */

bool imap_space(struct imap_at *);
bool imap_char(struct imap_at *, char);
bool imap_atom(struct imap_at *, struct imap_text *);
bool imap_number(struct imap_at *, uint64_t most, uint64_t *);
/* Quoted or literal; `raw` of a quoted one still has its backslashes, see imap_unquote(). */
bool imap_string(struct imap_at *, struct imap_text *raw, bool *quoted);
bool imap_nstring(struct imap_at *, struct imap_text *raw, bool *quoted); /* or NIL: of NULL */
bool imap_astring(struct imap_at *, struct imap_text *raw, bool *quoted);
/* Into `out`, which has room for text.len + 1. The length. */
size_t imap_unquote(struct imap_text, bool quoted, char *out);
bool imap_value(struct imap_at *); /* over one value of any kind, lists too */
/* "\Seen", "Workbooks", "\*": the next within a list that was opened; false at its end or fault. */
bool imap_flag(struct imap_at *, struct imap_text *);

struct imap_fetch {
    uint32_t uid; /* 0: not told */
    uint64_t modseq;
    bool has_flags;
    struct imap_at flags;    /* within the parentheses: imap_flag() */
    struct imap_text header; /* of BODY[HEADER.FIELDS (..)]; of NULL: not told */
};
bool imap_read_fetch(struct imap_at, struct imap_fetch *);
struct imap_list {
    struct imap_at attributes;
    char delimiter; /* 0: none */
    struct imap_text name;
    bool quoted;
};
bool imap_read_list(struct imap_at, struct imap_list *);
struct imap_mailbox_status {
    struct imap_text name;
    bool quoted;
    uint32_t messages, uidnext, uidvalidity;
    uint64_t modseq; /* 0: not told, or there is none */
};
bool imap_read_status(struct imap_at, struct imap_mailbox_status *);
/* "5:7,9": calls take(ctx, first, last) for each part. false: it is none, or take() said enough. */
bool imap_read_set(struct imap_at *, bool (*take)(void *ctx, uint32_t, uint32_t), void *ctx);
/* "VANISHED (EARLIER) 5:7" behind the word. */
bool imap_read_vanished(struct imap_at, bool *earlier, struct imap_at *set);

#define IMAP_HEADER_MAX 998u /* bytes of a Message-ID: a line of RFC 5322 */
/* The value of the first line of that name, unfolded, between its angle brackets where it has such.
 * of NULL: there is none. */
struct imap_text imap_header_value(struct imap_text header, const char *name);
/* UTF-7 of RFC 3501 5.1.3 into UTF-8, malloc'ed, with the delimiter made a slash. NULL: it is
 * none. */
char *imap_path(const char *name, char delimiter);

#endif
