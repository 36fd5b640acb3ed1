/* One case in a process of its own: whatever it does there, the suite goes on. */
#include "probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char *read_all(int fd)
{
    char *text = NULL, buf[4096];
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    ssize_t n;
    while (f && ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR)))
        if (n > 0)
            fwrite(buf, 1, (size_t)n, f);
    if (f)
        fclose(f);
    return text;
}

static void take_status(struct outcome *out, const struct setup *setup, int status)
{
    out->verdict = VERDICT_FAIL;
    strcpy(out->clause, "2.4");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        if (asprintf(&out->why, "it did not come to an end in %u s", setup->patience_s) < 0)
            out->why = NULL;
    } else if (asprintf(&out->why, "the process ended: %s %d",
                        WIFSIGNALED(status) ? "signal" : "status",
                        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)) < 0) {
        out->why = NULL;
    }
}

/* "F", the clause and the reason, a line each. */
static void take_verdict(struct outcome *out, char *text)
{
    char *clause = strchr(text, '\n'), *why = clause ? strchr(clause + 1, '\n') : NULL;
    out->verdict = *text == 'P' ? VERDICT_PASS : *text == 'S' ? VERDICT_SKIP : VERDICT_FAIL;
    out->refused = *text == 'A';
    if (!why)
        return;
    *why = 0;
    snprintf(out->clause, sizeof(out->clause), "%s", clause + 1);
    out->why = why[1] ? strdup(why + 1) : NULL;
}

void run_case(const struct wess_connector *c, const struct setup *setup, const struct case_def *def,
              struct outcome *out)
{
    int fd[2], status = 0;
    *out = (struct outcome){.verdict = VERDICT_FAIL};
    fflush(NULL);
    if (pipe(fd) < 0)
        return;
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        static struct probe probe;
        close(fd[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        probe.c = c;
        probe.setup = setup;
        probe.out = fd[1];
        probe_run(&probe, def);
    }
    close(fd[1]);
    char *text = pid > 0 ? read_all(fd[0]) : NULL;
    close(fd[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (text && *text)
        take_verdict(out, text);
    else
        take_status(out, setup, status);
    free(text);
}
