#include "rehearsal.h"

#include "../../sdk/sandbox/server.c"

const char *sb_switch(const char *name, const char *fallback)
{
    HOLDS(name);
    return fallback;
}

void rehearsal_start(const struct sb_server *s)
{
    /* user1@example.com and user2@example.com, with a few contacts each: quickly made. */
    sb_load = (struct sb_load){.on = true, .users = 2, .contacts = 5, .employers = 3};
    s->start("http://127.0.0.1:1/");
}

void rehearsal_stop(const struct sb_server *s)
{
    s->stop();
    sb_fault_clear();
    clock_offset = 0;
    n_ops = 0;
}

void rehearsal_ask(const struct sb_server *s, const char *path, const char *auth, const char *type,
                   const char *body, struct sb_response *out)
{
    struct context ctx = {.connection = NULL, .agent = "fuzz"};
    void *slot = NULL;
    char op[64] = "?";
    struct sb_request r = {.method = "POST",
                           .path = path,
                           .query = "",
                           .body = body,
                           .body_len = strlen(body),
                           .connection = &slot,
                           .ctx = &ctx};
    *out = (struct sb_response){.status = 200, .type = "text/plain"};
    snprintf(ctx.auth, sizeof(ctx.auth), "%s", auth ? auth : "");
    snprintf(ctx.type, sizeof(ctx.type), "%s", type);
    s->name_request(&r, op, sizeof(op));
    HOLDS(memchr(op, 0, sizeof(op)));
    sb_fault_due(op, &ctx.round);
    ctx.round.delay_ms = ctx.round.late_ms = 0;
    s->handle(&r, out);
    sb_buf_add(&out->body, "", 0);
    free(slot);
}

void rehearsal_end(struct sb_response *r)
{
    if (r->more)
        r->more_free(r->more_ctx);
    sb_buf_free(&r->body);
    sb_buf_free(&r->headers);
}

bool rehearsal_control(const char *path, const char *query, struct sb_buf *out)
{
    bool known = control(path, query, out);
    sb_buf_add(out, "", 0);
    return known;
}
