#include "feed/back.h"

#include <string.h>

const char back_text[] = "it shows older revisions than before, or lacks what was made last: it "
                         "was put back to an earlier "
                         "time, which is nobody's edit, so nothing is written. Put state_dir back "
                         "to that time too, or move it away to meet anew";

/* Of decimal numbers without leading zeros. */
static bool is_less(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    return n != m ? n < m : strcmp(a, b) < 0;
}

static bool is_number(const char *text)
{
    return text && *text && strspn(text, "0123456789") == strlen(text) &&
           (*text != '0' || !text[1]);
}

bool back_shows(const struct wess_collection *c, const char *known, int64_t known_ms,
                const char *shows, int64_t now_ms)
{
    return (c->caps & WESS_CAP_REVISIONS_RISE) && is_number(known) && is_number(shows) &&
           is_less(shows, known) && known_ms + (int64_t)c->settle_after_ms < now_ms;
}
