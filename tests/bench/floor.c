/* What no program that keeps two folders in step can do without, and the folders it is measured on.
 *
 *     bench_floor make DIR N         N vCards of about 1 kB
 *     bench_floor edit DIR STEP AT TITLE  another title in every STEP-th card, from the AT-th on
 *     bench_floor stat DIR...        every name and its stat
 *     bench_floor read DIR...        every file, whole
 *     bench_floor copy FROM TO       every file written aside, one syncfs, put in place
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CARD_CAP 4096

static void fail(const char *what)
{
    fprintf(stderr, "bench_floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int folder(const char *path)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY);
    if (dir < 0)
        fail(path);
    return dir;
}

static void put(int dir, const char *name, const char *data, size_t len)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, data, len) != (ssize_t)len || close(fd) != 0)
        fail(name);
}

static void name_of(long i, char out[64])
{
    snprintf(out, 64, "%08lx-4f1d-4c6e-9b1a-%012lx.vcf", i * 2654435761L & 0xffffffffL, i);
}

static size_t card(char out[CARD_CAP], long i, const char *title)
{
    static const char *const words[] = {"Met",  "at",      "the",   "fair", "prefers", "calls",
                                        "asks", "samples", "sends", "two",  "before",  "Easter"};
    size_t n = sizeof(words) / sizeof(words[0]);
    int len = snprintf(out, CARD_CAP,
                       "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:%08lx-bench\r\nFN:Given%ld Family%ld\r\n"
                       "N:Family%ld;Given%ld;;;\r\nORG:Company %ld;Sales\r\nTITLE:%s\r\n"
                       "EMAIL;TYPE=work:given%ld.family%ld@example.com\r\n"
                       "TEL;TYPE=work:+44 20 7%06ld\r\nTEL;TYPE=cell:+44 77 00%07ld\r\n"
                       "ADR;TYPE=work:;;%ld High Street;Leeds;;LS1 1AB;United Kingdom\r\nNOTE:",
                       (unsigned long)i, i, i, i, i, i / 25, title, i, i, i % 1000000, i, i % 200);
    for (size_t w = 0; len < 900; w++)
        len += snprintf(out + len, CARD_CAP - (size_t)len, "%s\\, ",
                        words[((size_t)i * 7 + w * 5) % n]);
    len += snprintf(out + len, CARD_CAP - (size_t)len, "end\r\nEND:VCARD\r\n");
    return (size_t)len;
}

static void each(const char *path, void (*act)(int dir, const char *name))
{
    int dir = folder(path);
    DIR *d = fdopendir(dup(dir));
    const struct dirent *entry;
    while (d && (entry = readdir(d)))
        if (*entry->d_name != '.')
            act(dir, entry->d_name);
    closedir(d);
    close(dir);
}

static void stat_one(int dir, const char *name)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        fail(name);
}

static char bytes[1 << 20];

static size_t read_one(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
    if (n < 0)
        fail(name);
    close(fd);
    return (size_t)n;
}

static void read_whole(int dir, const char *name)
{
    (void)read_one(dir, name);
}

static int target;

static void copy_one(int dir, const char *name)
{
    char aside[300];
    snprintf(aside, sizeof(aside), ".%s", name);
    put(target, aside, bytes, read_one(dir, name));
}

static void place_one(int dir, const char *name)
{
    char aside[300];
    (void)dir;
    snprintf(aside, sizeof(aside), ".%s", name);
    if (renameat(target, aside, target, name) != 0)
        fail(name);
}

static void copy(const char *from, const char *to)
{
    target = folder(to);
    each(from, copy_one);
    if (syncfs(target) != 0)
        fail(to);
    each(from, place_one);
    if (fsync(target) != 0)
        fail(to);
    close(target);
}

static void make(const char *path, long n)
{
    int dir = folder(path);
    char out[CARD_CAP], name[64];
    for (long i = 0; i < n; i++) {
        name_of(i, name);
        put(dir, name, out, card(out, i, "Engineer"));
    }
    if (syncfs(dir) != 0)
        fail(path);
    close(dir);
}

/* As an address book does it: aside, and then in place. The TITLE is looked for by its line, since
 * the card may be the copy that a program wrote. */
static void edit_one(int dir, const char *name, const char *title)
{
    size_t len = read_one(dir, name);
    char *at = memmem(bytes, len, "\nTITLE:", 7), out[CARD_CAP];
    char *end = at ? memchr(at + 1, '\r', len - (size_t)(at + 1 - bytes)) : NULL;
    if (!end)
        fail(name);
    int n = snprintf(out, sizeof(out), "%.*s\nTITLE:%s%.*s", (int)(at - bytes), bytes, title,
                     (int)(bytes + len - end), end);
    put(dir, ".edit", out, (size_t)n);
    if (renameat(dir, ".edit", dir, name) != 0)
        fail(name);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The cards by the number in their FN, so that the same people are meant on both sides. */
static long number_of(int dir, const char *name)
{
    size_t len = read_one(dir, name);
    const char *fn = memmem(bytes, len, "\nFN:Given", 9);
    return fn ? strtol(fn + 9, NULL, 10) : -1;
}

static char **names;
static size_t n_names, cap_names;

static void take_name(int dir, const char *name)
{
    (void)dir;
    if (n_names == cap_names) {
        cap_names = cap_names ? cap_names * 2 : 1024;
        names = realloc(names, cap_names * sizeof(*names));
    }
    if (!names || !(names[n_names++] = strdup(name)))
        fail("memory");
}

static void edit(const char *path, long step, long at, const char *title)
{
    int dir = folder(path);
    each(path, take_name);
    qsort(names, n_names, sizeof(*names), by_bytes);
    for (size_t i = 0; i < n_names; i++)
        if (number_of(dir, names[i]) % step == at)
            edit_one(dir, names[i], title);
    if (syncfs(dir) != 0)
        fail(path);
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    if (!strcmp(what, "make") && argc == 4)
        make(argv[2], strtol(argv[3], NULL, 10));
    else if (!strcmp(what, "edit") && argc == 6)
        edit(argv[2], strtol(argv[3], NULL, 10), strtol(argv[4], NULL, 10), argv[5]);
    else if (!strcmp(what, "copy") && argc == 4)
        copy(argv[2], argv[3]);
    else if (!strcmp(what, "stat") || !strcmp(what, "read"))
        for (int i = 2; i < argc; i++)
            each(argv[i], *what == 's' ? stat_one : read_whole);
    else {
        fprintf(stderr, "usage: bench_floor make DIR N | edit DIR STEP AT TITLE | stat DIR... |"
                        " read DIR... | copy FROM TO\n");
        return 2;
    }
    return 0;
}
