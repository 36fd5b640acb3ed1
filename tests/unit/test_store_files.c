/* The files beside the database: folder, lock and key. Each call that makes them fails once, in
 * turn; the text names the place and the way out, and the next opening needs nobody's help. */
#include "store_box.h"

#include <errno.h>
#include <sys/stat.h>

#include "faultlibc.h"

static struct box box;

static int setup(void **state)
{
    (void)state;
    box_new(&box);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    faultlibc_plan(0, 0, 0);
    box_free(&box);
    return 0;
}

static const char *way_of(int error)
{
    if (error == EIO)
        return "see the system log";
    return error == EACCES ? "owner, rights" : "make room";
}

/* False: the plan was not met any more, all went well. */
static bool refused(unsigned at, int error)
{
    char *why = NULL;
    int status = 0;
    faultlibc_plan(LIBC_ANY, at, error);
    struct store *s = store_open(box.state, "test", STORE_OWN, &why, &status);
    bool met = faultlibc_met();
    faultlibc_plan(0, 0, 0);
    if (s && met)
        fail_msg("call %u failed, and nobody said so", at);
    store_close(s);
    if (met && (status != 7 || !why || !strstr(why, box.state) || !strstr(why, way_of(error))))
        fail_msg("call %u: status %d: %s", at, status, why ? why : "no word");
    free(why);
    return met;
}

static void each_call_at_the_first_start(void **state)
{
    (void)state;
    static const int errors[] = {ENOSPC, EIO, EACCES};
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        unsigned at = 1;
        for (;; at++) {
            box_free(&box);
            box_new(&box);
            if (!refused(at, errors[i]))
                break;
            box_open(&box); /* nothing is left that stands in the way */
            box_close(&box);
            struct bytes key = file_bytes(box_path(&box, "key"));
            free(key.data);
            assert_int_equal(key.len, 32);
        }
        assert_true(at >= 7); /* folder; lock opened, emptied, written; key made, written, synced */
    }
}

static void each_call_at_a_later_start(void **state)
{
    (void)state;
    box_open(&box);
    box_close(&box);
    struct bytes key = file_bytes(box_path(&box, "key"));
    unsigned at = 2; /* the folder is there: whatever else mkdir() says, it is looked at */
    while (refused(at, EIO))
        at++;
    struct bytes after = file_bytes(box_path(&box, "key"));
    assert_int_equal(key.len, after.len);
    assert_memory_equal(key.data, after.data, key.len);
    free(key.data);
    free(after.data);
    box_open(&box);
}

static void a_short_write_is_a_full_disk(void **state)
{
    (void)state;
    for (unsigned at = 1; at <= 2; at++) { /* the lock's, the key's */
        char *why = NULL;
        int status = 0;
        faultlibc_plan(LIBC_WRITE, at, LIBC_SHORT);
        assert_null(store_open(box.state, "test", STORE_OWN, &why, &status));
        assert_true(faultlibc_met());
        faultlibc_plan(0, 0, 0);
        assert_int_equal(status, 7);
        assert_non_null(strstr(why, "make room"));
        free(why);
    }
    box_open(&box);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_call_at_the_first_start),
        T(each_call_at_a_later_start),
        T(a_short_write_is_a_full_disk),
    };
    return cmocka_run_group_tests_name("store_files", tests, NULL, NULL);
}
