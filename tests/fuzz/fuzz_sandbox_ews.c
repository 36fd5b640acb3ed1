/* Any request to the Exchange side of the rehearsal, signed in and not: whatever is asked, what
 * comes back is a document. Captured requests are inputs as they are. */
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
    if (strncmp(r->type, "text/xml", 8) != 0 || r->more) /* one document behind the other */
        return;
    xmlDoc *doc = xmlReadMemory(r->body.data, (int)r->body.len, NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    HOLDS(doc);
    xmlFreeDoc(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* "user1", who has a mailbox, and "svc-wess", who may open every one. */
    static const char *const known[] = {"Basic dXNlcjE6TWFpbC11c2VyMS03",
                                        "Basic c3ZjLXdlc3M6UmVoZWFyc2FsLTE="};
    struct fuzz_in in = {data, size};
    struct sb_response r;
    char *body = fuzz_text(&in), *auth = fuzz_text(&in);
    xmlSetGenericErrorFunc(NULL, quiet);
    rehearsal_start(&sb_exchange);
    for (int turn = 0; turn < (*auth ? 3 : 2); turn++) {
        rehearsal_ask(&sb_exchange, "/EWS/Exchange.asmx", turn == 2 ? auth : known[turn],
                      "text/xml; charset=utf-8", body, &r);
        HOLDS(turn == 2 || r.status != 401);
        answer_holds(&r);
        rehearsal_end(&r);
    }
    rehearsal_stop(&sb_exchange);
    free(body);
    free(auth);
    return 0;
}
