#include "people.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define PEOPLE_MOST 1000u

static struct person people[PEOPLE_MOST];
static unsigned n_people, n_changes;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* connections may be in two threads */

bool people_set(struct person *p, unsigned value, const char *text, size_t len) {
    size_t points = 0;
    for (size_t i = 0; i < len; i++) points += ((unsigned char)text[i] & 0xc0) != 0x80;
    if (points > PERSON_LEN || (value == PERSON_NAME && !len)) return false;
    if (len) memcpy(p->value[value], text, len);
    p->value[value][len] = 0;
    return true;
}

bool people_next(unsigned after, struct person *out) {
    const struct person *next = NULL;
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < n_people; i++)
        if (people[i].change > after && (!next || people[i].change < next->change))
            next = &people[i];
    if (next) *out = *next;
    pthread_mutex_unlock(&lock);
    return next != NULL;
}

static bool get(const char *text, bool stamp, struct person *out) {
    bool found = false;
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < n_people && !found; i++) {
        found =
            !people[i].deleted && !strcmp(stamp ? people[i].stamp : people[i].id, text) && *text;
        if (found) *out = people[i];
    }
    pthread_mutex_unlock(&lock);
    return found;
}

bool people_get(const char *id, struct person *out) { return get(id, false, out); }

bool people_get_stamped(const char *stamp, struct person *out) { return get(stamp, true, out); }

enum people_answer people_put(struct person *p, const char *was) {
    enum people_answer answer = PEOPLE_DONE;
    unsigned i = 0;
    pthread_mutex_lock(&lock);
    while (i < n_people && (people[i].deleted || strcmp(people[i].id, p->id) != 0)) i++;
    if (*p->id && i == n_people)
        answer = PEOPLE_GONE;
    else if (*p->id && strcmp(people[i].revision, was) != 0)
        answer = PEOPLE_STALE;
    else if (i == PEOPLE_MOST)
        answer = PEOPLE_FULL;
    if (answer == PEOPLE_DONE) {
        if (!*p->id) snprintf(p->id, sizeof(p->id), "%u", ++n_people);
        p->change = ++n_changes;
        snprintf(p->revision, sizeof(p->revision), "%u", p->change);
        people[i] = *p;
    }
    pthread_mutex_unlock(&lock);
    return answer;
}
