/* The example connector, breaking one rule: which one, WESS_LIE says. run.py has the list, and the
 * clause that each breaks. */
#define wess_connector_v1 honest_connector
#include "memory.c"
#undef wess_connector_v1

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

WESS_EXPORT const struct wess_connector *wess_connector_v1(void);

static const char *lie;

static bool is(const char *name)
{
    return !strcmp(lie, name);
}

static enum wess_code said(struct wess_call *call, enum wess_code code, const char *text)
{
    strcpy(call->error.text, text);
    return code;
}

/* What an answer holds, to be written to: it is in the arena of the call. */
static struct wess_item *item_of(const struct wess_change *c)
{
    return (struct wess_item *)(uintptr_t)&c->item;
}

static char *bytes(const void *of)
{
    return (char *)(uintptr_t)of;
}

/* ---- opening
 * ------------------------------------------------------------------------------------------ */

static enum wess_code open_lie(const struct wess_host *h, struct wess_conn **out,
                               struct wess_error *e)
{
    if (is("leaves a descriptor") && open("/dev/null", O_RDONLY) < 0)
        return WESS_BROKEN;
    if (is("leaves a file open") && open("/proc/self/exe", O_RDONLY) < 0)
        return WESS_BROKEN;
    return open_(h, out, e);
}

static void close_lie(struct wess_conn *c)
{
    if (is("close(NULL) crashes") && !c->host)
        return;
    close_(c);
}

static void *for_ever(void *ctx)
{
    pause();
    return ctx;
}

static enum wess_code check_lie(struct wess_call *call)
{
    static unsigned calls;
    const struct wess_host *h = call->conn->host;
    char secret[64] = "";
    pthread_t thread;
    if (is("starts a thread") && pthread_create(&thread, NULL, for_ever, NULL))
        return WESS_BROKEN;
    if (is("hangs") && calls++)
        pause();
    if (call->conn->host->setting(h->ctx, "password") && !is("never asks for its secret") &&
        h->secret(h->ctx, "password", secret, sizeof(secret)) != WESS_OK) {
        call->error.scope =
            is("blames the host for its secret") ? WESS_OF_HOST : WESS_OF_CREDENTIAL;
        strcpy(call->error.text, "the password cannot be read");
        return WESS_AUTH;
    }
    if (is("tells its secret in the log"))
        h->log(h->ctx, WESS_LOG_INFO, "signed in with %s", secret);
    if (is("tells its secret in a text"))
        return said(call, WESS_AUTH, secret);
    if (is("refused")) {
        call->error.scope = WESS_OF_CREDENTIAL;
        return said(call, WESS_AUTH, "the password is wrong");
    }
    if (is("has two lines of text"))
        return said(call, WESS_BROKEN, "one\ntwo");
    if (is("answers an unknown code"))
        return (enum wess_code)77;
    return check(call);
}

static enum wess_code describe_lie(struct wess_call *call, struct wess_schema *out)
{
    static char names[64][16];
    static unsigned calls;
    static const char *const facts[] = {"queue"};
    enum wess_code rc = describe(call, out);
    struct wess_collection *c = (struct wess_collection *)(uintptr_t)out->of;
    if (rc == WESS_OK)
        c->facts = (struct wess_list){facts, 1};
    if (is("another identity each time"))
        out->identity = strcpy(names[calls % 64], calls % 2 ? "odd" : "even");
    calls++;
    if (rc == WESS_OK && is("claims more than its kind"))
        c->caps |= WESS_CAP_STAMP_LATER;
    if (rc == WESS_OK && is("has a collection twice")) {
        struct wess_collection *two = room(call, 2 * sizeof(*two));
        if (!two)
            return WESS_TOO_BIG;
        two[0] = two[1] = *c;
        out->of = two;
        out->n = 2;
    }
    return rc;
}

/* ---- reading
 * ------------------------------------------------------------------------------------------ */

static void drop_last(struct wess_page *out, uint32_t what)
{
    struct wess_change *c = (struct wess_change *)(uintptr_t)out->changes;
    size_t kept = 0;
    for (size_t i = 0; i < out->n; i++)
        if (c[i].what != what)
            c[kept++] = c[i];
    out->n = kept;
}

static void spoil_items(struct wess_page *out)
{
    for (size_t i = 0; i < out->n; i++) {
        struct wess_item *item = item_of(&out->changes[i]);
        if (is("keys are not folded") && item->n_keys)
            bytes(item->keys[0].id)[0] = 'X';
        if (is("has no kind"))
            item->kind = NULL;
        if (is("hides the stamp"))
            item->n_keys = 1;
        if (is("text is no UTF-8") && item->n_keys)
            bytes(item->keys[0].id)[0] = '\xff';
        if (is("answers from the heap"))
            item->folder = strdup("leaked");
    }
}

static void spoil_page(struct wess_page *out, bool delta)
{
    if (is("a snapshot is not flagged"))
        out->flags &= ~(uint32_t)WESS_PAGE_SNAPSHOT;
    if (is("never comes to an end"))
        out->flags &= ~(uint32_t)WESS_PAGE_LAST;
    if (is("is not sorted") && !delta)
        out->flags |= WESS_PAGE_SORTED;
    if (is("a snapshot misses items") && out->n > 1)
        out->n--;
    if (is("tells of no deletion"))
        drop_last(out, WESS_DELETE);
    if (is("tells of no change") && delta)
        drop_last(out, WESS_UPSERT);
}

static enum wess_code changes_lie(struct wess_call *call, struct wess_slice in, uint32_t limit,
                                  struct wess_page *out)
{
    static char newest[16];
    static size_t newest_len;
    static const struct wess_item *last_item;
    bool delta = in.len && *(const char *)in.data == 'd';
    if (is("takes its newest cursor only") && in.len &&
        (in.len != newest_len || memcmp(in.data, newest, in.len)))
        return said(call, WESS_RESET, "no longer");
    if (is("keeps an answer") && last_item && !*last_item->id)
        return WESS_BROKEN;
    if (is("writes past its memory")) {
        volatile size_t five = 5;
        char *own = room(call, five);
        if (own)
            own[five] = 'x';
    }
    if (is("takes any cursor") && in.len && !strchr("sd", *(const char *)in.data))
        in.len = 0;
    enum wess_code rc =
        changes(call, in, is("brings more than the limit") ? limit + 1 : limit, out);
    if (rc == WESS_RESET && is("errors have no text"))
        call->error.text[0] = 0;
    if (rc == WESS_RESET && is("the scope is unknown"))
        call->error.scope = 99;
    if (rc == WESS_TOO_BIG && is("answers less without memory")) {
        rc = WESS_OK;
        out->next = (struct wess_slice){"d0", 2};
        out->n = 0;
        out->flags = WESS_PAGE_SNAPSHOT | WESS_PAGE_LAST;
    }
    if (rc != WESS_OK)
        return rc;
    spoil_page(out, delta);
    spoil_items(out);
    newest_len = out->next.len;
    memcpy(newest, out->next.data, newest_len);
    last_item = out->n ? &out->changes[0].item : last_item;
    return rc;
}

static enum wess_code fetch_lie(struct wess_call *call, struct wess_list ids,
                                struct wess_result *out)
{
    enum wess_code rc = fetch(call, ids, out);
    for (size_t i = 0; i < ids.n; i++) {
        struct wess_item *item = (struct wess_item *)(uintptr_t)out[i].current;
        if (out[i].code == WESS_GONE && is("one bad id fails a fetch"))
            return said(call, WESS_GONE, "one is gone");
        if (out[i].code == WESS_GONE && is("what is gone is refused"))
            out[i].code = WESS_BROKEN;
        if (item && is("fetch brings no whole item"))
            item->flags = 0;
        if (item && is("fetch answers less without memory"))
            item->n_fields = call->conn->host->alloc(call->arena, 8) ? 2 : 0;
        if (item && is("points into its inputs"))
            item->id = ids.of[i];
        if (item && is("hides the stamp"))
            item->n_keys = 1;
        if (item && is("has a field twice"))
            ((struct wess_field *)(uintptr_t)item->fields)[1].name = "fn";
    }
    if (ids.n > 1 && is("fetch mixes the order")) {
        struct wess_result first = out[0];
        out[0] = out[ids.n - 1];
        out[ids.n - 1] = first;
    }
    return rc;
}

static enum wess_code find_lie(struct wess_call *call, const struct wess_key *keys, size_t n,
                               struct wess_page *out)
{
    if (is("finds by the first key only") && n > 1)
        n = 1;
    enum wess_code rc = find(call, keys, n, out);
    if (is("find is never the last page"))
        out->flags = 0;
    if (is("finds what nobody asked for") && rc == WESS_OK) {
        *out = (struct wess_page){.n = 0};
        rc = changes(call, (struct wess_slice){"s0", 2}, 100, out);
        out->flags = WESS_PAGE_LAST;
    }
    return rc;
}

/* ---- writing
 * ------------------------------------------------------------------------------------------ */

static void put_over(struct person *p)
{
    char was[sizeof(p->revision)];
    strcpy(was, p->revision);
    people_put(p, was);
}

static void force(const struct wess_op *op)
{
    struct person p;
    if (!people_get(op->item.id, &p))
        return;
    for (size_t i = 0; i < op->item.n_fields; i++)
        people_set(&p, strcmp(op->item.fields[i].name, "fn") ? PERSON_TITLE : PERSON_NAME,
                   op->item.fields[i].str.data, op->item.fields[i].str.len);
    put_over(&p);
}

static void wipe(const struct wess_op *op)
{
    struct person p;
    if (!people_get(op->item.id, &p))
        return;
    people_set(&p, PERSON_NAME, "wiped", 5);
    put_over(&p);
}

static void spoil_result(struct wess_call *call, const struct wess_op *op, struct wess_result *r)
{
    if (op->what == WESS_CREATE && is("a create has no id"))
        r->id = NULL;
    if (op->what == WESS_UPDATE && r->code == WESS_OK && is("an update wipes the rest")) {
        wipe(op);
        r->revision = NULL;
    }
    if (op->what == WESS_UPDATE && r->code == WESS_CONFLICT && is("writes a stale update")) {
        force(op);
        r->code = WESS_OK;
    }
    if (op->what == WESS_UPDATE && r->code == WESS_GONE && is("updates what is gone"))
        r->code = WESS_OK;
    if (op->what == WESS_DELETE && r->code == WESS_GONE && is("a second delete is broken"))
        r->code = WESS_BROKEN;
    if (r->code == WESS_REJECTED && is("names no refused field"))
        r->n_refused = 0;
    if (r->code == WESS_OK && is("answers a wrong revision"))
        r->revision = "999999";
    if (r->current && is("a create, again, has a revision"))
        r->revision = r->current->revision;
    if (r->code == WESS_OK && is("says NOT_TRIED and did") &&
        call->conn->host->cancelled(call->conn->host->ctx)) {
        *r = (struct wess_result){.code = WESS_NOT_TRIED};
        said(call, WESS_CANCELLED, "cancelled");
    }
}

static struct wess_op spoil_op(struct wess_call *call, const struct wess_op *op)
{
    struct wess_op out = *op;
    struct wess_field *f = room(call, (op->item.n_fields + 1) * sizeof(*f));
    if (is("a create, again, doubles"))
        out.flags = 0;
    if (is("writes no stamp"))
        out.stamp = NULL;
    for (size_t i = 0; f && i < op->item.n_fields; i++) {
        f[i] = op->item.fields[i];
        if (f[i].type == WESS_TEXT && f[i].str.len > 50 && is("cuts what it could hold"))
            f[i].str.len = 50;
        out.item.fields = f;
    }
    if (op->what == WESS_UPDATE && op->item.n_fields && op->item.fields[0].type == WESS_NULL &&
        is("does not clear"))
        out.item.n_fields = 0;
    return out;
}

static enum wess_code apply_lie(struct wess_call *call, const struct wess_op *ops, size_t n,
                                struct wess_result *out)
{
    static const struct wess_op *kept;
    bool failed = false;
    if (is("keeps an op") && kept && kept->what > WESS_DELETE)
        return WESS_BROKEN;
    kept = n ? ops : kept;
    for (size_t i = 0; i < n; i++) {
        struct wess_op op = spoil_op(call, &ops[i]);
        if (failed && is("one bad op stops the batch")) {
            out[i].code = WESS_NOT_TRIED;
            continue;
        }
        if (op.what == WESS_CREATE && (op.flags & WESS_OP_AGAIN) &&
            is("a create, again, is only looked for")) {
            struct person p;
            if (!op.stamp || !people_get_stamped(op.stamp, &p)) {
                out[i].code = WESS_GONE;
                continue;
            }
        }
        out[i].code = write_one(call, &op, &out[i]);
        spoil_result(call, &ops[i], &out[i]);
        failed |= out[i].code != WESS_OK;
    }
    if (failed && n > 1 && is("one bad op is told of another")) {
        struct wess_result first = out[0];
        out[0] = out[1];
        out[1] = first;
    }
    return WESS_OK;
}

/* ---- the optional slots
 * ------------------------------------------------------------------------------------------ */

static enum wess_code tags_lie(struct wess_call *call, const struct wess_fact **out, size_t *n)
{
    static const struct wess_fact of[] = {{"Red", "1"}, {"Blue", "2"}, {"Blue", "3"}},
                                  again[] = {{"Red", "1"}, {"Blue", "4"}};
    static unsigned calls;
    (void)call;
    *out = is("has other ids each time") && calls++ % 2 ? again : of;
    *n = is("has a tag twice") ? 3 : 2;
    return WESS_OK;
}

static enum wess_code values_lie(struct wess_call *call, const char *fact, struct wess_list *out,
                                 bool *all)
{
    static const char *const of[] = {"mine", "theirs"};
    bool probed = (call->flags & WESS_CALL_PROBE) != 0, known = !strcmp(fact, "queue");
    *all = known;
    *out = (struct wess_list){of, known || is("any fact has values") ? 2 : 0};
    if (known && probed && is("a probe tells less"))
        out->n = 1;
    return WESS_OK;
}

static enum wess_code relate_lie(struct wess_call *call, const struct wess_relation *of, size_t n,
                                 struct wess_result *out)
{
    (void)call;
    (void)of;
    for (size_t i = 0; i < n; i++)
        out[i].code = is("ties what is not there") ? WESS_OK : WESS_GONE;
    if (n && is("answers one relation alone"))
        out[n - 1].code = WESS_UNKNOWN;
    return WESS_OK;
}

/* ---- the table
 * ------------------------------------------------------------------------------------------ */

const struct wess_connector *wess_connector_v1(void)
{
    static const struct wess_option secret[] = {
        {"password", "string", NULL, NULL, NULL, "of the account", WESS_OPTION_SECRET},
        {"password", "string", NULL, NULL, NULL, "of the account", 0}};
    static const struct wess_option url[] = {{"url", "url", NULL, NULL, NULL, "where it is", 0}};
    static struct wess_connector self;
    lie = getenv("WESS_LIE") ? getenv("WESS_LIE") : "";
    self = *honest_connector();
    self.name = "liar";
    self.open = open_lie;
    self.close = close_lie;
    self.check = check_lie;
    self.describe = describe_lie;
    self.changes = changes_lie;
    self.fetch = is("a slot is empty") ? NULL : fetch_lie;
    self.find = find_lie;
    self.apply = apply_lie;
    self.tags = tags_lie;
    self.values = values_lie;
    self.relate = relate_lie;
    self.abi += is("another ABI");
    self.options = secret;
    self.n_options = is("an option comes twice") ? 2 : 1;
    if (is("counts no request")) {
        self.options = url;
        self.n_options = 1;
    }
    return &self;
}
