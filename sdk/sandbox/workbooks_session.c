/* Sessions (B2): a cookie that changes with every answer, a token for every change, an end. */
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workbooks.h"

#define COOKIE "Workbooks-Session"
#define IDLE_MS ((int64_t)8 * 3600 * 1000) /* B2: about eight hours */
#define SESSIONS 64u
#define WORD 33u

struct session {
    char cookie[WORD], token[WORD];
    int64_t used_ms;
    size_t user; /* 0: the service; else the place among the users, and one */
};
static struct session sessions[SESSIONS]; /* without a cookie: none */
unsigned wb_logins, wb_logouts;
size_t wb_asker;
bool wb_no_my_queues;

/* Nobody guesses it who does not know how many there were; it is a rehearsal. */
static void word(const char *what, char out[WORD])
{
    static unsigned long n;
    unsigned char digest[SHA256_DIGEST_SIZE];
    char text[64];
    struct sha256_ctx c;
    snprintf(text, sizeof(text), "%s %lu", what, ++n);
    sha256_init(&c);
    sha256_update(&c, strlen(text), (const uint8_t *)text);
    sha256_digest(&c, sizeof(digest), digest);
    for (size_t i = 0; i < (WORD - 1) / 2; i++)
        sprintf(out + 2 * i, "%02x", digest[i]);
}

static void rotate(struct session *s, struct sb_response *out)
{
    word("cookie", s->cookie);
    s->used_ms = sb_now_ms();
    sb_buf_fmt(&out->headers, "Set-Cookie: " COOKIE "=%s; path=/; HttpOnly\n", s->cookie);
}

/* The newest value alone is good. */
static struct session *session_of(const struct sb_request *r)
{
    const char *cookies = sb_header(r, "Cookie"),
               *at = cookies ? strstr(cookies, COOKIE "=") : NULL;
    for (size_t i = 0; at && i < SESSIONS; i++) {
        size_t len = strlen(sessions[i].cookie);
        if (len && !strncmp(at + sizeof(COOKIE), sessions[i].cookie, len) &&
            sb_now_ms() - sessions[i].used_ms < IDLE_MS)
            return &sessions[i];
    }
    return NULL;
}

static struct session *free_session(void)
{
    struct session *oldest = &sessions[0];
    for (size_t i = 0; i < SESSIONS; i++) {
        if (!*sessions[i].cookie)
            return &sessions[i];
        if (sessions[i].used_ms < oldest->used_ms)
            oldest = &sessions[i];
    }
    return oldest;
}

static bool is(const char *body, const char *name, const char *value)
{
    char *text = sb_param(body, name, 0);
    bool ok = text && !strcmp(text, value);
    free(text);
    return ok;
}

/* Everybody signs in by their address; a user's password is that of the mailbox. */
static bool is_user(const char *body, size_t *user)
{
    *user = 0;
    if (is(body, "username", WB_USER))
        return is(body, "password", sb_service_password);
    for (size_t i = 0; i < sb_n_users && !*user; i++)
        if (is(body, "username", sb_users[i].address) && is(body, "password", sb_users[i].password))
            *user = i + 1;
    return *user;
}

/* B9: each user has one queue per record family; the service has none but of activities. */
static void add_queues(json_t *answer, size_t user)
{
    json_t *of = json_object();
    int activities = user ? FIRST_ACTIVITY_QUEUE + (int)user - 1 : ACTIVITY_SERVICE;
    json_object_set_new(of, "Private::Activity::ActivityQueue", json_integer(activities));
    if (user) {
        json_object_set_new(of, "Private::Crm::PersonQueue",
                            json_integer(FIRST_QUEUE + (int)user - 1));
        json_object_set_new(of, "Private::Crm::OrganisationQueue",
                            json_integer(ORGANISATION_UNASSIGNED + (int)user));
    }
    json_object_set_new(answer, "my_queues", of);
}

static void greet(const struct session *s, const char *name, struct sb_response *out)
{
    json_t *answer =
        json_pack("{s:b,s:s,s:s,s:i,s:s,s:i,s:s,s:i}", "success", 1, "session_id", s->cookie,
                  "authenticity_token", s->token, "user_id", 41 + (int)s->user, "login_name", name,
                  "logical_database_id", 12, "timezone", "London", "api_version", 1);
    if (!wb_no_my_queues)
        add_queues(answer, s->user);
    wb_put_json(out, answer, 200);
}

void wb_login(const struct sb_request *r, struct sb_response *out)
{
    bool version = is(r->body, "client", "api") && is(r->body, "api_version", "1");
    size_t user;
    bool known = is_user(r->body, &user);
    bool wrong = sb_fault_at(r, "", NULL) == SB_FAULT_PASSWORD;
    char *database = sb_param(r->body, "logical_database_id", 0);
    bool several = !strcmp(sb_switch("databases", "one"), "several");
    if (!version || strcmp(r->method, "POST") != 0) {
        wb_refuse(out, 403, "no_permission_for_api");
    } else if (!known || wrong || wb_expired) {
        wb_refuse(out, 401, wb_expired ? "password_expired" : "unrecognised_name_or_password");
    } else if (several && !database) {
        wb_refuse(out, 403, "no_database_selection_made");
    } else if (database && strcmp(database, "12") != 0) {
        wb_refuse(out, 403, "requested_database_not_available");
    } else {
        struct session *s = free_session();
        s->user = user;
        word("token", s->token);
        rotate(s, out);
        wb_logins++;
        greet(s, user ? sb_users[user - 1].address : WB_USER, out);
    }
    free(database);
}

/* B2: answered by a redirect that nobody is to follow. */
void wb_logout(const struct sb_request *r, struct sb_response *out)
{
    struct session *s = session_of(r);
    if (s && is(r->body, "_authenticity_token", s->token)) {
        *s = (struct session){.used_ms = 0};
        wb_logouts++;
    }
    out->status = 302;
    sb_buf_str(&out->headers, "Location: /login\n");
}

bool wb_in_session(const struct sb_request *r, bool changes, struct sb_response *out)
{
    struct session *s = session_of(r);
    bool redirect = !strcmp(sb_switch("dead_session", "status"), "redirect");
    if (!s && redirect) {
        out->status = 302;
        sb_buf_str(&out->headers, "Location: /login\n");
        return false;
    }
    if (!s || (changes && !is(r->body, "_authenticity_token", s->token))) {
        wb_refuse(out, 401, sb_header(r, "Cookie") ? "session_expired" : "no_session");
        return false;
    }
    rotate(s, out);
    wb_asker = s->user;
    return true;
}

size_t wb_sessions(void)
{
    size_t n = 0;
    for (size_t i = 0; i < SESSIONS; i++)
        n += *sessions[i].cookie != 0;
    return n;
}

void wb_drop_sessions(void)
{
    memset(sessions, 0, sizeof(sessions));
}
