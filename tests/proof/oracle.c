#include "oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char why[400];

static int label_of(const char *text)
{
    return *text == 'P' ? atoi(text + 1) % LABELS : -1;
}

static void saw_set(struct oracle *o, int label, int box, const char *name, const char *value)
{
    for (int f = 0; f < W_FIELDS; f++)
        if (!strcmp(w_field_names[f], name)) {
            snprintf(o->wrote[label][f][box], TEXT, "%s", strcmp(value, "-") ? value : "");
            o->writes[label][f][box] = true;
        }
}

void oracle_saw(struct oracle *o, const char *line)
{
    char verb[16] = "", label[TEXT] = "", a[TEXT] = "", b[TEXT] = "";
    int box = 0;
    if (sscanf(line, "%15s %d %95s %95s %95[^\n]", verb, &box, label, a, b) < 3)
        return;
    int l = label_of(label);
    if (l < 0)
        return;
    if (!strcmp(verb, "new"))
        o->born[l] = true;
    else if (!strcmp(verb, "tag"))
        o->tagged[l][box] = o->fresh[l] = true;
    else if (!strcmp(verb, "set"))
        saw_set(o, l, box, a, b);
    else if (!strcmp(verb, "untag"))
        o->touched[l] = true;
    else if (!strcmp(verb, "delete"))
        o->touched[l] = o->gone[l][box] = true;
}

/* ---- judging -----------------------------------------------------------------------------------
 */

static const char *say(const struct world *w, int label, const char *what)
{
    (void)w;
    snprintf(why, sizeof(why), "P%d: %s", label, what);
    return why;
}

static const struct w_item *only(const struct world *w, int box, int label, int *n)
{
    char name[8];
    const struct w_item *found = NULL;
    snprintf(name, sizeof(name), "P%d", label);
    *n = 0;
    for (size_t i = 0; i < w->box[box].n; i++) {
        const struct w_item *item = &w->box[box].items[i];
        if (!item->live || item->trashed || strcmp(item->field[FAMILY], name) != 0)
            continue;
        found = item;
        ++*n;
    }
    return found;
}

/* Without the brackets that a box may have put round it. */
static void bare(const char *text, char out[TEXT])
{
    size_t len = strlen(text);
    bool brackets = len > 1 && *text == '[' && text[len - 1] == ']';
    snprintf(out, TEXT, "%.*s", (int)(brackets ? len - 2 : len), text + brackets);
}

/* What one person wrote, and nobody else, stays as it was written where it was written: a remote's
 * own rendering of it does not come back there. */
static const char *judge_writer(struct oracle *o, const struct world *w, int label, int f)
{
    int writers = 0, by = 0, n = 0;
    for (int box = 0; box < BOXES; box++)
        if (o->writes[label][f][box]) {
            writers++;
            by = box;
        }
    const struct w_item *item = writers == 1 && !o->fresh[label] ? only(w, by, label, &n) : NULL;
    if (!item || n != 1 || !strcmp(item->field[f], o->wrote[label][f][by]))
        return NULL;
    snprintf(why, sizeof(why), "P%d %s: \"%s\" in box %d, where \"%s\" was written", label,
             w_field_names[f], item->field[f], by, o->wrote[label][f][by]);
    return why;
}

/* The value that all show: the only one written, one of those written, or the one agreed before. */
static const char *judge_field(struct oracle *o, const struct world *w, int label, int f,
                               const char *value)
{
    int writers = 0;
    bool one = false;
    for (int box = 0; box < BOXES; box++) {
        writers += o->writes[label][f][box];
        one |= o->writes[label][f][box] && !strcmp(o->wrote[label][f][box], value);
    }
    one |= o->fresh[label] && !strcmp(o->agreed[label][f], value);
    if (writers ? !one : strcmp(o->agreed[label][f], value) != 0) {
        snprintf(why, sizeof(why), "P%d %s: shows \"%s\", which %s (agreed before: \"%s\")", label,
                 w_field_names[f], value,
                 writers ? "is not the last that anybody wrote" : "nobody wrote",
                 o->agreed[label][f]);
        return why;
    }
    (void)w;
    return NULL;
}

static const char *judge_linked(struct oracle *o, const struct world *w, int label)
{
    const struct w_item *shared;
    int n = 0;
    if (!(shared = only(w, SHARED_BOX, label, &n)))
        return say(w, label, "was tagged and is not in the shared box");
    for (int f = 0; f < W_FIELDS; f++) {
        char value[TEXT], other[TEXT];
        if (f == MAIL || f == FAMILY || f == GIVEN)
            continue;
        bare(shared->field[f], value);
        for (int box = 1; box < BOXES; box++) {
            const struct w_item *item = o->tagged[label][box] ? only(w, box, label, &n) : NULL;
            if (!item)
                continue;
            bare(item->field[f], other);
            if (strcmp(value, other) != 0) {
                snprintf(why, sizeof(why), "P%d %s: \"%s\" in box %d, \"%s\" in the shared one",
                         label, w_field_names[f], other, box, value);
                return why;
            }
        }
        const char *wrong = judge_field(o, w, label, f, value);
        if (!wrong)
            wrong = judge_writer(o, w, label, f);
        if (wrong)
            return wrong;
        snprintf(o->agreed[label][f], TEXT, "%s", value);
        memset(o->writes[label][f], 0, sizeof(o->writes[label][f]));
    }
    o->fresh[label] = false;
    return NULL;
}

const char *oracle_judge(struct oracle *o, const struct world *w)
{
    for (int label = 0; label < LABELS; label++) {
        bool linked = false;
        for (int box = 0; box < BOXES; box++) {
            int n = 0;
            only(w, box, label, &n);
            if (n > 1)
                return say(w, label, "is there twice");
            if (!n && o->there[label][box] && !o->gone[label][box] &&
                !(o->deletes && o->touched[label]))
                return say(w, label, "has vanished, and nobody deleted it");
            o->there[label][box] = n > 0;
            linked |= o->tagged[label][box];
        }
        const char *wrong = linked && !o->touched[label] ? judge_linked(o, w, label) : NULL;
        if (wrong)
            return wrong;
    }
    return world_double_stamp(w) ? "two items bear one stamp" : NULL;
}
