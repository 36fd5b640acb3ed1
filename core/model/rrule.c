/* Recurrence rules (RFC 5545 3.3.10) in one spelling, so that two remotes that mean the same say
 * the same. What a rule means is nothing that the core asks. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "model/text.h"

/* In the order in which they are written. `fallback` is what leaving it out means. */
static const struct part {
    const char *name, *fallback;
    bool list, number;
} parts[] = {{"FREQ", NULL, false, false},     {"UNTIL", NULL, false, false},
             {"COUNT", NULL, false, true},     {"INTERVAL", "1", false, true},
             {"BYSECOND", NULL, true, true},   {"BYMINUTE", NULL, true, true},
             {"BYHOUR", NULL, true, true},     {"BYDAY", NULL, true, false},
             {"BYMONTHDAY", NULL, true, true}, {"BYYEARDAY", NULL, true, true},
             {"BYWEEKNO", NULL, true, true},   {"BYMONTH", NULL, true, true},
             {"BYSETPOS", NULL, true, true},   {"WKST", "MO", false, false}};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static const char days[] = "MO TU WE TH FR SA SU";

/* "-1SU" by its day, then by its number; numbers by their size. */
static long weight(const char *value)
{
    char *end;
    long n = strtol(value, &end, 10);
    const char *day = *end ? strstr(days, end) : NULL;
    return day ? (day - days) * 1000 + n : n;
}

static int by_weight(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    long p = weight(x), q = weight(y);
    return p < q ? -1 : p > q ? 1 : strcmp(x, y);
}

static const char *sorted(struct wess_arena *a, char *list)
{
    size_t n = 1, kept = 0;
    for (const char *s = list; *s; s++)
        n += *s == ',';
    const char **of = arena_alloc(a, n * sizeof(*of)), *out = "";
    char *rest = list, *one;
    n = 0;
    while (of && (one = strsep(&rest, ",")))
        of[n++] = *one == '+' ? one + 1 : one;
    if (of)
        qsort(of, n, sizeof(*of), by_weight);
    for (size_t i = 0; of && out && i < n; i++)
        if (*of[i] && (!kept || strcmp(of[i], of[i - 1])))
            out = arena_fmt(a, "%s%s%s", out, kept++ ? "," : "", of[i]);
    return of ? out : NULL;
}

/* "UNTIL=20261231T080000" and "UNTIL=20261231" end on one day: it is a local date here. */
static const char *value_of(struct wess_arena *a, const struct part *p, char *value)
{
    if (!strcmp(p->name, "UNTIL"))
        value[strcspn(value, "T")] = 0;
    if (p->list)
        return sorted(a, value);
    return p->number ? arena_fmt(a, "%ld", strtol(value, NULL, 10)) : value;
}

static const struct part *part_named(const char *name)
{
    for (size_t i = 0; i < PARTS; i++)
        if (!strcmp(parts[i].name, name))
            return &parts[i];
    return NULL;
}

static bool take(struct wess_arena *a, char *text, const char *values[PARTS], bool *bad)
{
    char *rest = text, *one;
    while ((one = strsep(&rest, ";"))) {
        char *equals = strchr(one, '=');
        if (!*one)
            continue;
        if (equals)
            *equals = 0;
        const struct part *p = part_named(one);
        if (!equals || !p || !equals[1]) {
            *bad = true;
            return true;
        }
        const char *value = value_of(a, p, equals + 1);
        if (!value)
            return false;
        if (!p->fallback || strcmp(p->fallback, value))
            values[p - parts] = value;
    }
    return true;
}

const char *rrule_canonical(struct wess_arena *a, const char *text, bool *bad)
{
    const char *values[PARTS] = {NULL}, *out = "";
    char *copy = arena_text(a, text);
    *bad = false;
    for (char *s = copy; s && *s; s++)
        *s = (char)toupper((unsigned char)*s);
    if (!copy || !take(a, copy, values, bad))
        return NULL;
    *bad |= !values[0];
    for (size_t i = 0; out && !*bad && i < PARTS; i++)
        if (values[i])
            out = arena_fmt(a, "%s%s%s=%s", out, i ? ";" : "", parts[i].name, values[i]);
    return *bad ? NULL : out;
}
