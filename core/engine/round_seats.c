/* Who takes part in a round: each pair of each user who is not off, and what he selects. */
#include <stdlib.h>
#include <string.h>

#include "engine/round.h"

static bool is_wanted(const struct round_opts *o, const struct seat *seat)
{
    return (!o->pair || !strcmp(o->pair, seat->pair->name)) &&
           (!o->user || !strcmp(o->user, seat->user->id));
}

static bool may_write(const struct seat *seat, enum side s)
{
    static const bool waves[][2] = {[MODE_OFF] = {false, false},
                                    /* planned for; such a run is dry, see run_seat() */
                                    [MODE_OBSERVE] = {true, true},
                                    [MODE_TO_LEFT] = {true, false},
                                    [MODE_TO_RIGHT] = {false, true},
                                    [MODE_BOTH] = {true, true}};
    enum direction d = seat->pair->direction;
    bool pair =
        d == DIR_BOTH || (d == DIR_TO_LEFT && s == LEFT) || (d == DIR_TO_RIGHT && s == RIGHT);
    return pair && waves[seat->user->mode][s];
}

static bool seat_selectors(struct round *rd, struct seat *seat)
{
    const char *why = NULL;
    for (int s = LEFT; s <= RIGHT; s++) {
        const struct cfg_select *sel = &seat->pair->select[s];
        if (!selector_make(rd->arena, sel, seat->pair->private_mode, seat->user, &seat->selector[s],
                           &why)) {
            round_broken(rd, why ? EXIT_USAGE : EXIT_STATE, why ? why : OUT_OF_MEMORY);
            return false;
        }
        selector_window(&seat->selector[s], &seat->pair->window, clock_now_ms());
        if (pair_singles(seat->pair, s ^ 1) && !pair_singles(seat->pair, s))
            selector_singles(&seat->selector[s], &seat->pair->window);
        seat->selector[s].nothing = !sel->given && seat->pair->select[s ^ 1].given;
        seat->selector[s].unwritten = !may_write(seat, (enum side)s);
    }
    return true;
}

/* What a source says is kept in a feed of its own. */
static bool seat_sources(struct round *rd, struct db *db, struct seat *seat)
{
    for (int s = LEFT; s <= RIGHT; s++) {
        const struct cfg_select *sel = &seat->pair->select[s];
        const char *user = sel->source && sel->source->per_user ? seat->user->id : "";
        const char *name = sel->join ? arena_fmt(rd->arena, SOURCE_FEED "%s", sel->join) : NULL;
        struct feed_row feed;
        if (!sel->source)
            continue;
        if (!name || feed_get(db, rd->arena, sel->source->name, user, name, &feed) != STORE_OK)
            return false;
        seat->selector[s].source = feed.id;
    }
    return true;
}

static bool seat_row(struct round *rd, struct db *db, struct seat *seat)
{
    struct pu_row row;
    struct wess_slice digest;
    if (pu_get(db, rd->arena, seat->pair->name, seat->user->id, &row) != STORE_OK ||
        !seat_selectors(rd, seat) || !seat_sources(rd, db, seat) ||
        !selector_digest(rd->arena, seat->selector, config_by_name(rd->cfg), &digest))
        return false;
    seat->pu = row.id;
    seat->changed = digest.len != row.select_digest.len ||
                    memcmp(digest.data, row.select_digest.data, digest.len) != 0;
    return true;
}

static int by_number(const void *a, const void *b)
{
    const int64_t l = *(const int64_t *)a, r = *(const int64_t *)b;
    return (l > r) - (l < r);
}

/* Whoever has no seat (a user who is off or was taken from the list, a pair that was taken out)
 * hears nothing of what is read meanwhile by those who have one: back again, all is read from its
 * start. */
static bool forget_absent(struct round *rd, struct db *db)
{
    struct pu_row *rows = NULL;
    size_t n = 0;
    int64_t *seats = arena_alloc(rd->arena, (rd->n_seats + 1) * sizeof(*seats));
    bool ok = seats && pus_list(db, rd->arena, &rows, &n) == STORE_OK;
    for (size_t i = 0; ok && i < rd->n_seats; i++)
        seats[i] = rd->seats[i].pu;
    if (ok)
        qsort(seats, rd->n_seats, sizeof(*seats), by_number);
    for (size_t i = 0; ok && i < n; i++) {
        if (!rows[i].select_digest.len ||
            bsearch(&rows[i].id, seats, rd->n_seats, sizeof(*seats), by_number))
            continue;
        rows[i].select_digest = (struct wess_slice){NULL, 0};
        ok = pu_save(db, &rows[i]) == STORE_OK;
    }
    return ok;
}

/* Seats of all users that are not off, in the order of users and pairs. */
bool round_make_seats(struct round *rd)
{
    const struct config *cfg = rd->cfg;
    struct db *db = db_open(rd->store, false);
    rd->seats = arena_alloc(rd->arena, (cfg->n_users * cfg->n_pairs + 1) * sizeof(*rd->seats));
    bool ok = rd->seats && db && db_begin(db) == STORE_OK;
    for (size_t u = 0; ok && u < cfg->n_users; u++)
        for (size_t p = 0; ok && p < cfg->n_pairs; p++) {
            struct seat *seat = &rd->seats[rd->n_seats];
            if (cfg->users[u].mode == MODE_OFF)
                continue;
            *seat = (struct seat){.pair = &cfg->pairs[p], .user = &cfg->users[u]};
            ok = seat_row(rd, db, seat);
            seat->runs = is_wanted(rd->opts, seat);
            rd->n_seats++;
        }
    ok = ok && (rd->opts->dry || forget_absent(rd, db)) && db_commit(db) == STORE_OK;
    if (!ok && !rd->broken && arena_refused(rd->arena) != ARENA_GAVE)
        round_broken(rd, EXIT_STATE, OUT_OF_MEMORY);
    if (!ok && !rd->broken) {
        char text[1024];
        store_say(rd->store, db, text, sizeof(text));
        const char *copy = arena_text(rd->arena, text);
        round_broken(rd, EXIT_STATE, copy ? copy : OUT_OF_MEMORY);
    }
    rd->db = db;
    return ok;
}
