#include "daemon/state.h"

#include <stdarg.h>

#ifdef WESS_HAVE_SYSTEMD
#include <systemd/sd-daemon.h>

#define STATE_BYTES 512

void notify_state(const char *fmt, ...)
{
    char text[STATE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    sd_notify(0, text);
}

int notify_watchdog_ms(void)
{
    uint64_t us = 0;
    /* Half the time it allows, so that one late wake-up is no death. */
    return sd_watchdog_enabled(0, &us) > 0 ? (int)(us / 2000) : -1;
}
#else
void notify_state(const char *fmt, ...)
{
    (void)fmt;
}

int notify_watchdog_ms(void)
{
    return -1;
}
#endif
