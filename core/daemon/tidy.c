/* Once a day: before-images, ended links and values whose time is over. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "host/conn.h"

#define DAY_MS ((int64_t)86400000)
#define LEAP_MS (40 * DAY_MS) /* since the last time: the clock may be wrong */

static void note(const char *path, int64_t now)
{
    struct timespec when[2] = {{.tv_sec = now / 1000}, {.tv_sec = now / 1000}};
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || futimens(fd, when) != 0)
        log_line(WESS_LOG_WARN, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* The time of the last tidying is that of an empty file beside the state. Where there is none the
 * state is new, or was tidied at an unknown time: a day is waited from now on. So it is where that
 * was long ago: by a clock that leapt ahead everything would be old, and gone before somebody puts
 * it right. */
static bool is_due(const char *path, int64_t now)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        note(path, now);
        return false;
    }
    int64_t last = (int64_t)st.st_mtim.tv_sec * 1000;
    if (now - last > LEAP_MS) {
        note(path, now);
        return false;
    }
    return now - last >= DAY_MS || last - now > DAY_MS;
}

void tidy_when_due(const struct config *cfg, struct store *store)
{
    int64_t now = clock_now_ms();
    char *path = NULL;
    if (asprintf(&path, "%s/tidied", cfg->state_dir) < 0 || !is_due(path, now)) {
        free(path);
        return;
    }
    struct db *db = db_open(store, false);
    bool ok = db && db_begin(db) == STORE_OK;
    if (ok) {
        store_tidy(db, now, cfg->before_images_ms, cfg->keep_ended_ms);
        ok = db_commit(db) == STORE_OK;
    }
    if (ok)
        note(path, now);
    else {
        char text[1024];
        store_say(store, db, text, sizeof(text));
        log_line(WESS_LOG_WARN, "old values could not be let go: %s", text);
    }
    db_close(db);
    free(path);
}
