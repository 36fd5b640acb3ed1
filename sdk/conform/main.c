/* wess-conform: holds a connector against the contract. */
#include "conform.h"

#include <dlfcn.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASES_MIN 40u /* what the suite promises */

static const char help[] =
    "Usage: wess-conform PLUGIN.so --config FILE [OPTION]...\n"
    "Holds a connector against the contract of wess/connector.h, through its table alone.\n"
    "\n"
    "  --config FILE   endpoint = { its settings }; collection = \"ID\"; scratch = true;\n"
    "  --case NAME     only this case, or those whose names begin with NAME; may be repeated\n"
    "  --list          names the cases, with the clause that each is about\n"
    "  --clauses       the clauses of the contract, by number\n"
    "  --json          one JSON object on standard output\n"
    "  --figure        a last line with the number of cases\n"
    "  --version  --help\n"
    "\n"
    "Items are created, changed and deleted in the collection: it takes scratch = true in the\n"
    "file, and should be a collection that nobody uses. Exit status: 0 the connector conforms,\n"
    "1 it does not, 2 it or the file cannot be used. See wess-conform(1).\n";

static const struct suite *const suites[] = {
    &suite_load,   &suite_calls,  &suite_read,   &suite_fetch,   &suite_find,   &suite_create,
    &suite_update, &suite_delete, &suite_values, &suite_records, &suite_budget, &suite_optional};
#define N_SUITES (sizeof(suites) / sizeof(suites[0]))

struct asked {
    const char *plugin, *config, **cases;
    size_t n_cases;
    bool json, figure;
};
struct tally {
    size_t n, passed, failed, skipped;
    json_t *cases;      /* NULL: TAP */
    bool stop, refused; /* nothing more can be run; nor may it */
    bool closed;        /* nothing that needs a collection can be run */
};

static size_t count_cases(void)
{
    size_t n = 0;
    for (size_t i = 0; i < N_SUITES; i++)
        n += suites[i]->n;
    return n;
}

static bool is_wanted(const struct asked *a, const char *name)
{
    for (size_t i = 0; i < a->n_cases; i++)
        if (!strncmp(name, a->cases[i], strlen(a->cases[i])))
            return true;
    return !a->n_cases;
}

/* ---- telling
 * ------------------------------------------------------------------------------------------ */

static void tell(struct tally *t, const struct case_def *def, const struct outcome *o)
{
    static const char *const words[] = {"pass", "fail", "skip"};
    const char *clause = o->clause[0] ? o->clause : def->clause, *why = o->why ? o->why : "";
    t->passed += o->verdict == VERDICT_PASS;
    t->failed += o->verdict == VERDICT_FAIL;
    t->skipped += o->verdict == VERDICT_SKIP;
    t->n++;
    if (t->cases) {
        json_array_append_new(t->cases, json_pack("{s:s,s:s,s:s,s:s}", "case", def->name, "result",
                                                  words[o->verdict], "clause", clause, "why", why));
        return;
    }
    printf("%s %zu - %s%s%s\n", o->verdict == VERDICT_FAIL ? "not ok" : "ok", t->n, def->name,
           o->verdict == VERDICT_SKIP ? " # skip " : "", o->verdict == VERDICT_SKIP ? why : "");
    if (o->verdict == VERDICT_FAIL)
        printf("# %s\n# contract %s: %s\n", why, clause, clause_text(clause));
    fflush(stdout);
}

static int sum_up(const struct asked *a, const struct tally *t, const struct wess_connector *c,
                  size_t planned)
{
    if (t->cases) {
        json_t *all = json_pack("{s:s,s:s,s:O,s:I,s:I,s:I}", "connector", c->name ? c->name : "",
                                "version", c->version ? c->version : "", "cases", t->cases,
                                "passed", (json_int_t)t->passed, "failed", (json_int_t)t->failed,
                                "skipped", (json_int_t)t->skipped);
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(all);
    } else {
        if (t->stop)
            printf("Bail out! %s\n", t->refused ? "the credential is refused, and not tried again"
                                                : "the table cannot be used");
        else
            printf("1..%zu\n", t->n);
        printf("# %s %s: %zu cases, %zu passed, %zu failed, %zu skipped\n", c->name ? c->name : "?",
               c->version ? c->version : "?", planned, t->passed, t->failed, t->skipped);
    }
    size_t n = count_cases();
    if (a->figure)
        printf("figure conform_cases %zu cases limit %u %s\n", n, CASES_MIN,
               n >= CASES_MIN && !t->failed ? "ok" : "bad");
    return t->failed ? 1 : 0;
}

static void list_cases(void)
{
    for (size_t i = 0; i < N_SUITES; i++)
        for (size_t k = 0; k < suites[i]->n; k++)
            printf("%-28s %-5s %s\n", suites[i]->of[k].name, suites[i]->of[k].clause,
                   clause_text(suites[i]->of[k].clause));
}

/* ---- running
 * ------------------------------------------------------------------------------------------ */

static const struct wess_connector *load(const char *path)
{
    union { /* a data pointer that is a function */
        void *data;
        const struct wess_connector *(*entry)(void);
    } sym;
    char *at = NULL;
    if (asprintf(&at, "%s%s", strchr(path, '/') ? "" : "./", path) < 0)
        return NULL;
    void *module = dlopen(at, RTLD_NOW | RTLD_LOCAL);
    free(at);
    sym.data = module ? dlsym(module, WESS_ENTRY) : NULL;
    if (!sym.data) {
        fprintf(stderr, "wess-conform: %s\n", dlerror());
        return NULL;
    }
    const struct wess_connector *c = sym.entry();
    if (!c)
        fprintf(stderr, "wess-conform: %s gave no connector\n", path);
    return c;
}

static void run_one(const struct wess_connector *c, const struct setup *setup,
                    const struct case_def *def, struct tally *t)
{
    struct outcome o = {.verdict = VERDICT_SKIP};
    if (t->closed && (def->needs & NEEDS_OPEN))
        o.why = strdup("no collection to work on, see above");
    else if ((def->needs & NEEDS_SCRATCH) == NEEDS_SCRATCH && !setup->scratch)
        o.why = strdup("the file does not say scratch = true");
    else
        run_case(c, setup, def, &o);
    tell(t, def, &o);
    bool bad = o.verdict == VERDICT_FAIL;
    t->refused |= o.refused;
    t->stop |= o.refused;
    t->stop |= bad && (!strcmp(def->name, "load.abi") || !strcmp(def->name, "load.slots"));
    t->closed |= bad && !strcmp(def->name, "describe.collection");
    free(o.why);
}

static int run_all(const struct asked *a)
{
    struct setup setup = {0};
    struct tally t = {.cases = NULL};
    char *why = NULL;
    size_t planned = 0;
    int status;
    const struct wess_connector *c = load(a->plugin);
    if (!c)
        return 2;
    if (c->abi == WESS_ABI && !setup_read(a->config, c, c->name ? c->name : "?", &setup, &why)) {
        fprintf(stderr, "wess-conform: %s\n", why ? why : "out of memory");
        free(why);
        setup_fini(&setup);
        return 2;
    }
    t.cases = a->json ? json_array() : NULL;
    for (size_t i = 0; i < N_SUITES; i++)
        for (size_t k = 0; k < suites[i]->n; k++) {
            if (!is_wanted(a, suites[i]->of[k].name))
                continue;
            planned++;
            if (!t.stop)
                run_one(c, &setup, &suites[i]->of[k], &t);
        }
    if (!planned) {
        fprintf(stderr, "wess-conform: no case of that name; see --list\n");
        status = 2;
    } else {
        status = sum_up(a, &t, c, planned);
    }
    json_decref(t.cases);
    setup_fini(&setup);
    return status;
}

/* ---- arguments
 * ------------------------------------------------------------------------------------------ */

static int usage(const char *what)
{
    fprintf(stderr, "wess-conform: %s; see --help\n", what);
    return 2;
}

enum { O_CONFIG = 256, O_CASE, O_LIST, O_CLAUSES, O_JSON, O_FIGURE, O_VERSION, O_HELP };
static const struct option options[] = {
    {"config", 1, NULL, O_CONFIG},   {"case", 1, NULL, O_CASE},       {"list", 0, NULL, O_LIST},
    {"json", 0, NULL, O_JSON},       {"figure", 0, NULL, O_FIGURE},   {"help", 0, NULL, O_HELP},
    {"clauses", 0, NULL, O_CLAUSES}, {"version", 0, NULL, O_VERSION}, {NULL, 0, NULL, 0}};

/* true: all is said. */
static bool take(struct asked *a, int o, int *status)
{
    switch (o) {
    case O_CONFIG:
        a->config = optarg;
        return false;
    case O_CASE:
        a->cases[a->n_cases++] = optarg;
        return false;
    case O_JSON:
        a->json = true;
        return false;
    case O_FIGURE:
        a->figure = true;
        return false;
    case O_LIST:
        list_cases();
        return true;
    case O_CLAUSES:
        for (size_t i = 0; i < n_clauses; i++)
            printf("%-5s %s\n", clauses[i].number, clauses[i].text);
        return true;
    case O_VERSION:
        puts("wess-conform " WESS_VERSION);
        return true;
    case O_HELP:
        fputs(help, stdout);
        return true;
    default:
        *status = usage("unknown option, or one without its argument");
        return true;
    }
}

int main(int argc, char **argv)
{
    struct asked a = {.cases = calloc((size_t)argc + 1, sizeof(*a.cases))};
    int o, status = 0;
    bool done = !a.cases;
    opterr = 0;
    while (!done && (o = getopt_long(argc, argv, "", options, NULL)) != -1)
        done = take(&a, o, &status);
    if (!done && optind + 1 != argc)
        status = usage("it takes one connector");
    else if (!done && !a.config)
        status = usage("--config FILE is needed");
    else if (!done) {
        a.plugin = argv[optind];
        status = run_all(&a);
    }
    free(a.cases);
    return status;
}
