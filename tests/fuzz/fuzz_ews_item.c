/* One item of Exchange, of any kind: what is made of it is sound, is the same in a second reading,
 * and is canonical content. */
#include <stdlib.h>
#include <string.h>

#include "content.h"
#include "ews.h"
#include "testhost.h"

static void item_holds(struct wess_call *call, const xmlNode *n)
{
    struct wess_item facts, whole;
    struct ews_slots slots;
    char date[11];
    enum wess_code rc = ews_item(call, n, false, &facts);
    HOLDS(rc == WESS_OK || rc == WESS_REJECTED);
    HOLDS(ews_item(call, n, true, &whole) == rc);
    HOLDS(ews_slots(call, n, &slots));
    if (ews_date(xml_text(xml_child(n, "Birthday")), date))
        HOLDS(strlen(date) == 10);
    if (rc != WESS_OK)
        return;
    fuzz_item_holds(&facts);
    fuzz_item_holds(&whole);
    HOLDS(!strcmp(facts.id, whole.id) && facts.n_keys <= whole.n_keys);
    content_of_item_holds(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct testhost th;
    struct wess_conn conn = {.zone = "Europe/Berlin"};
    const char *why;
    char *text = fuzz_copy(data, size);
    testhost_init(&th, NULL, 0);
    conn.host = &th.host;
    struct wess_call call = testhost_call(&th, &conn, "contacts");
    struct xml_in *in = xml_in_new(text, size, &why);
    const xmlNode *n = in && xml_in_next(in, 0) ? xml_in_take(in) : NULL;
    for (size_t k = 0; n && k < EWS_KINDS; k++)
        if (xml_is(n, ews_kinds[k]->element))
            call.collection = ews_kinds[k]->collection;
    if (n)
        item_holds(&call, n);
    xml_in_free(in);
    testhost_fini(&th);
    free(text);
    return 0;
}
