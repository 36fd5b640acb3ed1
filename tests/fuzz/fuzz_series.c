/* A series with any rule, start and override: its occurrences are bounded, ascend, and each is
 * found again by its id. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/series.h"

#define MOST 20u

static void put(struct wess_field *f, const char *name, uint32_t type, const char *text)
{
    *f = (struct wess_field){.name = name, .type = type};
    if (type == WESS_TIME)
        f->time = (struct wess_time){text, "Europe/Vienna", 0};
    else
        f->str = (struct wess_slice){text, strlen(text)};
}

static void holds(struct wess_arena *a, const struct wess_item *series, struct series_list *l)
{
    const char *day;
    HOLDS(l->n <= MOST);
    for (size_t i = 0; i < l->n; i++) {
        if (!series_item(a, series, &l->of[i]))
            return;
        HOLDS(!i || strcmp(l->of[i - 1].day, l->of[i].day) < 0);
        HOLDS(!strcmp(series_of_id(a, l->of[i].item.id, &day), series->id));
        HOLDS(!strcmp(day, l->of[i].day));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    char *rule = fuzz_text(&in), *start = fuzz_text(&in), *key = fuzz_text(&in),
         *moved = fuzz_text(&in);
    const struct series_window w = {
        .from_ms = 0, .until_ms = (int64_t)86400000 * 400 * 60, .most = MOST};
    struct wess_field part, fields[4];
    struct wess_record record = {key, &part, 1};
    struct wess_item item = {.id = "S", .kind = "event", .fields = fields, .n_fields = 4};
    struct series_list l;
    const char *why;
    put(&part, "start", WESS_TIME, moved);
    put(&fields[0], "rrule", WESS_TEXT, rule);
    put(&fields[1], "start", strlen(start) == 10 ? WESS_DATE : WESS_TIME, start);
    put(&fields[2], "uid", WESS_TEXT, "U");
    fields[3] =
        (struct wess_field){.name = "overrides", .type = WESS_RECORDS, .records = {&record, 1}};
    HOLDS(a);
    if (series_expand(a, &item, &w, NULL, &l, &why))
        holds(a, &item, &l);
    arena_free(a);
    free(rule);
    free(start);
    free(key);
    free(moved);
    return 0;
}
