/* One try for a credential that is not proved yet; what was refused rests, and says why to all. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "host/credential.h"

struct asker { /* says "cancelled" when it was asked often enough */
    int asked, enough;
    pthread_mutex_t lock;
    pthread_cond_t waits;
};

static bool is_cancelled(void *ctx)
{
    struct asker *a = ctx;
    pthread_mutex_lock(&a->lock);
    bool yes = ++a->asked == a->enough;
    pthread_cond_broadcast(&a->waits);
    pthread_mutex_unlock(&a->lock);
    return yes;
}

static struct asker asker_after(int enough)
{
    return (struct asker){
        .enough = enough, .lock = PTHREAD_MUTEX_INITIALIZER, .waits = PTHREAD_COND_INITIALIZER};
}

static const struct wess_error nothing;

static void test_credential__a_refusal_is_told_to_everybody(void **state)
{
    struct asker never = asker_after(0);
    struct wess_error said = {.scope = WESS_OF_CREDENTIAL, .text = "the password has expired"};
    struct wess_error other = {.scope = WESS_OF_CREDENTIAL, .text = "something else"};
    (void)state;
    snprintf(said.remote_code, sizeof(said.remote_code), "ErrorPasswordExpired");
    for (int user = 0; user < 3; user++) {
        struct wess_error e = {0};
        enum wess_code rc = credential_enter("told", is_cancelled, &never, &e);
        assert_int_equal(rc, user ? WESS_AUTH : WESS_OK);
        if (user) {
            assert_string_equal(e.text, "the password has expired");
            assert_string_equal(e.remote_code, "ErrorPasswordExpired");
            assert_int_equal(e.scope, WESS_OF_CREDENTIAL);
        } else {
            credential_leave("told", CREDENTIAL_REFUSED, &said);
        }
        credential_leave("told", CREDENTIAL_REFUSED, user ? &other : &said);
    }
    assert_int_equal(never.asked, 0);
}

static void test_credential__another_is_not_concerned(void **state)
{
    struct asker never = asker_after(0);
    struct wess_error e = {0};
    (void)state;
    assert_int_equal(credential_enter("bad", is_cancelled, &never, &e), WESS_OK);
    credential_leave("bad", CREDENTIAL_REFUSED, &nothing);
    assert_int_equal(credential_enter("good", is_cancelled, &never, &e), WESS_OK);
    credential_leave("good", CREDENTIAL_TAKEN, &nothing);
    assert_int_equal(credential_enter("good", is_cancelled, &never, &e), WESS_OK);
    assert_int_equal(credential_enter("good", is_cancelled, &never, &e), WESS_OK);
}

static void test_credential__an_unclear_try_is_no_proof(void **state)
{
    struct asker now = asker_after(1);
    struct wess_error e = {0};
    (void)state;
    assert_int_equal(credential_enter("unclear", is_cancelled, &now, &e), WESS_OK);
    credential_leave("unclear", CREDENTIAL_UNCLEAR, &nothing);
    /* The next one tries alone as well: a third would have to wait. */
    assert_int_equal(credential_enter("unclear", is_cancelled, &now, &e), WESS_OK);
    assert_int_equal(credential_enter("unclear", is_cancelled, &now, &e), WESS_CANCELLED);
}

static void test_credential__waiting_can_be_cancelled(void **state)
{
    struct asker later = asker_after(3);
    struct wess_error e = {0};
    (void)state;
    assert_int_equal(credential_enter("slow", is_cancelled, &later, &e), WESS_OK);
    assert_int_equal(credential_enter("slow", is_cancelled, &later, &e), WESS_CANCELLED);
    assert_int_equal(later.asked, 3);
}

struct waiter {
    struct asker asker;
    struct wess_error error;
    enum wess_code code;
};

static void *wait_for_it(void *ctx)
{
    struct waiter *w = ctx;
    w->code = credential_enter("tried", is_cancelled, &w->asker, &w->error);
    return NULL;
}

static void test_credential__who_waits_goes_on_when_it_is_taken(void **state)
{
    struct waiter w = {.asker = asker_after(0), .code = WESS_BROKEN};
    pthread_t thread;
    struct wess_error e = {0};
    (void)state;
    assert_int_equal(credential_enter("tried", is_cancelled, &w.asker, &e), WESS_OK);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_it, &w), 0);
    pthread_mutex_lock(&w.asker.lock);
    while (!w.asker.asked)
        pthread_cond_wait(&w.asker.waits, &w.asker.lock);
    pthread_mutex_unlock(&w.asker.lock);
    credential_leave("tried", CREDENTIAL_TAKEN, &nothing);
    pthread_join(thread, NULL);
    assert_int_equal(w.code, WESS_OK);
}

static void test_credential__a_secret_is_stretched_the_same_again(void **state)
{
    unsigned char first[STRETCHED], again[STRETCHED], other[STRETCHED];
    char secret[24];
    (void)state;
    assert_true(credential_stretch("site", "secret", first));
    assert_true(credential_stretch("site", "secret", again));
    assert_memory_equal(first, again, STRETCHED);
    assert_true(credential_stretch("other", "secret", other));
    assert_memory_not_equal(first, other, STRETCHED);
    /* So many that it is no longer kept. */
    for (int i = 0; i < 80; i++) {
        snprintf(secret, sizeof(secret), "secret %d", i);
        assert_true(credential_stretch("site", secret, other));
        assert_memory_not_equal(first, other, STRETCHED);
    }
    assert_true(credential_stretch("site", "secret", again));
    assert_memory_equal(first, again, STRETCHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_credential__a_secret_is_stretched_the_same_again),
        cmocka_unit_test(test_credential__a_refusal_is_told_to_everybody),
        cmocka_unit_test(test_credential__another_is_not_concerned),
        cmocka_unit_test(test_credential__an_unclear_try_is_no_proof),
        cmocka_unit_test(test_credential__waiting_can_be_cancelled),
        cmocka_unit_test(test_credential__who_waits_goes_on_when_it_is_taken),
    };
    return cmocka_run_group_tests_name("credential", tests, NULL, NULL);
}
