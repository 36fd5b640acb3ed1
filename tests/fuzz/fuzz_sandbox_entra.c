/* Any request to the rehearsal's token endpoint and to its Autodiscover: what comes back is a
 * document, and no stranger gets a token. */
#include <jansson.h>
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

#include "rehearsal.h"

static void quiet(void *ctx, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void quiet(void *ctx, const char *fmt, ...)
{
    (void)ctx;
    (void)fmt;
}

static void answer_holds(const struct sb_response *r)
{
    HOLDS(r->status >= 200 && r->status < 600 && r->type);
    if (!strncmp(r->type, "application/json", 16)) {
        json_t *j = json_loadb(r->body.data, r->body.len, 0, NULL);
        HOLDS(j && (r->status == 200) == !json_object_get(j, "error"));
        json_decref(j);
    } else if (!strncmp(r->type, "text/xml", 8)) {
        xmlDoc *doc = xmlReadMemory(r->body.data, (int)r->body.len, NULL, NULL,
                                    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
        HOLDS(doc);
        xmlFreeDoc(doc);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const char *path, *auth, *type;
    } asked[] = {
        {"/example.com/oauth2/v2.0/token", NULL, "application/x-www-form-urlencoded"},
        {"/example.com/oauth2/v2.0/devicecode", NULL, "application/x-www-form-urlencoded"},
        {"/autodiscover/autodiscover.svc", "Basic dXNlcjE6TWFpbC11c2VyMS03", "text/xml"},
        {"/autodiscover/autodiscover.xml", "Basic dXNlcjE6TWFpbC11c2VyMS03", "text/xml"},
    };
    char *body = fuzz_copy(data, size);
    xmlSetGenericErrorFunc(NULL, quiet);
    rehearsal_start(&sb_exchange);
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        struct sb_response r;
        rehearsal_ask(&sb_exchange, asked[i].path, asked[i].auth, asked[i].type, body, &r);
        answer_holds(&r);
        HOLDS(i || r.status != 200 || strstr(body, "Rehearsal"));
        rehearsal_end(&r);
    }
    rehearsal_stop(&sb_exchange);
    free(body);
    return 0;
}
