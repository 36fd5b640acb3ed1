/* Every recorded answer of an independent server, read as the connector reads: what each must give
 * is a line of tests/data/ews-captures.txt, and a recording without a line fails. Of every item in
 * them each property that the tables know must come as a field. WESS_PRINT prints the lines. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "discover.h"
#include "ews.h"
#include "stream.h"
#include "testhost.h"

#define CODES 512u
#define LINE 1024u

/* What came of one recording. */
struct seen {
    struct testhost *th;
    struct wess_conn *conn;
    const char *file;
    size_t messages, parts, items, properties, documents, lost;
    char codes[CODES]; /* of the messages, each run once: "NoError*12,ErrorInvalidId" */
    char last[64];
    size_t run;
};

/* ---- items
 * ------------------------------------------------------------------------------------------ */

static const struct ews_kind *kind_of(const xmlNode *item)
{
    for (size_t k = 0; k < EWS_KINDS; k++)
        if (xml_is(item, ews_kinds[k]->element))
            return ews_kinds[k];
    return NULL;
}

static const xmlNode *entry(const xmlNode *set, const char *key)
{
    for (const xmlNode *n = xml_first(set); n; n = xml_next(n)) {
        const char *has = xml_attr(n, "Key");
        if (has && !strcmp(has, key))
            return n;
    }
    return NULL;
}

/* The text of the property that a row of the table is about; NULL: it is not there. */
static const char *shown(const xmlNode *item, const struct ews_field *e)
{
    const xmlNode *n = item;
    if (e->set && e->index) {
        n = entry(xml_child(item, e->set), e->index);
        n = n && e->element ? xml_child(n, e->element) : n;
    } else {
        n = e->element ? xml_child(item, e->element) : NULL;
    }
    const char *text = n ? xml_text(n) : NULL;
    return n && xml_first(n) ? "elements" : text && *text ? text : NULL;
}

/* Whether that value says what saying nothing says. */
static bool says_nothing(const struct ews_field *e, const char *text)
{
    static const struct {
        const char *field, *value;
    } presets[] = {{"read", "false"},       {"percent-complete", "0"}, {"alarm", "0"},
                   {"alarm", "false"},      {"all-day", "false"},      {"status", "false"},
                   {"busystatus", "NoData"}};
    for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++)
        if (!strcmp(presets[i].field, e->name) && !strcmp(presets[i].value, text))
            return true;
    return e->words && !strcmp(e->words[0].theirs, text);
}

static void lose(struct seen *s, const struct ews_kind *kind, const struct ews_field *e,
                 const char *text)
{
    print_message("%s: %s of %s (%s) is lost: %.60s\n", s->file, e->element ? e->element : e->index,
                  kind->element, e->name, text);
    s->lost++;
}

static void check_item(struct seen *s, const xmlNode *node)
{
    const struct ews_kind *kind = kind_of(node);
    struct wess_item item;
    if (!kind)
        return;
    struct wess_call call = testhost_call(s->th, s->conn, kind->collection);
    enum wess_code rc = ews_item(&call, node, true, &item);
    const xmlNode *id = xml_child(node, "ItemId");
    if (!id || !xml_attr(id, "Id")) {
        assert_int_equal(rc, WESS_REJECTED);
        return;
    }
    assert_int_equal(rc, WESS_OK);
    assert_string_equal(item.id, xml_attr(id, "Id"));
    s->items++;
    for (size_t k = 0; k < kind->n_fields; k++) {
        const struct ews_field *e = &kind->fields[k];
        const char *text = shown(node, e);
        const struct wess_field *f = test_field(&item, e->name);
        if (!text || says_nothing(e, text))
            continue;
        s->properties++;
        if (!f)
            lose(s, kind, e, text);
        if (f && e->form == EWS_LINE && !e->set && f->type == WESS_TEXT && !strchr(text, '\r'))
            assert_true(f->str.len == strlen(text) && !memcmp(f->str.data, text, f->str.len));
    }
}

/* ---- answers
 * ------------------------------------------------------------------------------------------ */

static void note_code(struct seen *s, const char *code)
{
    size_t len = strlen(s->codes);
    if (!strcmp(code, s->last)) {
        char *star = strrchr(s->codes, '*');
        char *comma = strrchr(s->codes, ',');
        if (star && (!comma || star > comma))
            *star = 0;
        len = strlen(s->codes);
        snprintf(s->codes + len, CODES - len, "*%zu", ++s->run);
        return;
    }
    snprintf(s->codes + len, CODES - len, "%s%s", len ? "," : "", code);
    snprintf(s->last, sizeof(s->last), "%s", code);
    s->run = 1;
}

static enum wess_code on_part(void *ctx, size_t i, const xmlNode *part, struct wess_error *e)
{
    struct seen *s = ctx;
    (void)i;
    (void)e;
    s->parts++;
    check_item(s, kind_of(part) ? part : xml_first(part));
    return WESS_OK;
}

static enum wess_code on_message(void *ctx, size_t i, size_t at, const xmlNode *m,
                                 struct wess_error *e)
{
    struct seen *s = ctx;
    (void)i;
    (void)at;
    enum wess_code rc = ews_message_item(m, false, e);
    s->messages++;
    note_code(s, rc == WESS_OK ? "NoError" : e->remote_code);
    for (const xmlNode *n = xml_first(xml_child(m, "Items")); n; n = xml_next(n))
        check_item(s, n);
    return WESS_OK;
}

/* Where the connector asks for a listing it takes it in parts. */
static const char *list_of(const char *file)
{
    static const struct {
        const char *word, *list;
    } lists[] = {{"SyncFolderItems", "Changes"}, {"FindItem", "Items"}, {"FindFolder", "Folders"}};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (strstr(file, lists[i].word))
            return lists[i].list;
    return NULL;
}

static struct ews_answer read_answer(struct seen *s, char *text, size_t len, long status)
{
    struct ews_answer a;
    const struct ews_taker t = {
        .ctx = s, .list = list_of(s->file), .part = on_part, .message = on_message};
    struct http_response r = {.code = WESS_OK, .status = status, .body = text, .len = len};
    snprintf(r.type, sizeof(r.type), "%s", len && *text == '<' ? "text/xml" : "text/plain");
    ews_read(&r, NULL, false, &t, 0, &a);
    return a;
}

static void on_document(void *ctx, char *text, size_t len)
{
    struct seen *s = ctx;
    s->documents++;
    assert_int_equal(read_answer(s, text, len, 200).code, WESS_OK);
}

/* ---- one recording against its line
 * ------------------------------------------------------------------------------------------ */

static const char *const words[] = {
    [WESS_OK] = "ok",           [WESS_UNKNOWN] = "unknown",     [WESS_NOT_TRIED] = "not-tried",
    [WESS_TRANSIENT] = "later", [WESS_THROTTLED] = "throttled", [WESS_AUTH] = "refused",
    [WESS_CONFLICT] = "stale",  [WESS_GONE] = "gone",           [WESS_REJECTED] = "rejected",
    [WESS_TOO_BIG] = "too-big", [WESS_RESET] = "reset",         [WESS_CANCELLED] = "cancelled",
    [WESS_BROKEN] = "broken"};

/* "NAME STATUS CODE messages=N parts=N items=N properties=N CODES" */
static void tell(struct seen *s, const char *name, char *text, size_t len, long status, char *line)
{
    struct disco d = {0};
    if (strstr(name, "autodiscover-pox")) {
        assert_true(disco_read_pox(text, len, &d));
        assert_int_equal(d.what, DISCO_FOUND);
        snprintf(line, LINE, "%s %ld ok found %s", name, status, d.text);
        disco_fini(&d);
        return;
    }
    if (strstr(name, "GetStreamingEvents") && strstr(text, "Notification")) {
        struct ews_stream stream = {0};
        assert_true(ews_stream_add(&stream, text, len, on_document, s));
        assert_int_equal(stream.len, 0);
        ews_stream_fini(&stream);
        snprintf(line, LINE, "%s %ld ok documents=%zu messages=%zu %s", name, status, s->documents,
                 s->messages, s->codes);
        return;
    }
    struct ews_answer a = read_answer(s, text, len, status);
    snprintf(line, LINE, "%s %ld %s messages=%zu parts=%zu items=%zu properties=%zu %s", name,
             status, words[a.code], s->messages, s->parts, s->items, s->properties,
             *s->codes              ? s->codes
             : *a.error.remote_code ? a.error.remote_code
                                    : "-");
}

struct fixture {
    struct testhost th;
    struct wess_conn conn;
    char *listing;
};

/* Its line, without the end; NULL: there is none. */
static char *line_for(const struct fixture *f, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = f->listing; at && *at; at = strchrnul(at, '\n')) {
        at += *at == '\n';
        if (!strncmp(at, name, n) && at[n] == ' ')
            return strndup(at, strcspn(at, "\n"));
    }
    return NULL;
}

static char *slurp(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    if (!f || fseek(f, 0, SEEK_END) != 0)
        fail_msg("%s cannot be read", path);
    *len = (size_t)ftell(f);
    rewind(f);
    text = calloc(1, *len + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, *len, f), *len);
    fclose(f);
    return text;
}

/* false: it is not as its line says. */
static bool check(struct fixture *f, const char *folder, const char *file)
{
    char path[1024], name[256], line[LINE];
    struct seen s = {.th = &f->th, .conn = &f->conn, .file = file};
    size_t len;
    snprintf(path, sizeof(path), "%s/%s", folder, file);
    snprintf(name, sizeof(name), "%.*s", (int)(strstr(file, ".response.") - file), file);
    char *text = slurp(path, &len), *wanted = line_for(f, name);
    const char *space = wanted ? strchr(wanted, ' ') : NULL;
    tell(&s, name, text, len, space ? strtol(space, NULL, 10) : 200, line);
    bool same = wanted && !strcmp(wanted, line) && !s.lost;
    if (!same || getenv("WESS_PRINT"))
        print_message("%s\n", line);
    if (!same && wanted)
        print_message("instead of\n%s\n", wanted);
    free(text);
    free(wanted);
    testhost_drop(&f->th);
    return same;
}

static void test_ews_captures__each_is_read_as_its_server_meant_it(void **state)
{
    const char *shared = getenv("WESS_SHARED");
    struct fixture *f = *state;
    char folder[400];
    size_t n = 0, wrong = 0, lines = 0;
    snprintf(folder, sizeof(folder), "%s/captures/ews", shared ? shared : ".");
    DIR *dir = opendir(folder);
    if (!dir) {
        print_message("SKIP: no recorded answers in %s (WESS_SHARED)\n", folder);
        skip();
    }
    for (struct dirent *d; (d = readdir(dir));) {
        if (!strstr(d->d_name, ".response."))
            continue;
        wrong += !check(f, folder, d->d_name);
        n++;
    }
    closedir(dir);
    for (const char *at = f->listing; (at = strchr(at, '\n')); at++)
        lines++;
    if (wrong)
        fail_msg("%zu of %zu recordings have no line, or another", wrong, n);
    assert_int_equal(lines, n); /* and no line is without its recording */
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    size_t len;
    assert_non_null(f);
    testhost_init(&f->th, NULL, 0);
    f->conn.host = &f->th.host;
    f->conn.zone = "Europe/Berlin";
    f->listing = slurp(WESS_TEST_DATA "/ews-captures.txt", &len);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    testhost_fini(&f->th);
    free(f->listing);
    free(f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        test_ews_captures__each_is_read_as_its_server_meant_it, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
