/* Reading libconfig settings: declared names and types, troubles told with file and line. Private
 * to core/config. */
#ifndef CORE_CONFIG_READ_H
#define CORE_CONFIG_READ_H

#include <libconfig.h>

#include "config/config.h"

enum setting_type {
    SET_TEXT,
    SET_INT,
    SET_BOOL,
    SET_DURATION,
    SET_CHOICE,
    SET_LIST,
    SET_GROUP,
    SET_ROWS, /* a list of groups */
    SET_ANY
};
struct setting_def {
    const char *name;
    enum setting_type type;
    const char *fallback; /* as text; NULL: none */
    const char *range;    /* "1..64", or "left|right|ask" */
    const char *help;
};
struct group_def {
    const char *path; /* "pairs.NAME.guard" */
    const struct setting_def *of;
    size_t n;
};
extern const struct group_def group_top, group_users, group_source, group_wave, group_pair,
    group_select, group_match, group_first, group_deletes, group_field, group_guard, group_window,
    group_daemon, group_http, group_log, group_secret, group_keep;

struct reader {
    struct config *cfg;
    struct wess_arena *a;
    config_t lib;
    const char *path, *root, *folder; /* folder: before what is included, or NULL */
    void (*say)(void *ctx, const char *line);
    void *ctx;
    unsigned errors;
};

/* Tells "FILE:LINE: ..." and counts it. */
/* `file` NULL: the configuration. */
void trouble_in(struct reader *, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void trouble(struct reader *, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void trouble_at(struct reader *, const config_setting_t *, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Where an included file lies; `file` as libconfig names it, NULL: the configuration itself. */
const char *included_file(struct reader *, const char *file);
/* Names and types of all settings of the group. `skip` names a setting that may be anything. */
void check_group(struct reader *, const config_setting_t *, const struct group_def *);
void check_value(struct reader *, const config_setting_t *, const struct setting_def *);
/* Values, or the declared fallback; checked already. */
const char *text_of(struct reader *, const config_setting_t *group, const struct group_def *,
                    const char *name);
int64_t int_of(struct reader *, const config_setting_t *, const struct group_def *, const char *);
bool bool_of(struct reader *, const config_setting_t *, const struct group_def *, const char *);
int64_t duration_of(struct reader *, const config_setting_t *, const struct group_def *,
                    const char *);
int choice_of(struct reader *, const config_setting_t *, const struct group_def *, const char *);
struct wess_list list_of(struct reader *, const config_setting_t *, const char *name);
const config_setting_t *group_of(const config_setting_t *, const char *name);
/* NULL where it is anything but a list of groups. */
const config_setting_t *rows_of(const config_setting_t *, const char *name);
/* A text without control characters, in the arena; NULL and told otherwise. */
const char *clean_text(struct reader *, const config_setting_t *, const char *text);
bool parse_duration(const char *, int64_t *ms);
const char *under_root(struct reader *, const char *path);
void *array_of(struct reader *, size_t n, size_t size);

/* include.c: libconfig is not given a text that includes what is no file, or of which a comment
 * takes the rest. */
bool comes_whole(struct reader *, const char *text);
/* users.c */
void read_users(struct reader *, const config_setting_t *users);
/* endpoints.c */
void read_endpoints(struct reader *, const config_setting_t *endpoints);
/* preset.c: puts the pairs of the preset that is named into `root`; after the endpoints. */
void expand_preset(struct reader *, config_setting_t *root);
/* Where a pair stands among those of a preset; what is not among them: behind them. */
size_t preset_place(const char *preset, const char *pair);
/* `pairs` as it is understood, in the arena; NULL: none, or out of memory. */
const char *expanded_pairs(struct reader *, const config_setting_t *root);
/* pairs.c: the pair at that place, those of a preset in its order, wherever they are written, then
 * the others as they are declared. */
const config_setting_t *pair_at(const struct reader *, const config_setting_t *pairs, size_t place);
void read_pairs(struct reader *, const config_setting_t *pairs);

#endif
