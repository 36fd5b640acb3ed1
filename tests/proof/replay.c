/* Plays one script from a file or standard input and shows what comes of it, line by line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "play.h"

static char shown[65536], script[65536];

static void show(const struct play *p, const char *line)
{
    const struct w_report *r = &p->world->report;
    world_show(p->world, shown, sizeof(shown));
    printf("> %s\n", line);
    if (!strcmp(line, "run") || !strcmp(line, "quiet") || !strncmp(line, "kill", 4))
        printf("%s  # status %d, %d steps, %d writes, %ld questions, %ld held %s\n", shown,
               r->status, p->world->steps, p->world->writes, (long)r->questions, (long)r->held,
               r->text);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct play p;
    char root[] = "/tmp/wess-replay-XXXXXX";
    enum manner manner = PER_ITEM;
    bool mirrored = false, own = false;
    const char *pair = "";
    FILE *in = stdin;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "mirrored"))
            mirrored = true;
        else if (!strcmp(argv[i], "own"))
            own = true;
        else if (strchr(argv[i], '='))
            pair = argv[i];
        else if (!access(argv[i], R_OK))
            in = fopen(argv[i], "r");
        for (int m = 0; m < MANNERS; m++)
            if (!strcmp(argv[i], manner_names[m]))
                manner = (enum manner)m;
    }
    if (!in || !mkdtemp(root) || !play_open(&p, root, manner)) {
        perror(root);
        return 2;
    }
    p.mirrored = mirrored;
    p.own = own;
    bool ok = play_configure(&p, pair);
    /* Read whole first: children share the place in the file. */
    script[fread(script, 1, sizeof(script) - 1, in)] = 0;
    for (char *rest = script, *one; ok && (one = strsep(&rest, ";\n"));) {
        one += strspn(one, " ");
        ok = !*one || *one == '#' || play_line(&p, one);
        if (ok && *one)
            show(&p, one);
    }
    if (!ok)
        printf("! %s\n", p.error);
    if (getenv("PROOF_KEEP"))
        printf("kept in %s\n", p.dir);
    else
        play_close(&p);
    rmdir(root);
    return !ok;
}
