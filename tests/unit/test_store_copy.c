/* The copy of an older state that is made before it is upgraded. Its makers are static, and no
 * state is older than the first: so their source is taken in here. */
#include "store/schema.c"
#include "store_box.h"

#include <unistd.h>

#include "faultvfs.h"

static struct box box;
static sqlite3 *sq;

static int setup(void **state)
{
    (void)state;
    struct feed_row row;
    faultvfs_install();
    box_new(&box);
    box_open(&box);
    OK(&box, feed_get(box.db, box.arena, "crm", "", "people", &row));
    assert_int_equal(sqlite3_open(box_path(&box, "wess.db"), &sq), SQLITE_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    faultvfs_plan(NULL);
    sqlite3_close(sq);
    box_free(&box);
    faultvfs_remove();
    return 0;
}

static bool there(const char *name)
{
    return access(box_path(&box, name), F_OK) == 0;
}

static void is_whole(void)
{
    char *sound = file_ask(box_path(&box, "wess.db.v1"), "PRAGMA integrity_check");
    char *feeds =
        file_ask(box_path(&box, "wess.db.v1"), "SELECT group_concat(endpoint) FROM feeds");
    assert_non_null(sound);
    assert_non_null(feeds);
    assert_string_equal(sound, "ok");
    assert_string_equal(feeds, "crm");
    free(sound);
    free(feeds);
    assert_false(there("wess.db.v1.part"));
}

static void copy_is_whole(void **state)
{
    (void)state;
    char why[200] = "";
    assert_true(copy_away(box.store, sq, 1, why, sizeof(why)));
    is_whole();
}

static void copy_after_one_cut_off(void **state)
{
    (void)state;
    char why[200] = "";
    file_put(box_path(&box, "wess.db.v1.part"), "half a copy", 11);
    file_put(box_path(&box, "wess.db.v1"), "of an upgrade that was rolled back", 34);
    if (!copy_away(box.store, sq, 1, why, sizeof(why)))
        fail_msg("%s", why);
    is_whole();
}

static void no_room_for_a_copy(void **state)
{
    (void)state;
    char why[200] = "";
    struct fault_plan plan = {.how = FAULT_FULL, .calls = FAULT_WRITE, .at = 1};
    for (;; plan.at++) {
        faultvfs_plan(&plan);
        bool ok = copy_away(box.store, sq, 1, why, sizeof(why));
        bool hit = faultvfs_hit() != 0;
        faultvfs_plan(NULL);
        if (!hit)
            break;
        assert_false(ok);
        assert_non_null(strstr(why, "make room"));
        assert_false(there("wess.db.v1") || there("wess.db.v1.part"));
    }
    assert_true(plan.at > 10);
    is_whole();
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(copy_is_whole),
        T(copy_after_one_cut_off),
        T(no_room_for_a_copy),
    };
    return cmocka_run_group_tests_name("store_copy", tests, NULL, NULL);
}
