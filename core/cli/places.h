/* Where items are: each pair of each user that the state knows, and finding items there by what a
 * person would type. */
#ifndef CORE_CLI_PLACES_H
#define CORE_CLI_PLACES_H

#include "cli/cli.h"

struct place {
    const struct cfg_pair *pair; /* never NULL: pairs that the configuration lost are left out */
    const struct cfg_user *user; /* NULL: no longer on the list */
    struct pu_row pu;            /* feed[] filled in; 0: never read */
};
struct places {
    const struct place *of;
    size_t n;
};
/* In the command's arena; `pair` and `user` NULL: all. false: told by db_error(). */
bool places_load(const struct cli *, struct db *, const char *pair, const char *user,
                 struct places *);
const struct place *place_of(const struct places *, int64_t pu);

struct found { /* an item of a place */
    const struct place *place;
    enum side side;
    struct item_row row;
};
/* Items whose number, id, mail address or full name (also without its accents) that is. `side` -1:
 * both. false: the state cannot be read. */
bool places_find(const struct cli *, struct db *, const struct places *, int side, const char *text,
                 struct found **, size_t *n);
/* What people call it, as far as the state knows any content of it; NULL: nothing is known. */
const char *item_title(struct db *, struct wess_arena *, int64_t item);
/* A line that tells by which name and address people there know it; nothing where it has none. */
void item_print_where(FILE *, struct db *, struct wess_arena *, int64_t item);
/* What its remote calls it (content_named); NULL: it does not. */
const char *item_named(struct db *, struct wess_arena *, int64_t item, const char *name);
/* The content itself; false: nothing is known. */
bool item_content_known(struct db *, struct wess_arena *, int64_t item, struct content *);
/* A label for people: "mobile phone" of "phone.mobile" as "phone (mobile)". */
const char *field_label(struct wess_arena *, const struct kind_def *, const char *field);
const char *place_user(const struct place *); /* the user's id */

#endif
