/* The configuration: read whole, checked whole, or refused with file, line and the way out. Never
 * contacts anybody. A loaded config is immutable; a reload makes a new one. */
#ifndef CORE_CONFIG_CONFIG_H
#define CORE_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdio.h>

#include "engine/reconcile.h"

struct plugin; /* host/plugin.h */

enum wave_mode { MODE_OFF, MODE_OBSERVE, MODE_TO_LEFT, MODE_TO_RIGHT, MODE_BOTH };

struct cfg_value { /* one option of an endpoint, as text; lists joined by '\n' */
    const char *name, *value;
    int line;
};
enum secret_from { SECRET_INLINE, SECRET_FILE, SECRET_COMMAND, SECRET_ENV, SECRET_CREDENTIAL };
struct cfg_secret {
    const char *name; /* of the option */
    enum secret_from from;
    const char *text;        /* the path, variable, credential name, or the secret itself */
    const char *const *argv; /* SECRET_COMMAND, NULL-terminated */
    const char *expires;     /* "2027-06-30" or NULL */
    int line;
};
struct cfg_endpoint {
    const char *name, *connector;
    const struct plugin *plugin;
    const struct cfg_value *values;
    size_t n_values;
    const struct cfg_secret *secrets;
    size_t n_secrets;
    bool per_user; /* a value or secret speaks of %{user...}: each user has one of his own */
    int line;
};
struct cfg_user {
    const char *id; /* for life */
    const char *name;
    enum wave_mode mode;
    const struct cfg_value *attrs; /* csv columns or list members: mailbox, workbooks, wave, ... */
    size_t n_attrs;
    int line;
};
const char *cfg_user_attr(const struct cfg_user *, const char *name); /* NULL: none */

/* Who takes part. Empty lists ask nothing. */
struct cfg_fact {
    const char *name, *value;
}; /* value may hold %{user.X} */
struct cfg_select {
    bool given;
    struct wess_list tags_any, tags_all, tags_none;
    const struct cfg_fact *facts;
    size_t n_facts;
    const char *folder; /* path or NULL */
    bool shared;        /* shared = true: takes part for every user */
    /* Who says what bears which tags, and the key by which its items are those of this side; NULL:
     * the side itself. */
    const struct cfg_endpoint *source;
    const char *join;
};
enum match_one { MATCH_LINK, MATCH_ASK };
struct cfg_match {
    const char *space;
    enum match_one one;
}; /* "email+name.family" */
enum on_delete { DEL_UNLINK, DEL_DELETE, DEL_RESTORE };
enum with_attendees { ATTENDEES_HOLD, ATTENDEES_SEND, ATTENDEES_SILENT };
enum on_untag { UNTAG_UNLINK, UNTAG_FREEZE, UNTAG_DELETE };
enum private_mode { PRIVATE_SKIP, PRIVATE_MASK, PRIVATE_FULL };
struct cfg_window { /* ms; 0: without bound */
    int64_t past, future;
    int64_t per_series; /* occurrences of one series, where they are single items */
};
struct cfg_guard { /* per run and user; three times that in 24 h, ten times over all users */
    int max_delete, max_unlink, max_change, max_change_percent, max_create, max_first;
};
struct cfg_pair {
    const char *name;
    const struct kind_def *kind;
    bool files; /* mode = "file": created once on the right, and nothing moves either after that */
    const struct cfg_endpoint *endpoint[2];
    const char *collection[2];
    struct cfg_select select[2];
    const struct cfg_match *match;
    size_t n_match;
    enum rule first_differs;
    enum first_empty first_empty;
    bool first_create_ask;
    enum rule conflict;
    enum on_delete on_delete[2]; /* what to do when the item of THIS side was deleted */
    enum on_untag on_untag;
    enum private_mode private_mode;
    enum with_attendees with_attendees; /* SEND: and invitations = "send" */
    enum direction direction;           /* of the whole pair, default both */
    const struct field_rule *rules;
    size_t n_rules;
    struct cfg_window window; /* of what is not linked yet */
    int64_t per_run;          /* 0: all */
    struct cfg_guard guard;
    const char *stamp_site; /* = config->site */
    int line;
};
struct cfg_wave {
    const char *name;
    enum wave_mode mode;
};
struct config {
    const char *path, *site, *state_dir;
    const char *const *connector_path;
    size_t n_connector_path;
    const struct cfg_endpoint *endpoints;
    size_t n_endpoints;
    const struct cfg_pair *pairs;
    size_t n_pairs;
    const char *preset;   /* or NULL */
    const char *expanded; /* the pairs as text, with those of the preset; or NULL */
    const struct cfg_user *users;
    size_t n_users;
    bool watch;            /* daemon.watch */
    int64_t every_ms;      /* daemon.every */
    int64_t full_check_ms; /* after that all of a feed is listed again; 7 days */
    int64_t keep_ended_ms; /* 400 days */
    int64_t before_images_ms, before_images_bytes;
    unsigned workers;      /* 8 */
    const char *control;   /* socket path; default state_dir/control */
    struct wess_http http; /* proxy, ca_file, time-outs */
    const char *log_file, *log_level;
    struct wess_arena *arena; /* owns all of it */
};
/* Reports each trouble as "FILE:LINE: what; way out" through `say`; NULL when anything was wrong.
 * `root` (or NULL) is put before every path that the configuration names (check --root DIR). */
struct config *config_load(const char *path, const char *root,
                           void (*say)(void *ctx, const char *line), void *ctx);
void config_free(struct config *);
/* Every setting of the core, a line each: name, range, default, help. */
void config_describe(FILE *);
/* Secrets that expire within 30 days or have expired: calls say(ctx, text, days left). */
void config_expiries(const struct config *, int64_t now_ms,
                     void (*say)(void *ctx, const char *endpoint, const char *secret, int64_t days),
                     void *ctx);
/* `text` with %{user.X} replaced; NULL and *why when an attribute is missing, *why NULL: no memory.
 */
const char *config_expand(struct wess_arena *, const char *text, const struct cfg_user *,
                          const char **why);
const struct cfg_endpoint *config_endpoint(const struct config *, const char *name);
const struct cfg_pair *config_pair(const struct config *, const char *name);
/* Whether some pair matches people by their names whatever else they have. */
bool config_by_name(const struct config *);
/* Whether the collection of a pair's side holds nothing that recurs (WESS_CAP_SINGLES). */
bool pair_singles(const struct cfg_pair *, int side);
const struct cfg_user *config_user(const struct config *, const char *id);

#endif
