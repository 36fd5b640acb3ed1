/* Zones, by ICU: IANA names, the names that Windows has for them, local time and instants. */
#ifndef WESS_SDK_ZONE_H
#define WESS_SDK_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WESS_ZONE_SIZE = 64, WESS_LOCAL_SIZE = 20 }; /* "2026-11-23T09:00:00" */

bool wess_zone_known(const char *zone);
/* The instant of "2026-11-23T09:00:00" in an IANA zone; `ms` that shows so there is kept, so that
 * an hour that comes twice stays the one that was meant. 0: no such time or zone. */
int64_t wess_zone_instant(const char *local, const char *zone, int64_t ms);
/* What the clocks of that zone show. false: no such zone, or no year of four digits. */
bool wess_zone_local(int64_t ms, const char *zone, char out[WESS_LOCAL_SIZE]);
/* Minutes east of UTC at that instant. */
bool wess_zone_offset(int64_t ms, const char *zone, int *minutes);
/* The same zone, or two that Windows has one name for. NULL is floating. */
bool wess_zone_same(const char *, const char *);
/* "Europe/Vienna" -> "W. Europe Standard Time"; false: Windows has none. */
bool wess_zone_windows(const char *zone, char out[WESS_ZONE_SIZE]);
/* The other way; an IANA name is itself. false: a name that somebody made up. */
bool wess_zone_iana(const char *windows, char out[WESS_ZONE_SIZE]);
/* A zone that has these offsets at these instants, of those that Windows knows. */
bool wess_zone_like(const int64_t *ms, const int *minutes, size_t n, char out[WESS_ZONE_SIZE]);

#endif
