/* Streaming subscriptions (section 11): Subscribe, and answers of GetStreamingEvents that do not
 * end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exchange_ops.h"

#define SUBSCRIPTIONS_MAX 512u
#define STREAM_IDS_MAX 200u
#define COOKIE "X-BackEndOverrideCookie=MAIL01~1941962753"

struct subscription {
    char id[64];
    struct ex_mailbox *mailbox; /* NULL: forgotten */
    uint64_t folders;
    int64_t seq;     /* told up to there */
    bool led;        /* by an anchor, to where its group is held */
    unsigned stream; /* the last that asked for it: an older one is told nothing any more */
};
static struct subscription subscriptions[SUBSCRIPTIONS_MAX];
static size_t n_subscriptions;
static unsigned n_streams, dropped; /* how often all streams were cut */

static struct subscription *find(const char *id)
{
    for (size_t i = 0; i < n_subscriptions; i++)
        if (subscriptions[i].mailbox && !strcmp(subscriptions[i].id, id))
            return &subscriptions[i];
    return NULL;
}

bool ex_watch_control(const char *action)
{
    if (!strcmp(action, "forget_subscriptions"))
        for (size_t i = 0; i < n_subscriptions; i++)
            subscriptions[i].mailbox = NULL;
    else if (!strcmp(action, "drop_streams"))
        dropped++;
    else
        return false;
    return true;
}

/* ---- Subscribe
 * -------------------------------------------------------------------------------------------------------
 */

static const char *subscribe(struct ex_call *c, struct subscription *s)
{
    const xmlNode *request = ex_child(c->op, "StreamingSubscriptionRequest");
    if (!request || !ex_first(ex_child(request, "EventTypes")))
        return "ErrorInvalidSubscriptionRequest";
    for (const xmlNode *n = ex_first(ex_child(request, "FolderIds")); n; n = ex_next(n)) {
        int f = ex_folder_at(c, n, &s->mailbox);
        if (f < 0 || f > 63)
            return "ErrorFolderNotFound";
        s->folders |= (uint64_t)1 << f;
    }
    return s->folders ? NULL : "ErrorInvalidSubscriptionRequest";
}

void ex_subscribe(struct ex_call *c)
{
    static const char message[] = "SubscribeResponseMessage";
    struct subscription s = {.mailbox = NULL};
    const char *error =
        n_subscriptions == SUBSCRIPTIONS_MAX ? "ErrorExceededSubscriptionCount" : subscribe(c, &s);
    ex_begin(c, message, error);
    if (error)
        return;
    s.seq = s.mailbox->seq;
    s.led = sb_header(c->request, "X-AnchorMailbox") != NULL;
    snprintf(s.id, sizeof(s.id), "SgBzdHJlYW1pbmc%zu==", n_subscriptions);
    subscriptions[n_subscriptions++] = s;
    sb_buf_fmt(c->out, "<m:SubscriptionId>%s</m:SubscriptionId>", s.id);
    ex_end(c, message);
}

/* Where the subscriptions of a group are held. */
void ex_affinity(const struct sb_request *r, struct sb_response *out)
{
    const char *wanted = sb_header(r, "X-PreferServerAffinity");
    if (wanted && !strcasecmp(wanted, "true") && sb_header(r, "X-AnchorMailbox"))
        sb_buf_str(&out->headers, "Set-Cookie: " COOKIE "; path=/; HttpOnly\n");
}

/* ---- GetStreamingEvents
 * ----------------------------------------------------------------------------------------------
 */

struct streaming {
    char ids[STREAM_IDS_MAX][64];
    size_t n;
    int64_t until_ms, told_ms, heartbeat_ms;
    unsigned number, dropped;
    bool held, over; /* held: it came where they are held */
    struct sb_buf pending;
};

static bool has_news(const struct subscription *s)
{
    const struct ex_mailbox *m = s->mailbox;
    for (size_t i = 0; i < m->n_items; i++) {
        int f = m->items[i]->folder;
        if (m->items[i]->seq > s->seq && f >= 0 && f < 64 && (s->folders >> f & 1))
            return true;
    }
    for (size_t i = 0; i < m->n_deletions; i++) {
        int f = m->deletions[i].folder;
        if (m->deletions[i].seq > s->seq && f >= 0 && f < 64 && (s->folders >> f & 1))
            return true;
    }
    return false;
}

static void document(struct streaming *s, const char *error, const char *inner, const char *status)
{
    ex_envelope(&s->pending);
    sb_buf_fmt(&s->pending,
               "<s:Body><m:GetStreamingEventsResponse><m:ResponseMessages>"
               "<m:GetStreamingEventsResponseMessage ResponseClass=\"%s\">",
               error ? "Error" : "Success");
    if (error)
        sb_buf_str(&s->pending, "<m:MessageText>The request failed.</m:MessageText>");
    sb_buf_fmt(&s->pending, "<m:ResponseCode>%s</m:ResponseCode>", error ? error : "NoError");
    if (error)
        sb_buf_str(&s->pending, "<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>");
    sb_buf_str(&s->pending, inner);
    sb_buf_fmt(&s->pending,
               "<m:ConnectionStatus>%s</m:ConnectionStatus></m:GetStreamingEventsResponseMessage>"
               "</m:ResponseMessages></m:GetStreamingEventsResponse></s:Body></s:Envelope>",
               status);
    s->told_ms = sb_now_ms();
}

static bool is_older(const struct streaming *s)
{
    bool older = false;
    for (size_t i = 0; i < s->n; i++) {
        const struct subscription *sub = find(s->ids[i]);
        older |= sub && sub->stream > s->number;
    }
    return older;
}

/* One dead id spoils the whole request. */
static bool tell_dead(struct streaming *s)
{
    struct sb_buf list = {0};
    bool any = false;
    sb_buf_str(&list, "<m:ErrorSubscriptionIds>");
    for (size_t i = 0; i < s->n; i++) {
        const struct subscription *sub = find(s->ids[i]);
        /* Who signs in to a mailbox of his own comes to where that is, without a cookie. */
        if (!sub || (sub->led && !s->held)) {
            sb_buf_fmt(&list, "<t:SubscriptionId>%s</t:SubscriptionId>", s->ids[i]);
            any = true;
        }
    }
    sb_buf_str(&list, "</m:ErrorSubscriptionIds>");
    if (any)
        document(s, "ErrorSubscriptionNotFound", list.data, "OK");
    s->over |= any;
    sb_buf_free(&list);
    return any;
}

static void tell_news(struct streaming *s)
{
    struct sb_buf list = {0};
    bool any = false;
    sb_buf_str(&list, "<m:Notifications>");
    for (size_t i = 0; i < s->n; i++) {
        struct subscription *sub = find(s->ids[i]);
        if (!has_news(sub))
            continue;
        sb_buf_fmt(&list,
                   "<t:Notification><t:SubscriptionId>%s</t:SubscriptionId><t:ModifiedEvent>"
                   "<t:TimeStamp>2026-11-28T12:00:00Z</t:TimeStamp><t:FolderId Id=\"%s\"/>"
                   "<t:ParentFolderId Id=\"%s\"/></t:ModifiedEvent></t:Notification>",
                   sub->id, sub->mailbox->folders[0].id, sub->mailbox->folders[0].id);
        sub->seq = sub->mailbox->seq;
        any = true;
    }
    sb_buf_str(&list, "</m:Notifications>");
    if (any)
        document(s, NULL, list.data, "OK");
    sb_buf_free(&list);
}

/* Bytes, 0: nothing now, -1: the end, -2: cut. */
static long more(void *ctx, char *buf, size_t max)
{
    struct streaming *s = ctx;
    if (!s->pending.len && s->over)
        return -1;
    if (s->dropped != dropped || is_older(s))
        return -2;
    if (!s->pending.len && !tell_dead(s)) {
        tell_news(s);
        s->over |= sb_now_ms() >= s->until_ms;
        if (s->over)
            document(s, NULL, "", "Closed");
        else if (!s->pending.len && sb_now_ms() - s->told_ms >= s->heartbeat_ms)
            document(s, NULL, "", "OK");
    }
    size_t n = s->pending.len < max ? s->pending.len : max;
    if (n)
        memcpy(buf, s->pending.data, n);
    if (n)
        memmove(s->pending.data, s->pending.data + n, s->pending.len - n);
    s->pending.len -= n;
    return (long)n;
}

static void more_free(void *ctx)
{
    struct streaming *s = ctx;
    sb_buf_free(&s->pending);
    free(s);
}

const char *ex_stream(const struct sb_request *r, struct sb_response *out, const xmlNode *op)
{
    char *minutes = ex_text(ex_child(op, "ConnectionTimeout"));
    long wait = minutes ? strtol(minutes, NULL, 10) : 0;
    const char *cookie = sb_header(r, "Cookie");
    struct streaming *s = calloc(1, sizeof(*s));
    xmlFree(minutes);
    if (!s)
        abort();
    for (const xmlNode *n = ex_first(ex_child(op, "SubscriptionIds")); n; n = ex_next(n)) {
        char *id = ex_text(n);
        if (s->n < STREAM_IDS_MAX)
            snprintf(s->ids[s->n++], sizeof(s->ids[0]), "%s", id ? id : "");
        xmlFree(id);
    }
    if (wait < 1 || wait > 30 || !s->n) {
        free(s);
        return "ErrorSchemaValidation";
    }
    s->held = cookie && strstr(cookie, COOKIE);
    s->heartbeat_ms = atol(sb_switch("heartbeat_ms", "45000"));
    long stands = atol(sb_switch("stream_ms", "-1"));
    s->until_ms = sb_now_ms() + (stands < 0 ? wait * 60000 : stands);
    s->dropped = dropped;
    s->number = ++n_streams;
    for (size_t i = 0; i < s->n; i++)
        if (find(s->ids[i]))
            find(s->ids[i])->stream = s->number;
    out->type = "text/xml; charset=utf-8";
    out->more = more;
    out->more_free = more_free;
    out->more_ctx = s;
    document(s, NULL, "", "OK");
    return NULL;
}
