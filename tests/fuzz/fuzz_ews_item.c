/* One contact of Exchange: what is made of it is sound, is the same in a second reading, and is
 * canonical content. */
#include <stdlib.h>
#include <string.h>

#include "ews.h"
#include "fuzz.h"
#include "model/model.h"
#include "testhost.h"

static void canonical_holds(const struct wess_item *item)
{
    struct wess_arena *a = arena_new(ARENA_BUDGET);
    struct content c, again;
    struct wess_slice one, two;
    size_t bad = 0;
    HOLDS(a &&
          content_canonical(kind_find("contact"), a, item->fields, item->n_fields, NULL, &c, &bad));
    HOLDS(!bad);
    HOLDS(content_canonical(kind_find("contact"), a, c.fields, c.n, NULL, &again, &bad));
    HOLDS(content_encode(a, &c, &one) && content_encode(a, &again, &two));
    HOLDS(one.len == two.len && !memcmp(one.data, two.data, one.len));
    arena_free(a);
}

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
    canonical_holds(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct testhost th;
    struct wess_conn conn = {0};
    const char *why;
    char *text = fuzz_copy(data, size);
    testhost_init(&th, NULL, 0);
    conn.host = &th.host;
    struct wess_call call = testhost_call(&th, &conn, "contacts");
    struct xml_in *in = xml_in_new(text, size, &why);
    const xmlNode *n = in && xml_in_next(in, 0) ? xml_in_take(in) : NULL;
    if (n)
        item_holds(&call, n);
    xml_in_free(in);
    testhost_fini(&th);
    free(text);
    return 0;
}
