/* Answers of Autodiscover in all forms, what DNS says of it, and the places that they lead to:
 * nothing that is not https or loopback, and no stranger, is ever trusted. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "discover.h"
#include "fuzz.h"

static void disco_holds(struct disco *d)
{
    char *host = NULL;
    HOLDS(!d->text == (d->what == DISCO_NOTHING));
    HOLDS(memchr(d->code, 0, sizeof(d->code)));
    for (const char *s = d->text; s && *s; s++)
        HOLDS(*s > 0x20 && *s < 0x7f);
    if (d->text && d->what != DISCO_ADDRESS &&
        disco_trusts(d->text, "example.com", "mail.example.net", &host) == DISCO_TRUSTED) {
        HOLDS(host && !strncasecmp(d->text, "https:", 6));
        HOLDS(!strcasecmp(host, "example.com") || !strcasecmp(host, "autodiscover.example.com") ||
              !strcasecmp(host, "mail.example.net"));
    }
    const char *domain = d->what == DISCO_ADDRESS ? disco_domain(d->text) : NULL;
    char *place = domain ? disco_place(domain, 0) : NULL;
    HOLDS(!place || !strncmp(place, "https://", 8));
    free(place);
    free(host);
    disco_fini(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct disco d;
    char *text = fuzz_copy(data, size);
    if (disco_read_soap(text, size, &d))
        disco_holds(&d);
    free(text);
    text = fuzz_copy(data, size);
    if (disco_read_pox(text, size, &d))
        disco_holds(&d);
    if (disco_read_json((const char *)data, size, &d))
        disco_holds(&d);
    free(text);
    char *host = disco_read_srv(data, size, (uint32_t)size);
    for (const char *s = host; s && *s; s++)
        HOLDS(strchr("-_.", *s) || (*s >= '0' && *s <= '9') ||
              ((*s | 32) >= 'a' && (*s | 32) <= 'z'));
    HOLDS(!host || (*host && strlen(host) < 254));
    free(host);
    return 0;
}
