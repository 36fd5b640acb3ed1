/* A server on loopback that answers as a test says, and keeps what it was asked. */
#ifndef TEST_CONTRACT_REPLAY_H
#define TEST_CONTRACT_REPLAY_H

#include <stdbool.h>
#include <stddef.h>

struct replay;
struct replay_reply { /* filled by the handler; preset to 200, text/xml */
    unsigned status;
    const char *type, *location;
    char *body; /* malloc'ed; the server frees it */
    size_t len; /* 0: strlen(body) */
    size_t cut; /* so many bytes go out, then the connection ends; 0: all */
    bool lost;  /* the connection ends without an answer */
};
/* Called by one thread at a time. */
typedef void replay_handler(void *ctx, const char *request, struct replay_reply *);

struct replay *replay_start(replay_handler *, void *ctx);
void replay_stop(struct replay *);
const char *replay_url(const struct replay *, const char *path); /* lives until the next call */
size_t replay_count(const struct replay *);
const char *replay_request(const struct replay *, size_t i); /* zero-terminated */
void replay_forget(struct replay *);

#endif
