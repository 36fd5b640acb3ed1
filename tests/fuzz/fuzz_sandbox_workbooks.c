/* Any form to the Workbooks side of the rehearsal, with its key: what comes back is JSON. The first
 * line of the input is the path. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "rehearsal.h"

static void answer_holds(const struct sb_response *r)
{
    HOLDS(r->status >= 200 && r->status < 600 && r->type);
    if (strncmp(r->type, "application/json", 16) != 0)
        return;
    json_error_t why;
    json_t *j = json_loadb(r->body.data, r->body.len, 0, &why);
    HOLDS(json_is_object(j));
    json_decref(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    struct sb_response r;
    char *path = fuzz_text(&in), *eol = strchr(path, '\n'), *body = NULL;
    const char *form = eol ? eol + 1 : "";
    if (eol)
        *eol = 0;
    rehearsal_start(&sb_workbooks);
    for (int turn = 0; turn < 2; turn++) {
        HOLDS(asprintf(&body, "%s%s%s%s", form, turn ? "" : "&api_key=", turn ? "" : sb_api_key,
                       turn ? "" : "&client=api&api_version=1") >= 0);
        rehearsal_ask(&sb_workbooks, path, NULL, "application/x-www-form-urlencoded", body, &r);
        answer_holds(&r);
        rehearsal_end(&r);
        free(body);
    }
    /* As it stands: parts, which bring a key of their own. */
    rehearsal_ask(&sb_workbooks, path, NULL, "multipart/form-data; boundary=b", form, &r);
    answer_holds(&r);
    rehearsal_end(&r);
    rehearsal_stop(&sb_workbooks);
    free(path);
    return 0;
}
