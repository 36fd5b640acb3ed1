/* When the occurrences of calendar files are, by libical alone: a line "FILE INSTANT" each, with
 * the seconds since 1970, or "FILE 2026-03-29" of whole days.
 *
 *     wess-test-instants ZONE FILE...      ZONE: of what floats */
#include <libical/ical.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 2000

struct set {
    icaltimezone *home;
    icalcomponent *calendar;
    struct icaltimetype of[MOST];
    size_t n;
};

static icaltimezone *zone_of(const struct set *s, icalproperty *p, struct icaltimetype t)
{
    icalparameter *id = icalproperty_get_first_parameter(p, ICAL_TZID_PARAMETER);
    const char *name = id ? icalparameter_get_tzid(id) : NULL;
    if (icaltime_is_utc(t))
        return icaltimezone_get_utc_timezone();
    icaltimezone *zone = name ? icalcomponent_get_timezone(s->calendar, name) : s->home;
    return zone ? zone : icaltimezone_get_builtin_timezone(name);
}

static bool time_of(const struct set *s, icalproperty *p, struct icaltimetype *t)
{
    if (!p)
        return false;
    *t = icalvalue_get_datetime(icalproperty_get_value(p));
    if (!t->is_date)
        t->zone = zone_of(s, p, *t);
    return t->is_date || t->zone;
}

static bool same(struct icaltimetype a, struct icaltimetype b)
{
    if (a.is_date || b.is_date)
        return !icaltime_compare_date_only(a, b);
    return icaltime_as_timet_with_zone(a, a.zone) == icaltime_as_timet_with_zone(b, b.zone);
}

static void leave_out(struct set *s, struct icaltimetype t)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++)
        if (!same(s->of[i], t))
            s->of[kept++] = s->of[i];
    s->n = kept;
}

static void add(struct set *s, struct icaltimetype t)
{
    if (s->n < MOST)
        s->of[s->n++] = t;
}

static bool expand(struct set *s, icalcomponent *event)
{
    struct icaltimetype start, t;
    icalproperty *p = icalcomponent_get_first_property(event, ICAL_RRULE_PROPERTY);
    if (!time_of(s, icalcomponent_get_first_property(event, ICAL_DTSTART_PROPERTY), &start))
        return false;
    add(s, start);
    if (p) {
        struct icalrecurrencetype rule = icalproperty_get_rrule(p);
        if (rule.until.is_date && !start.is_date) { /* the whole of that day */
            rule.until.is_date = 0;
            rule.until.hour = 23;
            rule.until.minute = 59;
            rule.until.zone = start.zone;
        }
        icalrecur_iterator *it = icalrecur_iterator_new(rule, start);
        for (s->n = 0; it && s->n < MOST;) {
            t = icalrecur_iterator_next(it);
            if (icaltime_is_null_time(t))
                break;
            t.zone = start.zone;
            add(s, t);
        }
        if (it)
            icalrecur_iterator_free(it);
    }
    for (p = icalcomponent_get_first_property(event, ICAL_RDATE_PROPERTY); p;
         p = icalcomponent_get_next_property(event, ICAL_RDATE_PROPERTY)) {
        t = icalproperty_get_rdate(p).time;
        t.zone = t.is_date ? NULL : zone_of(s, p, t);
        add(s, t);
    }
    for (p = icalcomponent_get_first_property(event, ICAL_EXDATE_PROPERTY); p;
         p = icalcomponent_get_next_property(event, ICAL_EXDATE_PROPERTY))
        if (time_of(s, p, &t))
            leave_out(s, t);
    return true;
}

static bool change(struct set *s, icalcomponent *event)
{
    struct icaltimetype was, is;
    icalproperty *status = icalcomponent_get_first_property(event, ICAL_STATUS_PROPERTY);
    if (!time_of(s, icalcomponent_get_first_property(event, ICAL_RECURRENCEID_PROPERTY), &was) ||
        !time_of(s, icalcomponent_get_first_property(event, ICAL_DTSTART_PROPERTY), &is))
        return false;
    leave_out(s, was);
    if (!status || icalproperty_get_status(status) != ICAL_STATUS_CANCELLED)
        add(s, is);
    return true;
}

static icalcomponent *read_file(const char *name)
{
    FILE *f = fopen(name, "r");
    char *text = calloc(1, 1 << 20);
    icalcomponent *c = NULL;
    if (f && text && fread(text, 1, (1 << 20) - 1, f))
        c = icalparser_parse_string(text);
    if (f)
        fclose(f);
    free(text);
    return c;
}

static bool each(struct set *s, bool changed)
{
    bool ok = true;
    icalcomponent *e = icalcomponent_get_first_component(s->calendar, ICAL_VEVENT_COMPONENT);
    for (; ok && e; e = icalcomponent_get_next_component(s->calendar, ICAL_VEVENT_COMPONENT)) {
        bool is = icalcomponent_get_first_property(e, ICAL_RECURRENCEID_PROPERTY) != NULL;
        if (is == changed)
            ok = is ? change(s, e) : expand(s, e);
    }
    return ok;
}

static void print(const char *name, const struct set *s)
{
    const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
    for (size_t i = 0; i < s->n; i++)
        if (s->of[i].is_date)
            printf("%s %04d-%02d-%02d\n", base, s->of[i].year, s->of[i].month, s->of[i].day);
        else
            printf("%s %lld\n", base,
                   (long long)icaltime_as_timet_with_zone(s->of[i], s->of[i].zone));
}

int main(int argc, char **argv)
{
    static struct set s;
    icaltimezone *home = argc > 1 ? icaltimezone_get_builtin_timezone(argv[1]) : NULL;
    int status = home ? 0 : 2;
    for (int i = 2; home && i < argc; i++) {
        s = (struct set){.home = home, .calendar = read_file(argv[i])};
        if (s.calendar && each(&s, false) && each(&s, true))
            print(argv[i], &s);
        else
            status = 1;
        if (s.calendar)
            icalcomponent_free(s.calendar);
    }
    icaltimezone_free_builtin_timezones();
    return status;
}
