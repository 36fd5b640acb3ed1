/* The proofs on the real connectors: the rehearsal servers in a process of one thread, which can be
 * forked between any two requests, so that what it holds can be kept and put back; and the real
 * engine with the real plugins in processes that are killed.
 *
 * SIDE is a, b (mailboxes), crm, dir (the first user's folder of files).
 *
 *   new SIDE NAME · choose|drop SIDE NAME [USER] (tagged; in the queue) · set SIDE NAME FIELD VALUE
 *   delete|purge|move|copy|private|public SIDE NAME · meet|series|mail SIDE NAME
 *   occurrence SIDE NAME NUMBER [gone] · expire (sync states) · renumber SIDE (new ids)
 *   person crm NAME (of NAME@example.com)
 *   value SIDE NAME FIELD · done (what of `when` was possible since the last look)
 *   fault PLAN (of wess-sandbox) · when OP LINE (a person's edit before the next request OP)
 *   clock SECONDS · run · kill STEP · quiet · lose (the state) · save · restore
 */
#ifndef PROOF_REAL_H
#define PROOF_REAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { REAL_LINE = 240, REAL_SHOWN = 1 << 16, REAL_PATH = 96 };
enum real_kind { REAL_CONTACT, REAL_TASK, REAL_EVENT, REAL_MAIL, REAL_KINDS };
extern const char *const real_kind_names[REAL_KINDS];
/* TAGS: a folder, and the first user's mailbox is tagged by an IMAP server. */
enum real_other { REAL_CRM, REAL_DIR, REAL_TAGS, REAL_OTHERS };
extern const char *const real_other_names[REAL_OTHERS]; /* as SIDE */

/* In memory that all processes share. */
struct real_shared {
    int64_t clock_ms; /* how far the clock was moved */
    int steps, kill_at;
    pid_t client; /* who is killed at that step */
    bool killed;
    long writes, requests, outbox; /* of the run; mails since the beginning */
    char trace[96];                /* the last step */
    struct {                       /* what the run said */
        int runs, status;
        int64_t questions, held, parked, conflicts;
        char text[320];
    } report;
};
/* An edge of a request or a transaction; true: the one that kills. */
bool real_step(struct real_shared *, const char *side, const char *what);

/* ---- remote.c: the process of the servers ---- */
struct real_remote {
    struct real_shared *shared;
    enum real_kind kind;
    enum real_other other;
    char dir[REAL_PATH]; /* holds the files of a folder: DIR/files/u1 */
    int control;
    pid_t pid;
    unsigned port_exchange, port_workbooks, port_imap;
};
bool real_remote_start(struct real_remote *);
void real_remote_stop(struct real_remote *);
/* A line to it; the answer, or false and the answer says why. */
bool real_remote_ask(struct real_remote *, const char *line, char *out, size_t cap);

/* ---- server.c: within that process ---- */
void real_serve(struct real_remote *, int listen_exchange, int listen_workbooks, int listen_imap);
int64_t real_now_ms(const struct real_shared *);

/* ---- edits.c: within that process, what people do and see ---- */
bool real_edit(const struct real_remote *, const char *line);
/* All that people see, without ids, revisions, stamps and times of writing. */
void real_show(const struct real_remote *, char *out, size_t cap);
/* "SIDE NAME", "SIDE NAME none", "SIDE NAME count N",
 * "SIDE NAME related N", "SIDE NAME FIELD VALUE" (- is empty). */
bool real_is(const struct real_remote *, const char *line);
/* "SIDE NAME FIELD": how many there are, and the value of the first. */
bool real_value(const struct real_remote *, const char *line, char *out, size_t cap);
/* What changes when anybody writes into the folders of files. */
uint64_t real_files_mark(const struct real_remote *);

/* ---- play.c ---- */
#define REAL_FILES "files;" /* before the settings of a pair: attached ones travel */
struct config;
struct real_play {
    struct real_remote remote;
    struct real_shared *shared;
    enum real_kind kind;
    enum real_other other;
    int users;
    char dir[REAL_PATH];
    char pair[400];
    struct config *cfg;
    bool finds_deletions; /* the pair carries them over */
    bool files;           /* both endpoints tell of attached ones */
    char error[400], shown[REAL_SHOWN];
};
bool real_open(struct real_play *, const char *root, enum real_kind, enum real_other, int users,
               const char *pair);
void real_close(struct real_play *);
bool real_line(struct real_play *, const char *line);
bool real_script(struct real_play *, const char *script);
int real_run(struct real_play *); /* exit status; -1: killed */
bool real_quiet(struct real_play *);
bool real_keep(struct real_play *); /* servers, files and state: real_back() comes back to here */
bool real_back(struct real_play *); /* and keeps them once more */
bool real_forget(struct real_play *);
bool real_look(struct real_play *); /* into `shown` */

#endif
