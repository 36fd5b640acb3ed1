/* wess-conform: one suite for any connector, through its table alone. Each case runs in a process
 * of its own, so that a crash or a hang is the failure of that case. */
#ifndef CONFORM_CONFORM_H
#define CONFORM_CONFORM_H

#include "testhost.h"
#include "wess/connector.h"

/* ---- clauses.c: the contract by number, as in docs/connector-author.md
 * ------------------------------------------------------------------------------------------ */

struct clause {
    const char *number, *text;
};
extern const struct clause clauses[];
extern const size_t n_clauses;
const char *clause_text(const char *number); /* "" for one that there is not */

/* ---- setup.c: the file
 * ------------------------------------------------------------------------------------------ */

struct setup {
    struct testhost_setting *settings;
    size_t n;
    char *collection, *ca_file;
    const char **avoid; /* fields that the suite leaves alone */
    size_t n_avoid;
    unsigned patience_s; /* of one case */
    bool scratch;        /* items may be created and deleted there */
};
/* false: *why says what is wrong with it (malloc'd). setup_fini() is due in either case. */
bool setup_read(const char *path, const struct wess_connector *, const char *plugin,
                struct setup *out, char **why);
void setup_fini(struct setup *);

/* ---- the suite
 * ------------------------------------------------------------------------------------------ */

struct probe;
enum needs {
    NEEDS_NOTHING = 0,
    NEEDS_OPEN = 1,                 /* a connection, described */
    NEEDS_SCRATCH = 2 | NEEDS_OPEN, /* creating and deleting */
};
struct case_def {
    const char *name, *clause;
    uint64_t caps; /* of the collection; without them: skipped */
    uint32_t needs;
    void (*run)(struct probe *);
};
struct suite {
    const struct case_def *of;
    size_t n;
};
extern const struct suite suite_load, suite_calls, suite_read, suite_fetch, suite_find,
    suite_create, suite_update, suite_delete, suite_values, suite_records, suite_budget,
    suite_optional;

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_SKIP };
struct outcome {
    enum verdict verdict;
    char clause[16];
    char *why;    /* malloc'd; NULL: none */
    bool refused; /* the credential was: no second sign-in, or the account is locked */
};
/* run.c: runs the case in a child and waits for it. */
void run_case(const struct wess_connector *, const struct setup *, const struct case_def *,
              struct outcome *out);

#endif
