#include "oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const field_names[TOLD] = {"one", "two"};
enum { OTHER = 2 };

static int place_of(const struct oracle *o, const char *name)
{
    for (int p = 0; p < PLACES; p++)
        if (o->place[p] && !strcmp(o->place[p], name))
            return p;
    return -1;
}

static void saw_set(struct oracle *o, int l, int p, const char *rest)
{
    char name[8] = "", value[24] = "";
    sscanf(rest, "%7s %23s", name, value);
    for (int f = 0; f < TOLD; f++)
        if (!strcmp(field_names[f], name)) {
            snprintf(o->of[l].value[f][p], sizeof(o->of[l].value[f][p]), "%s",
                     strcmp(value, "-") ? value : "");
            o->of[l].fresh[f][p] = o->of[l].edited = true;
        }
}

static bool chosen_anywhere(const struct oracle *o, int l)
{
    return o->of[l].chosen[0] || o->of[l].chosen[1] || o->of[l].chosen[OTHER];
}

static void saw_new(struct oracle *o, int l, int p)
{
    bool again = o->of[l].gone[p] || o->of[l].gone[OTHER];
    o->of[l].loose |= again || (o->ran && chosen_anywhere(o, l) && !o->of[l].there[p]);
    o->of[l].born[p] = true;
    o->of[l].gone[p] = false;
    if (!o->files) /* what was filed once is not filed again */
        memset(o->of[l].rests, 0, sizeof(o->of[l].rests));
    for (int f = 0; f < TOLD; f++)
        *o->of[l].value[f][p] = 0;
}

static void saw_deleted(struct oracle *o, int l, int p)
{
    o->of[l].gone[p] = o->of[l].loose = o->of[l].went = true;
    /* What nobody has seen linked yet may be made again. */
    o->of[l].rests[p] = o->of[l].met && o->of[l].there[p] && !o->of[l].copied && !o->strangers &&
                        (!o->doubles || p == OTHER);
}

void oracle_saw(struct oracle *o, const char *line)
{
    char verb[16] = "", side[8] = "", name[16] = "";
    int from = 0;
    o->doubles |= strstr(line, "CreateItem") && strstr(line, "twice");
    if (sscanf(line, "%15s %7s %15s %n", verb, side, name, &from) < 3) {
        o->ran |= !strncmp(line, "run", 3) || !strncmp(line, "kill", 4);
        if (!strncmp(line, "renumber", 8))
            for (int l = 0; l < PEOPLE && !o->keys_prove; l++) {
                o->of[l].loose = true;
                memset(o->of[l].rests, 0, sizeof(o->of[l].rests));
                o->strangers = true;
            }
        return;
    }
    int l = atoi(name + 1) % PEOPLE, p = place_of(o, side);
    if (p < 0)
        return;
    if (!strcmp(verb, "new")) {
        saw_new(o, l, p);
    } else if (!strcmp(verb, "choose")) {
        o->of[l].chosen[p] = true;
        if (!o->files)
            memset(o->of[l].rests, 0, sizeof(o->of[l].rests));
        o->of[l].met &= o->files; /* what it says of itself counts now */
    } else if (!strcmp(verb, "set"))
        saw_set(o, l, p, line + from);
    else if (!strcmp(verb, "delete") || !strcmp(verb, "purge"))
        saw_deleted(o, l, p);
    else if (!strcmp(verb, "drop") || !strcmp(verb, "private"))
        o->of[l].loose = true;
    else if (!strcmp(verb, "copy")) {
        o->of[l].copied = o->of[l].loose = true; /* and tagged: one more for the other side */
        memset(o->of[l].rests, 0, sizeof(o->of[l].rests));
    }
}

/* ---- judging -----------------------------------------------------------------------------------
 */

static char why[400];
struct view {
    size_t n;
    char value[TOLD][24];
};

static const char *say(int l, const char *place, const char *what)
{
    snprintf(why, sizeof(why), "P%d in %s: %s", l, place, what);
    return why;
}

static bool look(struct oracle *o, struct real_play *play, int l, int p, struct view *v)
{
    char line[64], answer[REAL_LINE];
    *v = (struct view){0};
    for (int f = 0; o->place[p] && f < TOLD; f++) {
        snprintf(line, sizeof(line), "value %s P%d %s", o->place[p], l, field_names[f]);
        if (!real_remote_ask(&play->remote, line, answer, sizeof(answer)))
            return false;
        sscanf(answer, "%zu %23s", &v->n, v->value[f]);
    }
    return true;
}

static const char *judge_numbers(const struct oracle *o, int l, const struct view v[PLACES])
{
    for (int p = 0; p < PLACES; p++) {
        bool here = o->of[l].born[p] && !o->of[l].gone[p];
        bool elsewhere = false, many = o->of[l].copied || (o->doubles && p != OTHER);
        if (!o->place[p])
            continue;
        for (int q = 0; q < PLACES; q++)
            elsewhere |= q != p && (o->of[l].gone[q] || o->of[l].went);
        /* Without a key that says they are one, each side's own is one of its own. */
        for (int q = 0; q < PLACES; q++)
            many |= !o->keys_link && q != p && o->of[l].born[q] && o->of[l].born[p];
        if (v[p].n > 1 && !many)
            return say(l, o->place[p], "doubled");
        if (v[p].n && !o->of[l].born[p] && !chosen_anywhere(o, l))
            return say(l, o->place[p], "nobody chose it, and it is here");
        if (!v[p].n && here && !(o->deletes && elsewhere))
            return say(l, o->place[p], "lost");
        if (!v[p].n && o->of[l].there[p] && !o->of[l].gone[p] && !(o->deletes && elsewhere))
            return say(l, o->place[p], "lost since the last look");
        if (v[p].n && o->of[l].rests[p] && !o->deletes)
            return say(l, o->place[p], "came back");
    }
    return NULL;
}

/* Both sides had one of their own before they met. */
static bool met_as_strangers(const struct oracle *o, int l, int p)
{
    bool both = o->of[l].born[p] && o->of[l].born[OTHER];
    return both && ((o->asks && !(o->of[l].chosen[p] && o->of[l].chosen[OTHER])) || !o->keys_link);
}

static bool may_be(const struct oracle *o, int l, int f, const char *value)
{
    bool fresh = false;
    for (int p = 0; p < PLACES; p++)
        fresh |= o->of[l].fresh[f][p] && (p == OTHER || o->of[l].chosen[p]);
    for (int p = 0; p < PLACES; p++)
        if (o->place[p] && (o->of[l].fresh[f][p] || !o->of[l].met || !fresh) &&
            !strcmp(o->of[l].value[f][p], value))
            return true;
    return false;
}

static const char *judge_filed(const struct oracle *o, int l, const struct view v[PLACES])
{
    bool gone = o->of[l].gone[OTHER];
    if (v[OTHER].n > 1)
        return say(l, o->place[OTHER], "filed twice");
    if (v[OTHER].n && !chosen_anywhere(o, l))
        return say(l, o->place[OTHER], "nobody chose it, and it is filed");
    if (v[OTHER].n && o->of[l].rests[OTHER])
        return say(l, o->place[OTHER], "filed again");
    if (!v[OTHER].n && !gone && o->of[l].there[OTHER])
        return say(l, o->place[OTHER], "lost since the last look");
    if (!v[OTHER].n && !gone && !o->of[l].loose && o->of[l].chosen[0] && o->of[l].born[0])
        return say(l, o->place[OTHER], "is not filed");
    if (!v[0].n && o->of[l].born[0] && !o->of[l].gone[0])
        return say(l, o->place[0], "lost");
    return NULL;
}

/* A mailbox whose owner chose it, and whose link nothing ended: both sides show the same, and that
 * is what somebody wrote. */
static const char *judge_linked(const struct oracle *o, int l, int p, const struct view v[PLACES])
{
    if (v[p].n != 1)
        return say(l, o->place[p], "is not here");
    if (v[OTHER].n != 1)
        return say(l, o->place[OTHER], "did not come");
    for (int f = 0; f < TOLD; f++) {
        if (strcmp(v[p].value[f], v[OTHER].value[f])) {
            snprintf(why, sizeof(why), "P%d: %s is \"%s\" in %s, \"%s\" in %s", l, field_names[f],
                     v[p].value[f], o->place[p], v[OTHER].value[f], o->place[OTHER]);
            return why;
        }
        if (!may_be(o, l, f, v[p].value[f])) {
            snprintf(why, sizeof(why), "P%d: %s is \"%s\", which nobody wrote since", l,
                     field_names[f], v[p].value[f]);
            return why;
        }
    }
    return NULL;
}

static void remember(struct oracle *o, int l, const struct view v[PLACES], bool met)
{
    for (int p = 0; p < PLACES; p++) {
        o->of[l].there[p] = v[p].n > 0;
        for (int f = 0; f < TOLD; f++) {
            snprintf(o->of[l].value[f][p], sizeof(o->of[l].value[f][p]), "%s", v[p].value[f]);
            o->of[l].fresh[f][p] = false;
        }
    }
    o->of[l].met = met;
    o->of[l].edited = false;
}

const char *oracle_judge(struct oracle *o, struct real_play *play)
{
    for (int l = 0; l < PEOPLE; l++) {
        struct view v[PLACES];
        bool met = false;
        for (int p = 0; p < PLACES; p++)
            if (!look(o, play, l, p, &v[p]))
                return "the servers do not answer";
        const char *wrong = (o->files ? judge_filed : judge_numbers)(o, l, v);
        bool loose = o->of[l].loose || o->files || o->doubles;
        met = o->files;
        for (int p = 0; !wrong && !loose && p < OTHER; p++)
            if (o->of[l].chosen[p] && o->of[l].born[p] && !met_as_strangers(o, l, p)) {
                wrong = judge_linked(o, l, p, v);
                met = true;
            }
        if (wrong)
            return wrong;
        remember(o, l, v, met);
    }
    o->ran = false;
    if (!real_look(play) || play->shared->outbox)
        return "mail was sent";
    return NULL;
}
