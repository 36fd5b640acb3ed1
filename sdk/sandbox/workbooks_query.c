/* B3: filters and their formula. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "workbooks.h"

struct collecting {
    struct wb_query *q;
    size_t ff, ft, fc;
};

/* B12: in one place of the guide it is a list. */
static bool is_formula(const char *name)
{
    return !strcmp(name, "_fm") ||
           (!strcmp(name, "_fm[]") && !strcmp(sb_switch("formula", "one"), "list"));
}

static void collect(void *ctx, const char *name, const char *value)
{
    struct collecting *c = ctx;
    struct wb_filter *f = c->q->filters;
    if ((!strcmp(name, "_ff[]") || !strcmp(name, "_ff")) && c->ff < 512)
        f[c->ff++].field = strdup(value);
    else if ((!strcmp(name, "_ft[]") || !strcmp(name, "_ft")) && c->ft < 512)
        f[c->ft++].type = strdup(value);
    else if ((!strcmp(name, "_fc[]") || !strcmp(name, "_fc")) && c->fc < 512)
        f[c->fc++].value = strdup(value);
    else if (is_formula(name) && !c->q->formula)
        c->q->formula = strdup(value);
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* "1,2,3": kept sorted, since a list may be long. */
static void numbers(struct wb_filter *f)
{
    size_t n = 1;
    if (!f->value || !*f->value || f->value[strspn(f->value, "0123456789,")])
        return;
    for (const char *s = f->value; *s; s++)
        n += *s == ',';
    f->numbers = calloc(n, sizeof(*f->numbers));
    for (char *at = f->value, *end; f->numbers && *at; at = *end ? end + 1 : end)
        f->numbers[f->n_numbers++] = strtoll(at, &end, 10);
    if (f->numbers)
        qsort(f->numbers, f->n_numbers, sizeof(*f->numbers), by_number);
}

void wb_query_read(struct wb_query *q, const char *body)
{
    struct collecting c = {.q = q};
    memset(q, 0, sizeof(*q));
    sb_params(body, collect, &c);
    q->n = c.ff;
    for (size_t i = 0; i < q->n; i++)
        numbers(&q->filters[i]);
}

void wb_query_free(struct wb_query *q)
{
    for (size_t i = 0; i < 512; i++) {
        free(q->filters[i].field);
        free(q->filters[i].type);
        free(q->filters[i].value);
        free(q->filters[i].numbers);
    }
    free(q->formula);
}

/* Whether texts are compared by case is not known; this side ignores it, or not, by a switch. */
static bool begins(const char *have, const char *with)
{
    bool minds = !strcmp(sb_switch("text_case", "ignored"), "minded");
    return !(minds ? strncmp : strncasecmp)(have, with, strlen(with));
}

static bool same(const char *have, const char *text)
{
    return strlen(have) == strlen(text) && begins(have, text);
}

static bool holds(const char *have, const char *text)
{
    for (; *have; have++)
        if (begins(have, text))
            return true;
    return !*text;
}

static bool any_of(const struct wb_filter *f, const char *have)
{
    if (f->n_numbers) {
        char *end;
        int64_t n = strtoll(have, &end, 10);
        return !*end && *have &&
               bsearch(&n, f->numbers, f->n_numbers, sizeof(n), by_number) != NULL;
    }
    /* A literal comma is written "\,". */
    char one[1024];
    size_t n = 0;
    for (const char *s = f->value ? f->value : "";; s++) {
        if (*s == '\\' && s[1] == ',') {
            s++;
        } else if (*s == ',' || !*s) {
            one[n] = 0;
            if (same(have, one))
                return true;
            n = 0;
            if (!*s)
                return false;
            continue;
        }
        if (n + 1 < sizeof(one))
            one[n++] = *s;
    }
}

/* -1: the type is not one of the list. */
static int one(const struct wb_filter *f, wb_get *get, const void *record)
{
    char buf[32];
    const char *have = get(record, f->field, buf);
    const char *type = f->type ? f->type : "", *value = f->value ? f->value : "";
    if (have == (const char *)-1)
        return -1;
    if (!have)
        have = "";
    double x = strtod(have, NULL), y = strtod(value, NULL);
    if (!strcmp(type, "eq"))
        return any_of(f, have);
    if (!strcmp(type, "ne"))
        return !any_of(f, have);
    if (!strcmp(type, "gt"))
        return x > y;
    if (!strcmp(type, "ge"))
        return x >= y;
    if (!strcmp(type, "lt"))
        return x < y;
    if (!strcmp(type, "le"))
        return x <= y;
    if (!strcmp(type, "bg"))
        return begins(have, value);
    if (!strcmp(type, "nbg"))
        return !begins(have, value);
    if (!strcmp(type, "ct"))
        return holds(have, value);
    if (!strcmp(type, "nct"))
        return !holds(have, value);
    if (!strcmp(type, "blank"))
        return !*have;
    if (!strcmp(type, "not_blank"))
        return *have != 0;
    if (!strcmp(type, "true"))
        return !strcmp(have, "true");
    if (!strcmp(type, "false"))
        return strcmp(have, "true") != 0;
    return -1;
}

/* formula := term { (AND|OR|XOR) term }, left to right; term := [NOT|!] ( NUMBER | "(" formula ")"
 * ) */
struct parser {
    const char *at;
    const struct wb_query *q;
    wb_get *get;
    const void *record;
    bool bad;
};
static int formula(struct parser *p);

static bool word(struct parser *p, const char *w)
{
    size_t len = strlen(w);
    while (*p->at == ' ')
        p->at++;
    if (strncasecmp(p->at, w, len))
        return false;
    p->at += len;
    return true;
}

static int term(struct parser *p)
{
    if (word(p, "NOT") || word(p, "!"))
        return !term(p);
    if (word(p, "(")) {
        int v = formula(p);
        p->bad |= !word(p, ")");
        return v;
    }
    char *end;
    long n = strtol(p->at, &end, 10);
    if (end == p->at || n < 1 || (size_t)n > p->q->n) {
        p->bad = true;
        return 0;
    }
    p->at = end;
    int v = one(&p->q->filters[n - 1], p->get, p->record);
    p->bad |= v < 0;
    return v;
}

static int conjunction(struct parser *p)
{
    int v = term(p);
    while (!p->bad && word(p, "AND"))
        v = term(p) & v;
    return v;
}

static int formula(struct parser *p)
{
    int v = conjunction(p);
    for (;;) {
        if (!p->bad && word(p, "XOR"))
            v ^= conjunction(p);
        else if (!p->bad && word(p, "OR"))
            v |= conjunction(p);
        else
            return v;
    }
}

int wb_query_match(const struct wb_query *q, wb_get *get, const void *record)
{
    bool any = q->formula && !strcasecmp(q->formula, "or");
    if (q->formula && !any && strcasecmp(q->formula, "and")) {
        struct parser p = {q->formula, q, get, record, false};
        int v = formula(&p);
        while (*p.at == ' ')
            p.at++;
        return p.bad || *p.at ? -1 : v;
    }
    int result = !any;
    for (size_t i = 0; i < q->n; i++) {
        int v = one(&q->filters[i], get, record);
        if (v < 0)
            return -1;
        result = any ? result | v : result & v;
    }
    return q->n ? result : 1;
}
