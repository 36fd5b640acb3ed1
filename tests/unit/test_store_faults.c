/* A full disk, a failing one, and a power cut, at each call to the disk in turn. Whatever fails: a
 * transaction that was told to be there is there whole, every other is absent whole, the database
 * is sound, and the text says where and what to do. */
#include "store_work.h"

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faultvfs.h"

static struct box box;
static char *after[WORK_STEPS + 1]; /* what the database holds after so many steps */
static struct fault_plan now;       /* for messages */

/* ---- the run -----------------------------------------------------------------------------------
 */

struct outcome {
    int done;      /* steps whose commit answered STORE_OK */
    int durable;   /* of them, up to the last that a power cut leaves */
    bool gave_up;  /* the disk stays as it is: the run ended there */
    int told;      /* failures */
    bool doubtful; /* the last failure was that of a commit */
    int met;       /* the step in which the disk first failed; before all: 0 */
};

/* A run may meet trouble at any of these, and goes on when the trouble was over. */
enum { TRIES = 3 };

static void check_word(const char *text)
{
    static const char *const ways[] = {"make room", "the system log", "owner, rights"};
    bool way = false;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        way |= strstr(text, ways[i]) != NULL;
    if (now.how == FAULT_FULL && faultvfs_hit() == FAULT_WRITE && !now.stays)
        way = strstr(text, "make room") != NULL;
    if (!strstr(text, box_path(&box, "wess.db")) || !way)
        fail_msg("call %u (kind %d): says \"%s\"", now.at, faultvfs_hit(), text);
}

static bool try_open(struct outcome *out)
{
    for (int i = 0; i < TRIES; i++) {
        char *why = NULL;
        int status = 0;
        box.store = store_open(box.state, "test", STORE_OWN, &why, &status);
        box.db = box.store ? db_open(box.store, false) : NULL;
        if (box.db)
            return true;
        out->told++;
        char text[1024];
        if (box.store)
            store_say(box.store, NULL, text, sizeof(text));
        else
            snprintf(text, sizeof(text), "%s", why ? why : "");
        assert_true(box.store || status == 7);
        free(why);
        check_word(text);
        box_close(&box);
        if (now.stays || now.how == FAULT_CUT)
            break;
    }
    out->gave_up = true;
    return false;
}

static bool try_step(int step, struct outcome *out)
{
    for (int i = 0; i < TRIES; i++) {
        bool begun = (work_soft(step) ? db_begin_soft(box.db) : db_begin(box.db)) == STORE_OK;
        bool body = begun && work_step(step, box.db, box.arena);
        if (begun && db_commit(box.db) == STORE_OK) {
            if (!body)
                fail_msg("call %u: step %d was committed after a failure", now.at, step);
            out->done++;
            if (!work_soft(step))
                out->durable = out->done;
            return true;
        }
        out->told++;
        out->doubtful = body;
        check_word(db_error(box.db));
        if (now.stays || now.how == FAULT_CUT)
            break;
    }
    out->gave_up = true;
    return false;
}

static struct outcome work(void)
{
    struct outcome out = {0};
    if (!try_open(&out))
        return out;
    for (int step = 0; step < WORK_STEPS; step++) {
        out.met = faultvfs_hit() ? out.met : step;
        if (step == WORK_REOPEN) {
            box_close(&box);
            if (!try_open(&out))
                return out;
        }
        if (!try_step(step, &out))
            break;
    }
    box_close(&box);
    return out;
}

/* ---- what must be there ------------------------------------------------------------------------
 */

static void check_between(const struct outcome *out, int least, int most)
{
    box_open(&box); /* without faults: always */
    box_close(&box);
    char *sound = file_ask(box_path(&box, "wess.db"), "PRAGMA integrity_check");
    if (!sound || strcmp(sound, "ok"))
        fail_msg("call %u: %s", now.at, sound ? sound : "cannot be read");
    free(sound);
    char *got = work_dump(box_path(&box, "wess.db"));
    int found = -1;
    for (int i = 0; i <= WORK_STEPS && found < 0; i++)
        if (!strcmp(after[i], got))
            found = i;
    if (found < least || found > most) {
        print_error("%s", got);
        fail_msg("call %u (how %d, kind %d): %d steps told done, %d to %d must be there: %d are "
                 "(-1: some part)",
                 now.at, now.how, faultvfs_hit(), out->done, least, most, found);
    }
    free(got);
}

static void fresh_box(void)
{
    if (box.root)
        box_free(&box);
    box_new(&box);
}

/* The plan with each call in turn, until the whole work is done without meeting it. Of the hundreds
 * of like pages of one step, every seventh. */
static unsigned each_call(struct fault_plan plan, void (*check)(const struct outcome *, unsigned))
{
    for (unsigned runs = 0;; runs++) {
        fresh_box();
        now = plan;
        faultvfs_plan(&plan);
        struct outcome out = work();
        enum fault_call hit = faultvfs_hit();
        if (!hit) {
            faultvfs_plan(NULL);
            assert_int_equal(out.done, WORK_STEPS);
            return runs;
        }
        check(&out, hit);
        plan.at += out.met == WORK_LARGE ? 7 : 1;
    }
}

static void check_once(const struct outcome *out, unsigned hit)
{
    (void)hit;
    faultvfs_plan(NULL);
    assert_false(out->gave_up);
    assert_int_equal(out->done, WORK_STEPS);
    check_between(out, WORK_STEPS, WORK_STEPS);
}

/* What was written, but could not be synced, may show up later: nobody can know. */
static void check_stays(const struct outcome *out, unsigned hit)
{
    faultvfs_plan(NULL);
    check_between(out, out->done, out->done + (out->doubtful && hit == FAULT_SYNC));
}

/* What of the unsynced is on the disk afterwards: another part from call to call. */
static void check_cut(const struct outcome *out, unsigned hit)
{
    (void)hit;
    if (!faultvfs_restart((enum fault_keep)(now.at % (KEEP_ALL + 1)), now.at))
        fail_msg("call %u: the files could not be put back", now.at);
    check_between(out, out->durable, out->done + out->doubtful);
}

/* ---- tests -------------------------------------------------------------------------------------
 */

/* A long-running daemon copies its log into the database now and then: here, often. */
static int often(sqlite3 *sq, const char **error, const struct sqlite3_api_routines *api)
{
    (void)error;
    (void)api;
    sqlite3_wal_autocheckpoint(sq, 24);
    return SQLITE_OK;
}

static int group_setup(void **state)
{
    (void)state;
    faultvfs_install();
    sqlite3_auto_extension((void (*)(void))often);
    fresh_box();
    box_open(&box);
    for (int i = 0; i <= WORK_STEPS; i++) {
        struct outcome out = {0};
        if (i > 0)
            assert_true(try_step(i - 1, &out));
        after[i] = work_dump(box_path(&box, "wess.db"));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(after[k], after[i]);
    }
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    box_free(&box);
    sqlite3_cancel_auto_extension((void (*)(void))often);
    faultvfs_remove();
    for (int i = 0; i <= WORK_STEPS; i++)
        free(after[i]);
    return 0;
}

static void full_for_a_moment(void **state)
{
    (void)state;
    unsigned n = each_call(
        (struct fault_plan){.at = 1, .how = FAULT_FULL, .calls = FAULT_WRITE | FAULT_INDEX},
        check_once);
    assert_true(n > 200);
}

static void full_until_somebody_comes(void **state)
{
    (void)state;
    each_call((struct fault_plan){.at = 1,
                                  .how = FAULT_FULL,
                                  .calls = FAULT_WRITE | FAULT_INDEX | FAULT_SYNC,
                                  .stays = true},
              check_stays);
}

static void trouble_for_a_moment(void **state)
{
    (void)state;
    each_call((struct fault_plan){.at = 1, .how = FAULT_IO, .calls = FAULT_ANY & ~FAULT_WRITE},
              check_once);
}

static void trouble_that_stays(void **state)
{
    (void)state;
    each_call((struct fault_plan){.at = 1, .how = FAULT_IO, .calls = FAULT_ANY, .stays = true},
              check_stays);
}

static void power_cut(void **state)
{
    (void)state;
    unsigned n =
        each_call((struct fault_plan){.at = 1, .how = FAULT_CUT, .calls = FAULT_ANY}, check_cut);
    assert_true(n > 200);
}

/* What is only read again is not waited for; what is about to be sent is. Each time, not once. */
static void only_the_journal_waits(void **state)
{
    (void)state;
    fresh_box();
    box_open(&box);
    struct outcome out = {0};
    sqlite3_cancel_auto_extension((void (*)(void))often);
    assert_true(try_step(0, &out));
    for (int i = 0; i < 3; i++) {
        int64_t n = 0;
        faultvfs_plan(NULL);
        OK(&box, db_begin_soft(box.db));
        OK(&box, feed_start_snapshot(box.db, 1, &n));
        OK(&box, db_commit(box.db));
        if (faultvfs_count(FAULT_SYNC))
            fail_msg("round %d: %u syncs", i, faultvfs_count(FAULT_SYNC));
        OK(&box, db_begin(box.db));
        OK(&box, feed_start_snapshot(box.db, 1, &n));
        OK(&box, db_commit(box.db));
        assert_true(faultvfs_count(FAULT_SYNC) > 0);
    }
}

/* What the index of keys takes up in a transaction of its own it takes up once, if that is not
 * kept.
 */
static void the_index_gives_up(void **state)
{
    enum { ITEMS = 100, SECONDS = 30 };
    static const struct fault_plan full = {
        .how = FAULT_FULL, .calls = FAULT_WRITE, .at = 1, .stays = true};
    (void)state;
    faultvfs_plan(NULL);
    fresh_box();
    box_open(&box);
    OK(&box, db_begin(box.db));
    for (int i = 0; i < ITEMS; i++) {
        char rid[16];
        struct item_row row = {.feed = 1, .rid = rid, .revision = "1"};
        struct hash key = hash_of(i);
        snprintf(rid, sizeof(rid), "i%d", i);
        OK(&box, item_add(box.db, &row, 0, &key, 1));
    }
    OK(&box, db_commit(box.db));
    faultvfs_plan(&full);
    alarm(SECONDS);
    must_be(box.db, STORE_FAIL, keys_follow(box.db, KEYS_FEW), "keys_follow", __FILE__, __LINE__);
    alarm(0);
    check_word(db_error(box.db));
    faultvfs_plan(NULL);
    OK(&box, keys_follow(box.db, KEYS_FEW));
    box_close(&box);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_gives_up),        cmocka_unit_test(full_for_a_moment),
        cmocka_unit_test(full_until_somebody_comes), cmocka_unit_test(trouble_for_a_moment),
        cmocka_unit_test(trouble_that_stays),        cmocka_unit_test(power_cut),
        cmocka_unit_test(only_the_journal_waits),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("store_faults", tests, group_setup, group_teardown);
}
