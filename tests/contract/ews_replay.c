#include "ews_replay.h"

#include <libxml/parser.h>
#include <libxml/xmlschemas.h>
#include <unistd.h>

/* ---- the schema
 * ------------------------------------------------------------------------------------------ */

static xmlSchema *schema;
static bool schema_sought;

static xmlSchema *load_schema(void)
{
    const char *shared = getenv("WESS_SHARED");
    char path[400];
    if (schema_sought)
        return schema;
    schema_sought = true;
    snprintf(path, sizeof(path), "%s/ews-schema/wrapper/ews-2010_SP2.xsd", shared ? shared : ".");
    if (access(path, R_OK)) {
        print_message("SKIP: requests are not checked: no schema %s (WESS_SHARED)\n", path);
        return NULL;
    }
    xmlSchemaParserCtxt *ctxt = xmlSchemaNewParserCtxt(path);
    schema = xmlSchemaParse(ctxt);
    xmlSchemaFreeParserCtxt(ctxt);
    assert_non_null(schema);
    return schema;
}

static void on_invalid(void *ctx, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void on_invalid(void *ctx, const char *fmt, ...)
{
    char *why = ctx;
    size_t at = strlen(why);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why + at, 1000 - at, fmt, ap);
    va_end(ap);
}

static bool is_valid(const char *text, char why[1000])
{
    xmlDoc *doc = xmlReadMemory(text, (int)strlen(text), NULL, NULL, XML_PARSE_NONET);
    assert_non_null(doc);
    xmlSchemaValidCtxt *ctxt = xmlSchemaNewValidCtxt(schema);
    xmlSchemaSetValidErrors(ctxt, on_invalid, on_invalid, why);
    int rc = xmlSchemaValidateDoc(ctxt, doc);
    xmlSchemaFreeValidCtxt(ctxt);
    xmlFreeDoc(doc);
    return rc == 0;
}

/* The judge must be able to say no: the same request, its children in the wrong order. */
static void check_judge(const char *request)
{
    char why[1000] = "", *swapped = NULL;
    const char *shape = strstr(request, "<m:ItemShape>"), *end = strstr(request, "</m:ItemShape>");
    const char *ids = end ? end + strlen("</m:ItemShape>") : NULL;
    const char *close = strstr(request, "</m:GetItem>");
    if (!shape || !close)
        return;
    assert_true(asprintf(&swapped, "%.*s%.*s%.*s%s", (int)(shape - request), request,
                         (int)(close - ids), ids, (int)(ids - shape), shape, close) > 0);
    assert_false(is_valid(swapped, why));
    free(swapped);
}

static void check_request(const char *text)
{
    char why[1000] = "";
    if (!load_schema())
        return;
    check_judge(text);
    if (!is_valid(text, why))
        fail_msg("a request that Exchange 2010 refuses: %s\n%s", why, text);
}

/* ---- the server
 * ------------------------------------------------------------------------------------------ */

char *ews_envelope(const char *op, const char *messages)
{
    char *out = NULL;
    assert_true(asprintf(&out,
                         "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope "
                         "xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
                         "xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" "
                         "xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">"
                         "<s:Header><t:ServerVersionInfo MajorVersion=\"15\" MinorVersion=\"2\" "
                         "MajorBuildNumber=\"2562\" MinorBuildNumber=\"17\"/></s:Header><s:Body>"
                         "<m:%sResponse><m:ResponseMessages>%s</m:ResponseMessages></m:%sResponse>"
                         "</s:Body></s:Envelope>",
                         op, messages, op) > 0);
    return out;
}

char *ews_fault(const char *code)
{
    char *out = NULL;
    assert_true(asprintf(&out,
                         "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">"
                         "<s:Body><s:Fault><faultcode>a:%s</faultcode><faultstring>no</faultstring>"
                         "<detail><ResponseCode>%s</ResponseCode></detail></s:Fault></s:Body>"
                         "</s:Envelope>",
                         code, code) > 0);
    return out;
}

/* The first element in the Body. */
static void op_of(const char *request, char op[STAGE_WORD_CAP])
{
    const char *at = strstr(request, "<soap:Body><m:");
    size_t len = at ? strcspn(at + 14, " />") : 0;
    snprintf(op, STAGE_WORD_CAP, "%.*s", (int)len, at ? at + 14 : "");
}

/* ---- a test
 * ------------------------------------------------------------------------------------------ */

void ews_open(struct stage *t, ...)
{
    va_list ap;
    t->settings[0] = (struct testhost_setting){"url", t->url};
    t->settings[1] = (struct testhost_setting){"username", "EXAMPLE\\svc"};
    t->settings[2] = (struct testhost_setting){"password", "canary-password"};
    t->settings[3] = (struct testhost_setting){"auth", "basic"};
    t->settings[4] = (struct testhost_setting){"impersonate", "ada@example.com"};
    va_start(ap, t);
    stage_open(t, 5, ap);
    va_end(ap);
}

int ews_set_up(void **state)
{
    static const struct stage_manner ews = {"ews", "contacts",    "/EWS/Exchange.asmx", NULL,
                                            op_of, check_request, ews_envelope};
    struct stage *t = stage_set_up(&ews);
    stage_says(t, "GetFolder", FOLDERS_OK);
    *state = t;
    return 0;
}
