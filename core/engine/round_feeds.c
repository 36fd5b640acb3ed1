/* Feeds that many users share: read once a round, by whoever comes first, for all of them. */
#include <stdio.h>
#include <string.h>

#include "engine/round.h"
#include "error.h"

struct shared_feed *round_shared_of(struct round *rd, const struct cfg_pair *pair, enum side s)
{
    for (size_t i = 0; i < rd->n_shared; i++)
        if (rd->shared[i].endpoint == pair->endpoint[s] &&
            !strcmp(rd->shared[i].collection, pair->collection[s]))
            return &rd->shared[i];
    return NULL;
}

static bool add_shared(struct round *rd, const struct cfg_pair *pair, enum side s)
{
    struct shared_feed *f = &rd->shared[rd->n_shared];
    if (pair->endpoint[s]->per_user || round_shared_of(rd, pair, s))
        return true;
    *f = (struct shared_feed){.endpoint = pair->endpoint[s], .collection = pair->collection[s]};
    f->subs = arena_alloc(rd->arena, (2 * rd->n_seats + 1) * sizeof(*f->subs));
    pthread_mutex_init(&f->lock, NULL);
    rd->n_shared++;
    for (size_t i = 0; f->subs && i < rd->n_seats; i++)
        for (int side = LEFT; side <= RIGHT; side++) {
            const struct seat *seat = &rd->seats[i];
            if (seat->pair->endpoint[side] != f->endpoint ||
                strcmp(seat->pair->collection[side], f->collection) != 0)
                continue;
            f->subs[f->n_subs++] =
                (struct subscriber){seat->pu, (enum side)side, &seat->selector[side]};
            f->from_start |= seat->changed && seat->runs;
        }
    return f->subs != NULL;
}

bool round_make_feeds(struct round *rd)
{
    bool ok = true;
    rd->shared = arena_alloc(rd->arena, (2 * rd->cfg->n_pairs + 1) * sizeof(*rd->shared));
    for (size_t i = 0; rd->shared && ok && i < rd->cfg->n_pairs; i++)
        ok = add_shared(rd, &rd->cfg->pairs[i], LEFT) && add_shared(rd, &rd->cfg->pairs[i], RIGHT);
    return rd->shared && ok;
}

size_t round_subscribers(struct run *r, enum side side, const struct subscriber **out)
{
    struct round *rd = r->round;
    struct party p = rd->parties[r->slot];
    struct subscriber *subs = arena_alloc(r->arena, (2 * p.n + 1) * sizeof(*subs));
    size_t n = 0;
    for (size_t i = 0; subs && i < p.n; i++)
        for (int s = LEFT; s <= RIGHT; s++)
            if (p.of[i].pair->endpoint[s] == r->side[side].endpoint &&
                !strcmp(p.of[i].pair->collection[s], r->pair->collection[side]))
                subs[n++] = (struct subscriber){p.of[i].pu, (enum side)s, &p.of[i].selector[s]};
    *out = subs;
    return n;
}

bool round_shared_begin(struct run *r, enum side s, bool look_up, struct pull *p, bool *reads)
{
    struct run_side *side = &r->side[s];
    struct shared_feed *f = side->shared;
    *reads = false;
    pthread_mutex_lock(&f->lock);
    bool first = !f->pulled, failed = !first && f->code != WESS_OK, back = !first && f->back;
    if (back) {
        pthread_mutex_unlock(&f->lock);
        return run_back(r, s);
    }
    if (failed || !(first || look_up)) {
        pthread_mutex_unlock(&f->lock);
        if (!failed)
            return true;
        r->report.status = status_worse(r->report.status, EXIT_UNREACHABLE);
        snprintf(r->report.text, sizeof(r->report.text), "%s could not be read in this round: %s",
                 side->endpoint->name, f->error.text);
        return false;
    }
    *reads = true;
    *p = run_pull_of(r, s);
    p->subs = f->subs;
    p->n_subs = f->n_subs;
    p->from_start = first && f->from_start;
    /* Another thread may have read on since this run was opened. */
    return feed_get(r->db, r->arena, side->feed.endpoint, "", side->feed.collection, &side->feed) ==
               STORE_OK ||
           run_store_failed(r);
}

/* Only whoever reads reports the trouble; the others rest with it. */
bool round_shared_end(struct run *r, enum side s, const struct pull *p, bool read)
{
    struct shared_feed *f = r->side[s].shared;
    bool ok = read && run_pulled(r, s, p);
    if (read) {
        f->pulled = true;
        f->code = p->code;
        f->error = p->error;
    }
    if (read)
        f->back = p->back;
    /* Before the first call perhaps: nobody is to take it for read. */
    if (read && (p->store_failed || p->spent))
        f->code = wess_fail(&f->error, p->code != WESS_OK ? p->code : WESS_BROKEN, WESS_OF_HOST,
                            NULL, "%s", p->spent ? "there is too little memory" : db_error(r->db));
    pthread_mutex_unlock(&f->lock);
    return ok;
}
