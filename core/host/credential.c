#include "host/credential.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "host/conn.h"

#define LANES_MOST 4u
#define GROW_AFTER 4u /* welcome calls in a row */

enum state { UNPROVED, TRYING, PROVED, REFUSED };
struct known {
    struct known *next;
    char *name;
    enum state state;
    uint32_t lanes, welcome;
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct known *credentials, *endpoints;

/* NULL: out of memory; the caller then goes on without the courtesy. */
static struct known *find(struct known **list, const char *name)
{
    for (struct known *k = *list; k; k = k->next)
        if (!strcmp(k->name, name))
            return k;
    struct known *k = calloc(1, sizeof(*k));
    if (!k || !(k->name = strdup(name))) {
        free(k);
        return NULL;
    }
    k->lanes = LANES_MOST;
    k->next = *list;
    *list = k;
    return k;
}

bool credential_enter(const char *fingerprint)
{
    bool ok = true;
    pthread_mutex_lock(&lock);
    struct known *k = find(&credentials, fingerprint);
    while (k && k->state == TRYING)
        pthread_cond_wait(&changed, &lock);
    if (k && k->state == REFUSED)
        ok = false;
    else if (k && k->state == UNPROVED)
        k->state = TRYING;
    pthread_mutex_unlock(&lock);
    return ok;
}

void credential_leave(const char *fingerprint, enum credential_word word)
{
    pthread_mutex_lock(&lock);
    struct known *k = find(&credentials, fingerprint);
    if (k && word == CREDENTIAL_REFUSED)
        k->state = REFUSED;
    else if (k && word == CREDENTIAL_TAKEN)
        k->state = PROVED;
    else if (k && k->state == TRYING)
        k->state = UNPROVED;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void conn_credential_refused(const char *fingerprint)
{
    credential_leave(fingerprint, CREDENTIAL_REFUSED);
}

uint32_t lanes_of(const char *endpoint)
{
    pthread_mutex_lock(&lock);
    struct known *k = find(&endpoints, endpoint);
    uint32_t n = k ? k->lanes : 1;
    pthread_mutex_unlock(&lock);
    return n;
}

void lanes_word(const char *endpoint, bool welcome)
{
    pthread_mutex_lock(&lock);
    struct known *k = find(&endpoints, endpoint);
    if (k && !welcome) {
        k->lanes = k->lanes > 1 ? k->lanes / 2 : 1;
        k->welcome = 0;
    } else if (k && ++k->welcome >= GROW_AFTER && k->lanes < LANES_MOST) {
        k->lanes++;
        k->welcome = 0;
    }
    pthread_mutex_unlock(&lock);
}
