/* The state folder: its lock, its key, its database; connections and turns of writing. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/sql.h"

#define BUSY_MS 10000 /* another process reading or a checkpoint */
#define PAGE_BYTES 4096
#define CACHE_PAGES 768 /* of all connections together */
#define OWNER_STEPS 50
#define OWNER_STEP_NS 10000000L
#define EXIT_OTHER_OWNER 6
#define EXIT_OUR_STATE 7

static bool refuse(char **why, int *status, int code, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
static bool refuse(char **why, int *status, int code, const char *path, const char *fmt, ...)
{
    char *text = NULL, *line = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&line, fmt, ap) < 0)
        line = NULL;
    va_end(ap);
    if (!line || asprintf(&text, "%s: %s", path, line) < 0)
        text = NULL;
    free(line);
    *why = text ? text : strdup("out of memory");
    *status = code;
    return false;
}

/* What errno says, and the way out. */
static bool refuse_errno(char **why, int *status, const char *path, const char *what, int error)
{
    const char *way = "see the system log";
    if (error == ENOSPC || error == EDQUOT || error == EFBIG)
        way = "make room, then run again";
    else if (error == EACCES || error == EPERM || error == EROFS || error == ELOOP)
        way = "check owner, rights and mount of the folder";
    return refuse(why, status, EXIT_OUR_STATE, path, "cannot be %s: %s; %s", what, strerror(error),
                  way);
}

/* ---- the folder
 * ------------------------------------------------------------------------------------------ */

static bool ready_folder(const char *dir, enum store_open how, char **why, int *status)
{
    struct stat st;
    if (how == STORE_OWN && mkdir(dir, 0700) != 0 && errno != EEXIST)
        return refuse_errno(why, status, dir, "made", errno);
    if (lstat(dir, &st) != 0)
        return refuse(why, status, EXIT_OUR_STATE, dir, "%s; `wess sync` makes it",
                      strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return refuse(why, status, EXIT_OUR_STATE, dir, "is not a folder%s", "");
    if (st.st_uid != geteuid())
        return refuse(why, status, EXIT_OUR_STATE, dir,
                      "belongs to another user: run as its owner, or set another state_dir%s", "");
    if (st.st_mode & 077)
        return refuse(why, status, EXIT_OUR_STATE, dir, "can be read by others: chmod 700 it%s",
                      "");
    return true;
}

/* Whose the lock is. Who has just taken it may not have written so yet: then the file is empty, or
 * names one that is gone. */
static const char *owner(int fd, char pid[32])
{
    const struct timespec step = {0, OWNER_STEP_NS};
    for (int i = 0; i < OWNER_STEPS; i++) {
        ssize_t n = pread(fd, pid, 31, 0);
        pid[n > 0 ? n : 0] = 0;
        long number = strtol(pid, NULL, 10);
        if (number > 0 && (kill((pid_t)number, 0) == 0 || errno == EPERM))
            return pid;
        nanosleep(&step, NULL);
    }
    return *pid ? pid : "that does not say its number";
}

/* A kernel lock: it ends with the process, however that ends. */
static bool take_lock(struct store *s, char **why, int *status)
{
    char path[4096], pid[32] = "";
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    snprintf(path, sizeof(path), "%s/lock", s->dir);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock_fd < 0)
        return refuse_errno(why, status, path, "opened", errno);
    if (fcntl(s->lock_fd, F_OFD_SETLK, &lock) != 0)
        return refuse(why, status, EXIT_OTHER_OWNER, s->dir,
                      "is in use by process %s, which takes no commands: wait until it has ended, "
                      "or stop it",
                      owner(s->lock_fd, pid));
    int len = snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    errno = ENOSPC; /* what a short write means, without saying it */
    if (ftruncate(s->lock_fd, 0) != 0 || pwrite(s->lock_fd, pid, (size_t)len, 0) != len)
        return refuse_errno(why, status, path, "written", errno);
    return true;
}

/* ---- the key of the hashes
 * --------------------------------------------------------------------------------- */

static bool make_key(unsigned char key[KEY_SIZE], const char *path, char **why, int *status)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return refuse_errno(why, status, path, "made", errno);
    bool ok = getentropy(key, KEY_SIZE) == 0;
    errno = ENOSPC; /* what a short write means, without saying it */
    ok = ok && write(fd, key, KEY_SIZE) == (ssize_t)KEY_SIZE && fsync(fd) == 0;
    int error = errno;
    close(fd);
    if (ok)
        return true;
    unlink(path);
    return refuse_errno(why, status, path, "written", error);
}

static bool read_key(const struct store *s, bool fresh, unsigned char key[KEY_SIZE], char **why,
                     int *status)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/key", s->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT && fresh)
        return make_key(key, path, why, status);
    if (fd < 0 && errno != ENOENT)
        return refuse_errno(why, status, path, "read", errno);
    if (fd < 0)
        return refuse(why, status, EXIT_OUR_STATE, path,
                      "cannot be read: %s; it belongs to wess.db: restore both from one backup",
                      strerror(errno));
    ssize_t n = read(fd, key, KEY_SIZE);
    int error = errno;
    close(fd);
    if (n < 0)
        return refuse_errno(why, status, path, "read", error);
    /* Cut off at the first start: without a database nothing was hashed with it. */
    if (n != (ssize_t)KEY_SIZE && fresh && unlink(path) == 0)
        return make_key(key, path, why, status);
    if (n != (ssize_t)KEY_SIZE)
        return refuse(why, status, EXIT_OUR_STATE, path,
                      "is cut off%s; restore it together with wess.db from one backup", "");
    return true;
}

static bool load_key(struct store *s, bool fresh, char **why, int *status)
{
    unsigned char key[KEY_SIZE];
    bool ok = read_key(s, fresh, key, why, status);
    if (ok)
        hmac_sha256_set_key(&s->mac, KEY_SIZE, key);
    explicit_bzero(key, sizeof(key));
    return ok;
}

struct hash store_hash(const struct store *s, const char *space, const char *id)
{
    struct hash out;
    struct hmac_sha256_ctx mac = s->mac;
    unsigned char parts[2 * DIGEST_SIZE];
    digest_of((struct wess_slice){space, strlen(space)}, parts);
    digest_of((struct wess_slice){id, strlen(id)}, parts + DIGEST_SIZE);
    hmac_sha256_update(&mac, sizeof(parts), parts);
    hmac_sha256_digest(&mac, HASH_SIZE, out.of);
    return out;
}

/* ---- the cache
 * ------------------------------------------------------------------------------------------- */

/* Pages of all connections share one piece of memory, and give way to each other when it is full:
 * one user gets much of it, fifty get no more. Not to be had is no loss but of speed. */
static void share_cache(void)
{
    int header = 0;
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* nobody asks; each allocation would take a lock */
    sqlite3_config(SQLITE_CONFIG_PCACHE_HDRSZ, &header);
    int slot = (PAGE_BYTES + header + 7) & ~7;
    void *memory = malloc((size_t)slot * CACHE_PAGES);
    if (memory && sqlite3_config(SQLITE_CONFIG_PAGECACHE, memory, slot, CACHE_PAGES) != SQLITE_OK)
        free(memory);
}

/* ---- opening
 * ------------------------------------------------------------------------------------------------
 */

static sqlite3 *connect(const struct store *s, char *why, size_t cap)
{
    sqlite3 *sq = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                (s->how == STORE_OWN ? SQLITE_OPEN_CREATE : 0);
    static const char *const settings[] = {
        "PRAGMA synchronous = FULL",   "PRAGMA cache_size = -3072",
        "PRAGMA mmap_size = 0",        "PRAGMA secure_delete = FAST",
        "PRAGMA temp_store = FILE",    "PRAGMA trusted_schema = OFF",
        "PRAGMA cell_size_check = ON", "PRAGMA wal_autocheckpoint = 32000"};
    int rc = sqlite3_open_v2(s->path, &sq, flags, NULL);
    if (rc == SQLITE_OK)
        sqlite3_busy_timeout(sq, BUSY_MS);
    for (size_t i = s->how == STORE_READ ? 1 : 0;
         rc == SQLITE_OK && i < sizeof(settings) / sizeof(settings[0]); i++)
        rc = sqlite3_exec(sq, settings[i], NULL, NULL, NULL);
    if (rc == SQLITE_OK && s->how == STORE_READ)
        rc = sqlite3_exec(sq, "PRAGMA query_only = ON", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        return sq;
    sql_say(sq, rc, why, cap);
    sqlite3_close(sq);
    return NULL;
}

static bool is_file(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

static bool out_of_memory(struct db *db)
{
    snprintf(db->error, sizeof(db->error), "%s: out of memory", db->store->path);
    return false;
}

static bool meta(struct db *db, const char *name, const char *want, char **out)
{
    sqlite3_stmt *row = sql_row(db, "SELECT value FROM meta WHERE name = ?", "t", name);
    if (row) {
        const char *value = (const char *)sqlite3_column_text(row, 0);
        *out = value ? strdup(value) : NULL;
        sql_end(row);
        return *out || out_of_memory(db);
    }
    if (db->failed || !want)
        return false;
    *out = strdup(want);
    if (!*out)
        return out_of_memory(db);
    return sql_do(db, "INSERT INTO meta(name, value) VALUES(?, ?)", "tt", name, want) == STORE_OK;
}

/* By a hash that is kept with the database. Those of another key match nothing that is in it: who
 * is there already would be made once more. A database that had none takes that of its key. */
static bool check_key(struct store *s, struct db *db, bool own, bool *fits)
{
    struct hash h = store_hash(s, "key", s->installation);
    char mark[2 * HASH_SIZE + 1], *had = NULL;
    for (size_t i = 0; i < HASH_SIZE; i++)
        snprintf(mark + 2 * i, 3, "%02x", h.of[i]);
    bool ok = meta(db, "key", own ? mark : NULL, &had) || (!own && !db->failed && !*db->error);
    *fits = !had || !strcmp(had, mark);
    free(had);
    return ok;
}

static bool check_site(struct store *s, const char *site, char **why, int *status)
{
    unsigned char random[16];
    char id[2 * sizeof(random) + 1];
    struct db *db = db_open(s, false);
    bool own = s->how == STORE_OWN, fits = true;
    if (!db || getentropy(random, sizeof(random)) != 0) {
        refuse(why, status, EXIT_OUR_STATE, s->path, "%s",
               db ? "no random number is to be had" : s->trouble);
        db_close(db);
        return false;
    }
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(id + 2 * i, 3, "%02x", random[i]);
    bool ok = (!own || db_begin(db) == STORE_OK) && meta(db, "site", own ? site : NULL, &s->site) &&
              meta(db, "installation", own ? id : NULL, &s->installation) &&
              check_key(s, db, own, &fits);
    if (own)
        ok = ok ? db_commit(db) == STORE_OK : (db_rollback(db), false);
    if (!ok && *db->error)
        *why = strdup(db->error); /* names the file itself */
    else if (!ok)
        refuse(why, status, EXIT_OUR_STATE, s->path, "has no site: restore the backup");
    else if (strcmp(s->site, site))
        ok = refuse(why, status, EXIT_OUR_STATE, s->path,
                    "belongs to site \"%s\": set that site, or another state_dir", s->site);
    else if (!fits)
        ok = refuse(why, status, EXIT_OUR_STATE, s->path,
                    "does not belong to %s/key: restore both from one backup", s->dir);
    db_close(db);
    return ok;
}

static bool open_database(struct store *s, const char *site, char **why, int *status)
{
    char text[400] = "";
    bool fresh = !is_file(s->path);
    if (fresh && s->how == STORE_READ)
        return refuse(why, status, EXIT_OUR_STATE, s->path,
                      "there is no state here yet: run `wess sync` first%s", "");
    if (!load_key(s, fresh, why, status))
        return false;
    sqlite3 *sq = connect(s, text, sizeof(text));
    bool ok = sq && schema_ready(s, sq, fresh, text, sizeof(text))
                  ? check_site(s, site, why, status)
                  : refuse(why, status, EXIT_OUR_STATE, s->path, "%s", text);
    sqlite3_close(sq); /* the last to be closed puts the journal away, which is done once */
    return ok;
}

struct store *store_open(const char *state_dir, const char *site, enum store_open how, char **why,
                         int *status)
{
    struct store *s = calloc(1, sizeof(*s));
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, share_cache);
    *why = NULL;
    *status = EXIT_OUR_STATE;
    if (!s) {
        *why = strdup("out of memory");
        return NULL;
    }
    s->lock_fd = -1;
    s->how = how;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->turn, NULL);
    s->dir = strdup(state_dir);
    if (!s->dir || asprintf(&s->path, "%s/wess.db", state_dir) < 0) {
        s->path = NULL;
        *why = strdup("out of memory");
        store_close(s);
        return NULL;
    }
    if (!ready_folder(state_dir, how, why, status) ||
        (how == STORE_OWN && !take_lock(s, why, status)) || !open_database(s, site, why, status)) {
        store_close(s);
        return NULL;
    }
    return s;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->turn);
    explicit_bzero(&s->mac, sizeof(s->mac));
    free(s->dir);
    free(s->path);
    free(s->site);
    free(s->installation);
    free(s);
}

const char *store_installation(const struct store *s)
{
    return s->installation;
}

/* ---- connections
 * --------------------------------------------------------------------------------------------- */

static bool run(struct db *db, const char *sql, char *why, size_t cap)
{
    if (sqlite3_exec(db->sq, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    sql_say(db->sq, sqlite3_errcode(db->sq), why, cap);
    return false;
}

static bool ready_connection(struct db *db, char *why, size_t cap)
{
    bool reads = db->store->how == STORE_READ;
    db->sq = connect(db->store, why, cap);
    /* Views of the connection are made before it may only read. */
    return db->sq && (!reads || run(db, "PRAGMA query_only = OFF", why, cap)) &&
           run(db, db->dry ? schema_dry : schema_views, why, cap) &&
           (!reads || run(db, "PRAGMA query_only = ON", why, cap));
}

struct db *db_open(struct store *s, bool dry)
{
    struct db *db = calloc(1, sizeof(*db));
    char why[sizeof(s->trouble)] = "out of memory";
    if (db) {
        *db = (struct db){.store = s, .dry = dry, .next_dry_id = (int64_t)1 << 48};
        if (ready_connection(db, why, sizeof(why)))
            return db;
        db_close(db);
    }
    pthread_mutex_lock(&s->lock);
    memcpy(s->trouble, why, sizeof(why));
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

void store_say(struct store *s, const struct db *db, char *buf, size_t cap)
{
    if (db) {
        snprintf(buf, cap, "%s", db_error(db));
        return;
    }
    pthread_mutex_lock(&s->lock);
    snprintf(buf, cap, "%s: %s", s->path, s->trouble);
    pthread_mutex_unlock(&s->lock);
}

void db_close(struct db *db)
{
    if (!db)
        return;
    if (db->in_turn)
        db_rollback(db);
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(db->cache[i].stmt);
    sqlite3_close(db->sq);
    free(db);
}

const char *db_error(const struct db *db)
{
    return *db->error ? db->error : "the state could not be read or written";
}

bool db_failed(const struct db *db)
{
    return db->failed;
}

bool db_dry(const struct db *db)
{
    return db->dry;
}

static void take_turn(struct db *db)
{
    struct store *s = db->store;
    pthread_mutex_lock(&s->lock);
    uint64_t mine = s->next_ticket++;
    while (s->serving != mine)
        pthread_cond_wait(&s->turn, &s->lock);
    pthread_mutex_unlock(&s->lock);
    db->in_turn = true;
}

static void give_turn(struct db *db)
{
    struct store *s = db->store;
    if (!db->in_turn)
        return;
    db->in_turn = false;
    pthread_mutex_lock(&s->lock);
    s->serving++;
    pthread_cond_broadcast(&s->turn);
    pthread_mutex_unlock(&s->lock);
}

/* Without memory for the words themselves the transaction would stay open, and the next one fail.
 */
static void leave(struct db *db, const char *how)
{
    if (!sqlite3_get_autocommit(db->sq))
        sqlite3_exec(db->sq, how, NULL, NULL, NULL);
    if (!sqlite3_get_autocommit(db->sq))
        sqlite3_exec(db->sq, "ROLLBACK", NULL, NULL, NULL);
}

/* What was known within the last transaction. */
static void forget(struct db *db)
{
    values_forget(db);
    memset(db->rows, 0, sizeof(db->rows));
    db->indexed_known = db->numbered = false;
    db->number = db->turn_feed = db->counted = db->over_from = 0;
}

/* Changing how a transaction is written out is free when it does not change. */
static enum store_code begin(struct db *db, bool soft)
{
    take_turn(db);
    db->failed = false;
    forget(db);
    if (soft != db->soft &&
        sql_do(db, soft ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL", "") !=
            STORE_OK)
        goto fail;
    db->soft = soft;
    if (sql_do(db, "BEGIN IMMEDIATE", "") == STORE_OK)
        return STORE_OK;
fail:
    give_turn(db);
    return STORE_FAIL;
}

enum store_code db_begin(struct db *db)
{
    return begin(db, false);
}

enum store_code db_begin_soft(struct db *db)
{
    return begin(db, true);
}

enum store_code db_begin_read(struct db *db)
{
    forget(db);
    db->reading = sql_do(db, "BEGIN", "") == STORE_OK;
    return db->reading ? STORE_OK : STORE_FAIL;
}

void db_end_read(struct db *db)
{
    leave(db, "COMMIT");
    db->reading = false;
}

enum store_code db_commit(struct db *db)
{
    bool failed = db->failed || items_numbered(db) != STORE_OK || links_counted(db) != STORE_OK ||
                  sql_do(db, "COMMIT", "") != STORE_OK;
    if (failed)
        db_rollback(db);
    else
        give_turn(db);
    return failed ? STORE_FAIL : STORE_OK;
}

void db_rollback(struct db *db)
{
    leave(db, "ROLLBACK");
    forget(db);
    db->failed = db->reading = false;
    give_turn(db);
}
