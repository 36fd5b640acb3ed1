/* The list of changes against the rehearsal Workbooks: its clock, its seconds with many records,
 * late commits. */
#include <curl/curl.h>

#include "wb_box.h"

enum { PEOPLE_MAX = 400 };
/* What the pages said so far, by id; a mirror as the core keeps one. */
static struct {
    struct seen {
        int64_t id, lock;
        size_t times;
        bool deleted;
    } seen[PEOPLE_MAX];
    size_t n_seen, told;
    char *cursor;
} mirror;

static void forget(void)
{
    free(mirror.cursor);
    mirror.cursor = NULL;
    mirror.n_seen = mirror.told = 0;
}

static int tear_down(void **state)
{
    forget();
    return box_tear_down(state);
}

static int set_up(void **state)
{
    return wb_box_set_up(state, NULL);
}

static int set_up_capped(void **state)
{
    return wb_box_set_up(state, "page_cap=100");
}

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

static struct seen *seen_of(int64_t id)
{
    for (size_t i = 0; i < mirror.n_seen; i++)
        if (mirror.seen[i].id == id)
            return &mirror.seen[i];
    assert_true(mirror.n_seen < PEOPLE_MAX);
    mirror.seen[mirror.n_seen] = (struct seen){.id = id};
    return &mirror.seen[mirror.n_seen++];
}

static void take(const struct wess_change *c)
{
    struct seen *s = seen_of(strtoll(c->item.id, NULL, 10));
    s->times++;
    s->deleted = c->what == WESS_DELETE;
    if (!s->deleted)
        s->lock = strtoll(c->item.revision, NULL, 10);
    mirror.told++;
}

/* One page; true: it was the last. */
static bool pull_page(struct box *b, uint32_t limit)
{
    struct wess_page page = {0};
    struct wess_slice at = {mirror.cursor, mirror.cursor ? strlen(mirror.cursor) : 0};
    assert_int_equal(b->c->changes(&b->call, at, limit, &page), WESS_OK);
    assert_true(page.n <= limit);
    for (size_t i = 0; i < page.n; i++)
        take(&page.changes[i]);
    char *next = strndup(page.next.data, page.next.len);
    bool last = page.flags & WESS_PAGE_LAST;
    assert_true(last || !mirror.cursor || strcmp(next, mirror.cursor) != 0); /* it gets on */
    free(mirror.cursor);
    mirror.cursor = next;
    testhost_drop(&b->th);
    return last;
}

/* All pages; how many changes they told. */
static size_t pull(struct box *b, uint32_t limit)
{
    size_t before = mirror.told, pages = 1;
    while (!pull_page(b, limit))
        assert_true(++pages < 2 * PEOPLE_MAX);
    return mirror.told - before;
}

/* The mirror and Workbooks hold the same. */
static void is_mirror(struct box *b)
{
    json_t *answer = box_control(b, "workbooks/list"), *p;
    size_t i;
    json_array_foreach(json_object_get(answer, "people"), i, p)
    {
        struct seen *s = seen_of(box_number(p, "id"));
        bool deleted = json_is_true(json_object_get(p, "is_deleted"));
        if (deleted ? s->times && !s->deleted
                    : !s->times || s->deleted || s->lock != box_number(p, "lock_version"))
            fail_msg("person %lld: %zu times, lock %lld of %lld, deleted %d of %d",
                     (long long)s->id, s->times, (long long)s->lock,
                     (long long)box_number(p, "lock_version"), s->deleted, deleted);
    }
    json_decref(answer);
}

/* Forty records in a second or two, in pages that cut it anywhere. */
static void test_workbooks_changes__many_records_of_one_second(void **state)
{
    static const uint32_t limits[] = {1, 2, 3, 7, 39, 40, 41, 100};
    struct box *b = *state;
    for (int i = 0; i < 40; i++)
        wb_box_new_person(b, "One%20Second");
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        forget();
        assert_int_equal(pull(b, limits[i]), 40);
        assert_int_equal(mirror.n_seen, 40);
        for (size_t k = 0; k < 40; k++)
            assert_int_equal(mirror.seen[k].times, 1);
    }
    /* A second that was still running is read again; once it has settled, never more. */
    box_move_clock(b, 10);
    assert_true(pull(b, 7) <= 40);
    for (int hour = 0; hour < 4; hour++) {
        assert_int_equal(pull(b, 7), 0);
        box_move_clock(b, 3600);
    }
    is_mirror(b);
}

static void test_workbooks_changes__a_change_is_told(void **state)
{
    struct box *b = *state;
    int64_t ids[6];
    for (int i = 0; i < 6; i++)
        ids[i] = wb_box_new_person(b, "Somebody");
    box_move_clock(b, 3600);
    pull(b, 100);
    assert_int_equal(pull(b, 100), 0);
    wb_box_touch(b, "edit", ids[1], "&person_job_title=x");
    wb_box_touch(b, "delete", ids[2], "");
    wb_box_touch(b, "lock", ids[3], "");
    wb_box_touch(b, "queue", ids[4], "&queue_id=11");
    assert_int_equal(pull(b, 2), 4);
    is_mirror(b);
    assert_true(seen_of(ids[2])->deleted);
    wb_box_touch(b, "undelete", ids[2], "");
    box_move_clock(b, 10);
    pull(b, 2);
    is_mirror(b);
    assert_false(seen_of(ids[2])->deleted);
    assert_int_equal(seen_of(ids[0])->times, 1);
    assert_int_equal(seen_of(ids[5])->times, 1);
}

/* What changes after its page has gone is in a later one. */
static void test_workbooks_changes__changes_during_a_snapshot(void **state)
{
    struct box *b = *state;
    int64_t ids[10];
    for (int i = 0; i < 10; i++)
        ids[i] = wb_box_new_person(b, "Somebody");
    box_move_clock(b, 100);
    assert_false(pull_page(b, 4));
    wb_box_touch(b, "edit", ids[0], "&person_job_title=x");
    wb_box_touch(b, "delete", ids[9], "");
    wb_box_touch(b, "delete", ids[1], "");
    int64_t late = wb_box_new_person(b, "Late");
    assert_false(pull_page(b, 4));
    pull(b, 4);
    box_move_clock(b, 10);
    pull(b, 4);
    is_mirror(b);
    assert_int_equal(seen_of(ids[0])->times >= 2, 1);
    assert_true(seen_of(ids[1])->deleted);
    assert_true(seen_of(late)->times >= 1);
}

/* A commit that becomes visible with an earlier time than what was read already. */
static void test_workbooks_changes__late_commits_within_the_overlap(void **state)
{
    struct box *b = *state;
    int64_t first = wb_box_new_person(b, "First"), other = wb_box_new_person(b, "Other");
    box_move_clock(b, 100);
    wb_box_touch(b, "edit", first, "&person_job_title=x");
    box_move_clock(b, 10);
    pull(b, 100);
    pull(b, 100);
    for (int back = 5; back <= 45; back += 10) {
        size_t times = seen_of(other)->times, quiet = seen_of(first)->times;
        box_move_clock(b, -back);
        wb_box_touch(b, "edit", other, "&person_job_title=late");
        box_move_clock(b, back);
        pull(b, 1);
        is_mirror(b);
        assert_true(seen_of(other)->times > times);
        assert_int_equal(seen_of(first)->times, quiet); /* and nothing besides */
        box_move_clock(b, 60);
        pull(b, 1);
        wb_box_touch(b, "edit", first, "&person_job_title=y");
        box_move_clock(b, 10);
        pull(b, 1);
        assert_int_equal(pull(b, 1), 0);
    }
}

/* Any order of changes, pauses and page sizes: in the end the mirror is right, and then quiet. */
static void test_workbooks_changes__any_history(void **state)
{
    struct box *b = *state;
    unsigned random = 20261123;
    int64_t ids[60];
    size_t n = 0;
    for (int step = 0; step < 400; step++) {
        random = random * 1103515245u + 12345u;
        unsigned what = (random >> 16) % 10, who = (random >> 20) % 60;
        if (n < 60 && (what < 3 || !n))
            ids[n++] = wb_box_new_person(b, "Any");
        else if (what < 6)
            wb_box_touch(b, "edit", ids[who % n], step % 2 ? "&person_job_title=a" : "&website=b");
        else if (what == 6)
            wb_box_touch(b, step % 3 ? "delete" : "undelete", ids[who % n], "");
        else if (what == 7)
            box_move_clock(b, (random >> 18) % 4);
        else
            pull_page(b, 1 + (random >> 18) % 5);
    }
    pull(b, 3);
    box_move_clock(b, 10);
    pull(b, 3);
    is_mirror(b);
    assert_int_equal(pull(b, 3), 0);
}

static void test_workbooks_changes__a_capped_page_is_not_the_last(void **state)
{
    struct box *b = *state;
    wb_box_open(b, NULL, 0, "200");
    for (int i = 0; i < 230; i++)
        wb_box_new_person(b, "Many");
    assert_int_equal(pull(b, 200), 230);
    is_mirror(b);
    /* Nor is a look-up whole. */
    struct wess_page page;
    static const struct wess_key key = {"fn", "many"};
    assert_int_equal(b->c->find(&b->call, &key, 1, &page), WESS_OK);
    assert_false(page.flags & WESS_PAGE_LAST);
}

#define TEST(name, before) cmocka_unit_test_setup_teardown(name, before, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_workbooks_changes__many_records_of_one_second, set_up),
        TEST(test_workbooks_changes__a_change_is_told, set_up),
        TEST(test_workbooks_changes__changes_during_a_snapshot, set_up),
        TEST(test_workbooks_changes__late_commits_within_the_overlap, set_up),
        TEST(test_workbooks_changes__any_history, set_up),
        TEST(test_workbooks_changes__a_capped_page_is_not_the_last, set_up_capped),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
