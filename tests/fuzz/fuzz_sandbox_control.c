/* Control requests, "PATH?QUERY" a line, one after the other on the same data. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "rehearsal.h"

static void ask(char *line)
{
    struct sb_buf out = {0};
    char *query = strchr(line, '?');
    json_error_t why;
    if (query)
        *query++ = 0;
    if (rehearsal_control(line, query ? query : "", &out)) {
        json_t *j = json_loadb(out.data, out.len, 0, &why);
        HOLDS(json_is_object(j));
        json_decref(j);
    }
    sb_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    char *all = fuzz_text(&in), *rest = all, *line;
    rehearsal_start(&sb_exchange);
    rehearsal_start(&sb_workbooks);
    for (int i = 0; i < 20 && (line = strsep(&rest, "\n")); i++)
        ask(line);
    rehearsal_stop(&sb_exchange);
    rehearsal_stop(&sb_workbooks);
    free(all);
    return 0;
}
