/* Autodiscover: where the service of a mailbox is (docs/ews.md). */
#ifndef EWS_DISCOVER_H
#define EWS_DISCOVER_H

#include "ews.h"

#define DISCO_ANSWER_BYTES ((size_t)256 << 10)

/* ---- discover_read.c: answers taken apart, and what may be followed; pure
 * ------------------------------------------------------------------------------------------ */

enum disco_what {
    DISCO_NOTHING, /* not here: the next place */
    DISCO_FOUND,   /* text: the address of EWS */
    DISCO_ADDRESS, /* text: another mail address to ask for */
    DISCO_PLACE    /* text: another place to ask at */
};
struct disco {
    enum disco_what what;
    char *text;    /* malloc'ed */
    char code[48]; /* the server's word for a refusal; "": none */
};
/* `text` is worked on in place. false: it is no such document. */
bool disco_read_soap(char *text, size_t len, struct disco *);
bool disco_read_pox(char *text, size_t len, struct disco *);
void disco_fini(struct disco *);

/* ---- discover_json.c, srv.c
 * ------------------------------------------------------------------------------------------ */

/* The form that is asked without a sign-in, by a GET of disco_json_url() (malloc'ed). */
bool disco_is_json(const char *place);
char *disco_json_url(const char *place, const char *address);
bool disco_read_json(const char *text, size_t len, struct disco *);
/* The host that an answer of DNS names for https, malloc'ed; `chance` picks among equals by their
 * weight. NULL: none, or it is no answer. */
char *disco_read_srv(const unsigned char *answer, size_t len, uint32_t chance);
/* Asks for it, for four seconds at most. NULL: nobody named one. */
char *disco_ask_srv(const char *domain, uint32_t chance);

/* The domain of a mail address; NULL: it is none that a host's name can be made of. */
const char *disco_domain(const char *address);
/* The places to ask for a domain, in order, malloc'ed; NULL: no further one. */
char *disco_place(const char *domain, size_t nth);
bool disco_is_soap(const char *place); /* else the older, plain form (POX) */
enum disco_trust {
    DISCO_TRUSTED,
    DISCO_NO_URL,
    DISCO_NOT_SECURE, /* neither https nor loopback */
    DISCO_STRANGER    /* a host that nobody has allowed */
};
/* Whether credentials may go to that place: it is of the domain's own hosts, or on the list (hosts,
 * one a line). *host: which one it is, malloc'ed. */
enum disco_trust disco_trusts(const char *place, const char *domain, const char *allow,
                              char **host);
bool disco_allows_domain(const char *domain, const char *was, const char *allow);
/* The request for the settings of a mailbox. */
void disco_ask_soap(struct xml_out *, const char *address, const char *place);
void disco_ask_pox(struct xml_out *, const char *address);

#endif
