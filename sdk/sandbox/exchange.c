/* The Exchange side: envelope, versions, impersonation, control. */
#include <jansson.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "entra.h"
#include "exchange_ops.h"

#define NS_T "http://schemas.microsoft.com/exchange/services/2006/types"
#define NS_M "http://schemas.microsoft.com/exchange/services/2006/messages"
#define NS_E "http://schemas.microsoft.com/exchange/services/2006/errors"

static const struct {
    const char *name;
    void (*run)(struct ex_call *);
} operations[] = {{"GetFolder", ex_get_folder},
                  {"FindFolder", ex_find_folder},
                  {"GetUserConfiguration", ex_get_configuration},
                  {"CreateUserConfiguration", ex_create_configuration},
                  {"UpdateUserConfiguration", ex_update_configuration},
                  {"SyncFolderHierarchy", ex_sync_hierarchy},
                  {"SyncFolderItems", ex_sync_items},
                  {"GetItem", ex_get_item},
                  {"CreateItem", ex_create_item},
                  {"UpdateItem", ex_update_item},
                  {"DeleteItem", ex_delete_item},
                  {"MoveItem", ex_move_item},
                  {"CopyItem", ex_copy_item},
                  {"FindItem", ex_find_item},
                  {"CreateAttachment", ex_create_attachment},
                  {"GetAttachment", ex_get_attachment},
                  {"DeleteAttachment", ex_delete_attachment},
                  {"ConvertId", ex_convert_id},
                  {"ResolveNames", ex_resolve_names},
                  {"Subscribe", ex_subscribe}};

/* ---- envelopes
 * ----------------------------------------------------------------------------------------------------
 */

/* What each server calls itself, and its build when the switch names none. */
static const struct release {
    int major, minor, build, fix;
    const char *word; /* NULL: it does not say */
} releases[] = {{8, 0, 685, 24, NULL},
                {8, 1, 240, 6, NULL},
                {8, 2, 176, 2, NULL},
                {8, 3, 83, 6, NULL},
                {14, 0, 639, 21, "Exchange2010"},
                {14, 1, 218, 15, "Exchange2010_SP1"},
                {14, 2, 247, 5, "Exchange2010_SP2"},
                {14, 3, 123, 4, "Exchange2010_SP2"},
                {15, 0, 1497, 2, "V2_23"},
                {15, 1, 2507, 6, "V2017_07_11"},
                {15, 2, 2562, 17, "V2017_07_11"},
                {15, 20, 8769, 14, "V2018_01_08"}};

static struct release version(void)
{
    struct release r = releases[10], asked = {0};
    int n = sscanf(sb_switch("server_version", "15.2"), "%d.%d.%d", &asked.major, &asked.minor,
                   &asked.build);
    for (size_t i = 0; n >= 2 && i < sizeof(releases) / sizeof(releases[0]); i++)
        if (releases[i].major == asked.major && releases[i].minor == asked.minor)
            r = releases[i];
    if (n >= 2) {
        r.major = asked.major;
        r.minor = asked.minor;
    }
    if (n == 3)
        r.build = asked.build;
    return r;
}

static void version_header(struct sb_buf *b)
{
    struct release r = version();
    sb_buf_fmt(b,
               "<s:Header><t:ServerVersionInfo MajorVersion=\"%d\" MinorVersion=\"%d\" "
               "MajorBuildNumber=\"%d\" MinorBuildNumber=\"%d\"",
               r.major, r.minor, r.build, r.fix);
    if (r.word)
        sb_buf_fmt(b, " Version=\"%s\"", r.word);
    sb_buf_str(b, "/></s:Header>");
}

void ex_envelope(struct sb_buf *b)
{
    sb_buf_str(b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
                  "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
                  "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:t=\"" NS_T
                  "\" xmlns:m=\"" NS_M "\">");
}

static void fault_in(struct sb_response *out, const char *language, const char *code,
                     const char *text, int64_t backoff)
{
    out->status = 500;
    out->type = "text/xml; charset=utf-8";
    ex_envelope(&out->body);
    sb_buf_fmt(&out->body,
               "<s:Body><s:Fault><faultcode xmlns:a=\"" NS_T "\">a:%s</faultcode>"
               "<faultstring xml:lang=\"%s\">%s</faultstring><detail>"
               "<e:ResponseCode xmlns:e=\"" NS_E "\">%s</e:ResponseCode>"
               "<e:Message xmlns:e=\"" NS_E "\">%s</e:Message>",
               code, language, text, code, text);
    if (backoff)
        sb_buf_fmt(
            &out->body,
            "<t:MessageXml><t:Value Name=\"BackOffMilliseconds\">%lld</t:Value></t:MessageXml>",
            (long long)backoff);
    sb_buf_str(&out->body, "</detail></s:Fault></s:Body></s:Envelope>");
}

static void fault(struct sb_response *out, const char *code, const char *text, int64_t backoff)
{
    fault_in(out, "en-US", code, text, backoff);
}

const char *ex_stops(const struct ex_call *c, int64_t at)
{
    if (c->fault != SB_FAULT_STOP || at < c->fault_arg)
        return NULL;
    const char *why = sb_fault_word(c->request);
    return at == c->fault_arg && !strncmp(why, "Error", 5) ? why : "ErrorBatchProcessingStopped";
}

void ex_begin(struct ex_call *c, const char *message, const char *error)
{
    bool stopped = error && !strcmp(error, "ErrorBatchProcessingStopped");
    sb_buf_fmt(c->out, "<m:%s ResponseClass=\"%s\">", message,
               stopped ? "Warning"
               : error ? "Error"
                       : "Success");
    if (!error) {
        sb_buf_str(c->out, "<m:ResponseCode>NoError</m:ResponseCode>");
        return;
    }
    sb_buf_fmt(c->out,
               "<m:MessageText>The request failed.</m:MessageText><m:ResponseCode>%s"
               "</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>",
               error);
    if (!strncmp(message, "SyncFolderItems", 15))
        sb_buf_str(c->out, "<m:SyncState/><m:IncludesLastItemInRange>true"
                           "</m:IncludesLastItemInRange>");
    if (!strncmp(message, "GetItem", 7) || !strncmp(message, "CreateItem", 10) ||
        !strncmp(message, "UpdateItem", 10))
        sb_buf_str(c->out, "<m:Items/>");
    if (!strncmp(message, "GetFolder", 9))
        sb_buf_str(c->out, "<m:Folders/>");
    ex_end(c, message);
}

void ex_end(struct ex_call *c, const char *message)
{
    sb_buf_fmt(c->out, "</m:%s>", message);
}

/* ---- versions
 * ---------------------------------------------------------------------------------------------- */

/* The oldest build that knows a word of RequestServerVersion; words that are not here are younger
 * than what anybody may ask for. */
static const struct {
    const char *word;
    int major, minor;
} asked[] = {{"Exchange2007", 8, 0},      {"Exchange2007_SP1", 8, 1},  {"Exchange2010", 14, 0},
             {"Exchange2010_SP1", 14, 1}, {"Exchange2010_SP2", 14, 2}, {"Exchange2013", 15, 0},
             {"Exchange2013_SP1", 15, 0}, {"Exchange2015", 15, 1},     {"Exchange2016", 15, 1},
             {"V2015_10_05", 15, 1},      {"V2016_01_06", 15, 1},      {"V2016_04_13", 15, 1},
             {"V2016_07_13", 15, 1},      {"V2016_10_10", 15, 1},      {"V2017_01_07", 15, 1},
             {"V2017_04_14", 15, 1},      {"V2017_07_11", 15, 1},      {"V2017_10_09", 15, 20},
             {"V2018_01_08", 15, 20}};

static bool knows_version(const xmlNode *header)
{
    struct release r = version();
    char *word = ex_attr(ex_child(header, "RequestServerVersion"), "Version");
    bool ok = !word;
    for (size_t i = 0; word && i < sizeof(asked) / sizeof(asked[0]); i++)
        if (!strcmp(asked[i].word, word))
            ok = r.major > asked[i].major ||
                 (r.major == asked[i].major && r.minor >= asked[i].minor);
    xmlFree(word);
    return ok;
}

static bool has_old_words(const xmlNode *op)
{
    const xmlNode *header = ex_child(op->parent->parent, "Header");
    char *word = ex_attr(ex_child(header, "RequestServerVersion"), "Version");
    bool old = false;
    for (size_t i = 0; word && i < sizeof(asked) / sizeof(asked[0]); i++)
        old |= !strcmp(asked[i].word, word) && asked[i].major < 15;
    xmlFree(word);
    return old;
}

/* ---- one request
 * ------------------------------------------------------------------------------------------------------
 */

static xmlDoc *parse(const struct sb_request *r)
{
    xmlDoc *doc =
        xmlReadMemory(r->body, (int)r->body_len, NULL, NULL,
                      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_HUGE);
    if (doc && doc->intSubset) {
        xmlFreeDoc(doc);
        doc = NULL;
    }
    return doc;
}

/* The items of a request that has any. */
static const xmlNode *first_item(const xmlNode *op)
{
    static const char *const lists[] = {"ItemIds", "Items", "ItemChanges", "FolderIds"};
    const xmlNode *first = NULL;
    for (size_t i = 0; !first && i < sizeof(lists) / sizeof(lists[0]); i++)
        first = ex_first(ex_child(op, lists[i]));
    return first;
}

static int64_t count_items(const xmlNode *op)
{
    int64_t count = 0;
    for (const xmlNode *n = first_item(op); n; n = ex_next(n))
        count++;
    return count;
}

static void refuse_all(struct ex_call *c, const char *name)
{
    char message[96];
    int64_t n = count_items(c->op);
    snprintf(message, sizeof(message), "%.60sResponseMessage", name);
    for (int64_t i = 0; i < (n ? n : 1); i++)
        ex_begin(c, message, sb_fault_word(c->request));
}

/* What a server under fire says instead of carrying it out. */
static bool under_fire(const struct sb_request *r, struct sb_response *out, const xmlNode *op)
{
    static const char german[] = "Die Anforderung kann derzeit nicht verarbeitet werden.";
    int64_t arg = 0;
    long most = atol(sb_switch("concurrent", "0"));
    enum sb_fault kind = sb_fault_at(r, "", &arg);
    if (kind == SB_FAULT_BUSY) {
        fault(out, "ErrorServerBusy", "The server cannot service this request right now.", arg);
    } else if (kind == SB_FAULT_CODE || kind == SB_FAULT_CODE_200) {
        fault_in(out, "de-DE", sb_fault_word(r), german, 0);
        out->status = kind == SB_FAULT_CODE ? 500 : 200;
    } else if (kind == SB_FAULT_LIMIT && count_items(op) > arg) {
        fault_in(out, "de-DE", "ErrorTimeoutExpired", german, 0);
    } else if (most && sb_under_way("ews:") > most) {
        fault(out, "ErrorExceededConnectionCount",
              "You have exceeded the available concurrent connections for your account. Try again "
              "once your other requests have completed.",
              0);
    } else {
        return false;
    }
    return true;
}

static void run(const struct sb_request *r, struct sb_response *out, struct ex_mailbox *m,
                const xmlNode *op, void (*carry_out)(struct ex_call *))
{
    struct ex_call c = {
        .request = r, .mailbox = m, .op = op, .out = &out->body, .old_words = has_old_words(op)};
    const char *name = (const char *)op->name;
    c.fault = sb_fault_at(r, "", &c.fault_arg);
    if (c.fault == SB_FAULT_SLOW && count_items(op) > c.fault_arg)
        out->pause_ms = strtoll(sb_fault_word(r), NULL, 10);
    out->type = "text/xml; charset=utf-8";
    ex_envelope(&out->body);
    version_header(&out->body);
    sb_buf_fmt(&out->body, "<s:Body><m:%sResponse><m:ResponseMessages>", name);
    if (c.fault == SB_FAULT_MESSAGE)
        refuse_all(&c, name);
    else
        carry_out(&c);
    sb_buf_fmt(&out->body, "</m:ResponseMessages></m:%sResponse></s:Body></s:Envelope>", name);
}

static void soap(const struct sb_request *r, struct sb_response *out, const xmlNode *root,
                 const char *account)
{
    const xmlNode *header = ex_child(root, "Header"), *op = ex_first(ex_child(root, "Body"));
    void (*carry_out)(struct ex_call *) = NULL;
    const char *code = NULL, *wrong = op ? ex_order(op) : "Body";
    for (size_t i = 0; op && i < sizeof(operations) / sizeof(operations[0]); i++)
        if (!strcmp(operations[i].name, (const char *)op->name))
            carry_out = operations[i].run;
    if (under_fire(r, out, op))
        return;
    if (!knows_version(header)) {
        /* The very first did not know the header's word for it. */
        bool first = version().major == 8 && version().minor == 0;
        fault(out, first ? "ErrorSchemaValidation" : "ErrorInvalidServerVersion",
              "The specified server version is invalid.", 0);
        return;
    }
    bool streams = op && !wrong && !strcmp((const char *)op->name, "GetStreamingEvents");
    if (streams && (code = ex_stream(r, out, op))) {
        fault(out, code, "The request failed schema validation.", 0);
        return;
    }
    if (streams)
        return;
    if (wrong || !carry_out) {
        fault(out, carry_out || wrong ? "ErrorSchemaValidation" : "ErrorInvalidRequest",
              "The request failed schema validation.", 0);
        return;
    }
    if ((code = ex_time_context(header))) {
        fault(out, code, "The time zone is not valid.", 0);
        return;
    }
    struct ex_mailbox *m = ex_whose(r, header, op, account, &code);
    if (!m && !strcmp((const char *)op->name, "ResolveNames") &&
        !ex_child(header, "ExchangeImpersonation"))
        m = ex_mailboxes;
    int64_t wait_ms;
    if (!m)
        fault(out, code, "The account does not have permission, or there is no such mailbox.", 0);
    else if (ex_over_budget(m, &wait_ms))
        fault(out, "ErrorServerBusy", "The server cannot service this request right now.", wait_ms);
    else
        run(r, out, m, op, carry_out);
}

/* By which a request is found in the server's logs. */
static void name_answer(const struct sb_request *r, struct sb_response *out)
{
    static unsigned n;
    const char *theirs = sb_header(r, "client-request-id");
    sb_buf_fmt(&out->headers, "request-id: 5ab0c0de-0000-4000-8000-%012u\nX-FEServer: MAIL01\n",
               ++n);
    if (theirs && strlen(theirs) == 36 && sb_header(r, "return-client-request-id"))
        sb_buf_fmt(&out->headers, "client-request-id: %s\n", theirs);
}

static void handle(const struct sb_request *r, struct sb_response *out)
{
    const char *type = sb_header(r, "Content-Type");
    if (entra_is_mine(r->path)) {
        entra_handle(r, out);
        return;
    }
    if (ex_discover_is_mine(r->path)) {
        ex_discover(r, out);
        return;
    }
    if (strcasecmp(r->path, "/EWS/Exchange.asmx")) {
        out->status = 404;
        out->type = "text/html";
        sb_buf_str(&out->body, "<html><body>404 - File or directory not found.</body></html>");
        return;
    }
    name_answer(r, out);
    ex_affinity(r, out);
    const char *account = ex_sign_in(r, out);
    if (!account)
        return;
    if (!strcmp(sb_switch("ews", "on"), "off")) {
        out->status = 403;
        sb_buf_str(&out->headers, "x-ms-diagnostics: reason=\"EWS is disabled for the organization "
                                  "or the application.\"\n");
        return;
    }
    if (strcmp(r->method, "POST") || (type && strncasecmp(type, "text/xml", 8))) {
        out->status = 400;
        sb_buf_str(&out->body, "text/xml was expected");
        return;
    }
    xmlDoc *doc = parse(r);
    const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    if (!root || strcmp((const char *)root->name, "Envelope"))
        fault(out, "ErrorSchemaValidation", "The request failed schema validation.", 0);
    else
        soap(r, out, root, account);
    xmlFreeDoc(doc);
}

static void name_request(const struct sb_request *r, char *op, size_t cap)
{
    if (entra_is_mine(r->path)) {
        entra_name(r->path, op, cap);
        return;
    }
    if (ex_discover_is_mine(r->path)) {
        snprintf(op, cap, "ews:autodiscover");
        return;
    }
    const char *at = r->body ? strstr(r->body, ":Body>") : NULL;
    const char *open = at ? strchr(at, '<') : NULL;
    const char *colon = open ? strpbrk(open, ": />") : NULL;
    const char *name = colon && *colon == ':' ? colon + 1 : open ? open + 1 : NULL;
    size_t len = name ? strcspn(name, " />") : 0;
    /* The two empty legs of an NTLM handshake are requests of nothing. */
    snprintf(op, cap, "ews:%.*s", len ? (int)len : 4, len ? name : "none");
}

/* ---- as a person would
 * --------------------------------------------------------------------------------------------------
 */

static json_t *item_json(const struct ex_mailbox *m, const struct ex_item *i)
{
    json_t *fields = json_object(), *categories = json_array(), *named = json_array();
    const char *stamp = NULL;
    char key[64];
    ex_change_key(i, key);
    for (size_t p = 0; p < PROPS && ex_props[p].uri; p++) {
        char name[80];
        if (!i->value[p])
            continue;
        snprintf(name, sizeof(name), "%s%s",
                 ex_props[p].key ? ex_props[p].key : ex_props[p].element,
                 ex_props[p].sub ? ex_props[p].sub : "");
        json_object_set_new(fields, name, json_string(i->value[p]));
    }
    if (i->body)
        json_object_set_new(fields, "Body", json_string(i->body));
    if (i->body_html)
        json_object_set_new(fields, "BodyType", json_string("HTML"));
    for (size_t c = 0; c < i->n_categories; c++)
        json_array_append_new(categories, json_string(i->categories[c]));
    for (size_t e = 0; e < i->n_extended; e++)
        if (i->extended[e].name)
            json_array_append_new(named, json_string(i->extended[e].name));
    for (size_t e = 0; e < i->n_extended; e++)
        if (i->extended[e].name && strstr(i->extended[e].name, "stamp"))
            stamp = i->extended[e].value;
    char digest[65];
    if (i->mime) {
        ex_mail_digest(i, digest);
        json_object_set_new(fields, "MimeSha256", json_string(digest));
    }
    size_t photos = ex_attach_photo(i, digest);
    if (photos)
        json_object_set_new(fields, "PhotoSha256", json_string(digest));
    if (photos > 1)
        json_object_set_new(fields, "Photos", json_integer((json_int_t)photos));
    json_t *files = json_array();
    for (size_t a = 0; a < i->n_attachments; a++) {
        ex_attach_digest(&i->attachments[a], digest);
        json_array_append_new(files, json_pack("{s:s,s:I,s:s,s:s?}", "name", i->attachments[a].name,
                                               "size", (json_int_t)i->attachments[a].len, "sha256",
                                               digest, "type", i->attachments[a].type));
    }
    if (i->n_attachments)
        json_object_set(fields, "Attachments", files);
    json_decref(files);
    return json_pack("{s:o,s:s,s:s,s:s,s:o,s:o,s:s?,s:s}", "named", named, "id", i->id,
                     "change_key", key, "folder", i->folder < 0 ? "" : m->folders[i->folder].name,
                     "categories", categories, "fields", fields, "stamp", stamp, "sensitivity",
                     i->sensitivity ? i->sensitivity : "Normal");
}

static bool is_listed(const struct ex_mailbox *m, const struct ex_item *i, const char *query)
{
    char *changed = sb_param(query, "changed", 0); /* the changed occurrences of series alone */
    bool want = changed != NULL;
    free(changed);
    if (want || i->folder < 0)
        return want && i->master && !strcmp(ex_value(i, "calendar:CalendarItemType"), "Exception");
    char *email = sb_param(query, "email", 0), *name = sb_param(query, "name", 0);
    char *folder = sb_param(query, "folder", 0);
    const char *mail = i->value[ex_prop_find("contacts:EmailAddress", "EmailAddress1")];
    const char *display = i->value[ex_prop_find("contacts:DisplayName", NULL)];
    display = display ? display : ex_value(i, "item:Subject");
    const struct ex_folder *f = &m->folders[i->folder];
    bool ok = (!email || (mail && !strcasecmp(mail, email))) &&
              (!name || (display && !strcmp(display, name))) &&
              (!folder || (f->distinguished && !strcmp(f->distinguished, folder)) ||
               !strcmp(f->name, folder));
    free(email);
    free(name);
    free(folder);
    return ok;
}

static void set_param(void *ctx, const char *name, const char *value)
{
    struct ex_item *i = ctx;
    if (!strcmp(name, "Body"))
        ex_set(&i->body, value);
    if (!strcmp(name, "BodyType"))
        i->body_html = !strcmp(value, "HTML");
    if (!strcmp(name, "Sensitivity"))
        ex_set(&i->sensitivity, value);
    for (size_t p = 0; p < PROPS && ex_props[p].uri; p++) {
        char full[80];
        snprintf(full, sizeof(full), "%s%s",
                 ex_props[p].key ? ex_props[p].key : ex_props[p].element,
                 ex_props[p].sub ? ex_props[p].sub : "");
        bool own = ex_is_of(ex_kind_of(i), ex_props[p].uri) ||
                   (!strncmp(ex_props[p].uri, "item:", 5) && strcmp(i->klass, "IPM.Contact"));
        if (!own || strcmp(full, name))
            continue;
        ex_set(&i->value[p], value);
        ex_settle(i, ex_props[p].uri);
    }
}

static void tag(struct ex_item *i, const char *category, bool on)
{
    char *of[64];
    size_t n = 0;
    for (size_t c = 0; c < i->n_categories && n < 63; c++)
        if (strcmp(i->categories[c], category))
            of[n++] = strdup(i->categories[c]);
    if (on)
        of[n++] = strdup(category);
    ex_categories(i, of, n);
    for (size_t c = 0; c < n; c++)
        free(of[c]);
}

static void tag_all(struct ex_mailbox *m, struct ex_item *i, const char *query)
{
    char *list = sb_param(query, "categories", 0), *rest = list, *one;
    while (rest && (one = strsep(&rest, ",")))
        if (*one) {
            tag(i, one, true);
            ex_category_made(m, one);
        }
    free(list);
}

static bool act(struct ex_mailbox *m, struct ex_item *i, const char *action, const char *query)
{
    char *category = sb_param(query, "category", 0), *hard = sb_param(query, "hard", 0);
    char *folder = sb_param(query, "folder", 0), *on = sb_param(query, "on", 0);
    int to = folder ? ex_folder_of(m, folder, true) : -1;
    bool known = true, touch = true;
    for (size_t f = 0; folder && to < 0 && f < m->n_folders; f++)
        if (!strcmp(m->folders[f].name, folder))
            to = (int)f;
    if (!strcmp(action, "edit")) {
        if (strstr(query, "Recurrence="))
            ex_series_forget(m, i);
        sb_params(query, set_param, i);
    } else if (!strcmp(action, "photo")) {
        known = ex_attach_control(i, query);
    } else if (!strcmp(action, "attach")) {
        ex_mail_attach(i, query);
    } else if (!strcmp(action, "detach")) {
        char *name = sb_param(query, "name", 0);
        ex_detach(i, name);
        free(name);
    } else if (!strcmp(action, "tag") || !strcmp(action, "untag")) {
        tag(i, category ? category : "Workbooks", *action == 't');
        if (*action == 't')
            ex_category_made(m, category ? category : "Workbooks");
    } else if (!strcmp(action, "private")) {
        ex_set(&i->sensitivity, on && !strcmp(on, "0") ? NULL : "Private");
    } else {
        touch = false;
        if (!strcmp(action, "delete") && hard && !strcmp(hard, "1"))
            ex_item_remove(m, i);
        else if (!strcmp(action, "delete"))
            ex_item_move(m, i, ex_folder_of(m, "deleteditems", true));
        else if (!strcmp(action, "move") && to >= 0)
            ex_item_move(m, i, to);
        else if (!strcmp(action, "copy"))
            ex_item_copy(m, i, i->folder);
        else
            known = false;
    }
    if (known && touch)
        ex_item_touch(m, i);
    free(category);
    free(hard);
    free(folder);
    free(on);
    return known;
}

static void print(struct sb_buf *out, json_t *j)
{
    char *text = json_dumps(j, JSON_COMPACT);
    sb_buf_str(out, text ? text : "{}");
    free(text);
    json_decref(j);
}

/* One occurrence of a series, by its number: deleted, or edited. */
static bool change_occurrence(struct ex_mailbox *m, struct ex_item *master, const char *query)
{
    char *index = sb_param(query, "index", 0), *gone = sb_param(query, "gone", 0);
    xmlNode *id = xmlNewNode(NULL, (const xmlChar *)"OccurrenceItemId");
    const char *error = NULL;
    xmlNewProp(id, (const xmlChar *)"RecurringMasterId", (const xmlChar *)master->id);
    xmlNewProp(id, (const xmlChar *)"InstanceIndex", (const xmlChar *)(index ? index : "1"));
    struct ex_item *one = ex_series_item(m, id, &error);
    if (one && gone) {
        ex_series_drop(m, one);
    } else if (one) {
        sb_params(query, set_param, one);
        ex_series_tell(m, one);
    }
    xmlFreeNode(id);
    free(index);
    free(gone);
    return !error;
}

static int folder_of_class(const struct ex_mailbox *m, const char *klass)
{
    int f = 0;
    while (f + 1 < (int)m->n_folders && strcmp(m->folders[f].klass, klass))
        f++;
    return f;
}

static int folder_named(const struct ex_mailbox *m, const char *name)
{
    int at = ex_folder_of(m, name, true);
    for (size_t f = 0; name && at < 0 && f < m->n_folders; f++)
        if (!strcmp(m->folders[f].name, name))
            at = (int)f;
    return at;
}

/* A mail comes: into the inbox, or where it is said. */
static struct ex_item *take_mail(struct ex_mailbox *m, const char *query)
{
    char *folder = sb_param(query, "folder", 0);
    int at = folder_named(m, folder ? folder : "inbox");
    struct ex_item *i = at < 0 ? NULL : ex_item_new(m, at, "IPM.Note");
    free(folder);
    if (!i)
        return NULL;
    sb_params(query, set_param, i);
    tag_all(m, i, query);
    ex_mail_came(m, i, query);
    return i;
}

static bool make_folder(struct ex_mailbox *m, const char *query)
{
    char *name = sb_param(query, "name", 0), *parent = sb_param(query, "parent", 0);
    char *klass = sb_param(query, "class", 0);
    int at = folder_named(m, parent ? parent : "msgfolderroot");
    bool ok = name && at >= 0 && ex_folder_new(m, name, klass ? klass : "IPF.Note", at);
    free(name);
    free(parent);
    free(klass);
    return ok;
}

static bool rename_category(struct ex_mailbox *m, const char *query)
{
    char *from = sb_param(query, "name", 0), *to = sb_param(query, "to", 0);
    bool ok = from && to && ex_category_rename(m, from, to);
    free(from);
    free(to);
    return ok;
}

static bool control(const char *action, const char *query, struct sb_buf *out)
{
    char *address = sb_param(query, "mailbox", 0), *id = sb_param(query, "id", 0);
    struct ex_mailbox *m = ex_mailbox(address);
    struct ex_item *i = m ? ex_item(m, id) : NULL;
    bool known = true;
    if (entra_control(action, query, out)) {
        /* done */
    } else if (ex_who_control(action, query)) {
        print(out, json_object());
    } else if (m && !strcmp(action, "list")) {
        json_t *list = json_array();
        for (size_t k = 0; k < m->n_items; k++)
            if (is_listed(m, m->items[k], query))
                json_array_append_new(list, item_json(m, m->items[k]));
        print(out, json_pack("{s:o}", "items", list));
    } else if (m && !strcmp(action, "create")) {
        char *element = sb_param(query, "kind", 0);
        const struct ex_kind *kind = ex_kind_named(element ? element : "Contact");
        i = ex_item_new(m, folder_of_class(m, kind ? kind->folder : "IPF.Contact"),
                        kind ? kind->klass : "IPM.Contact");
        free(element);
        sb_params(query, set_param, i);
        tag_all(m, i, query);
        ex_finish(m, i);
        print(out, item_json(m, i));
    } else if (m && !strcmp(action, "mail")) {
        known = (i = take_mail(m, query)) != NULL;
        print(out, i ? item_json(m, i) : json_object());
    } else if (m && !strcmp(action, "folder")) {
        known = make_folder(m, query);
        print(out, json_object());
    } else if (m && !strcmp(action, "categories")) {
        print(out, json_pack("{s:s?}", "xml", m->categories));
    } else if (m && !strcmp(action, "rename_category")) {
        known = rename_category(m, query);
        print(out, json_object());
    } else if (!strcmp(action, "expire_states")) {
        for (size_t k = 0; k < ex_n_mailboxes; k++)
            ex_mailboxes[k].oldest = ++ex_mailboxes[k].seq + 1;
        print(out, json_object());
    } else if (m && !strcmp(action, "new_ids")) {
        /* As after an import: the same items, each under another id. */
        for (size_t k = 0; k < m->n_items; k++)
            if (m->items[k]->folder >= 0)
                ex_item_move(m, m->items[k], m->items[k]->folder);
        print(out, json_object());
    } else if (ex_watch_control(action)) {
        print(out, json_object());
    } else if (!strcmp(action, "outbox")) {
        print(out, json_pack("{s:I,s:I}", "sent", (json_int_t)ex_outbox, "people",
                             (json_int_t)ex_outbox_people));
    } else if (!strcmp(action, "password")) {
        char *user = sb_param(query, "username", 0), *password = sb_param(query, "password", 0);
        known = user && password && ex_password(user, password);
        free(user);
        free(password);
        print(out, json_object());
    } else if (i && !strcmp(action, "occurrence")) {
        known = change_occurrence(m, i, query);
        print(out, json_object());
    } else if (i) {
        known = act(m, i, action, query);
        print(out, json_object());
    } else {
        known = false;
    }
    free(address);
    free(id);
    return known;
}

static void start(const char *base)
{
    (void)base;
    xmlInitParser();
    ex_store_start();
    ex_categories_start();
}

static void stop(void)
{
    ex_store_stop();
    entra_stop();
    xmlCleanupParser();
}

const struct sb_server sb_exchange = {"exchange", start, handle, name_request, control, stop};
