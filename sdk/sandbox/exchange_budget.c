/* Throttling (section 12): what may be asked of a mailbox within a minute. Whoever asks on while it
 * is over waits the longer. */
#include <stdlib.h>

#include "exchange.h"

#define WINDOW_MS 60000
#define MORE_MS 10000

bool ex_over_budget(struct ex_mailbox *m, int64_t *wait_ms)
{
    long most = atol(sb_switch("budget", "0"));
    int64_t now = sb_now_ms();
    if (now >= m->window_ms + WINDOW_MS) {
        m->window_ms = now;
        m->asked = 0;
    }
    if (!most || ++m->asked <= most)
        return false;
    if (m->asked > most + 1)
        m->window_ms += MORE_MS;
    *wait_ms = m->window_ms + WINDOW_MS - now;
    return true;
}
