/* wess-sandbox: an Exchange and a Workbooks server on loopback. */
#include <getopt.h>
#include <limits.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "entra.h"
#include "faults.h"
#include "server.h"
#include "workbooks.h"

static const char help[] =
    "Usage: wess-sandbox [OPTION]...\n"
    "An Exchange and a Workbooks server on loopback, with believable data, to rehearse on.\n"
    "\n"
    "  --json                  first line: one JSON object with addresses, users, passwords\n"
    "  --port-exchange N       0: a free one (default)\n"
    "  --port-workbooks N      the same\n"
    "  --data demo|empty|load  demo: two mailboxes and a CRM; load: generated contacts\n"
    "  --users N --contacts N --tagged N --employers N   of --data load; tagged: all\n"
    "  --delay MS              before every answer\n"
    "  --clock-file FILE       where the moved clock is written, for WESS_CLOCK_FILE\n"
    "  --tls-cert FILE --tls-key FILE   serve https\n"
    "  --switch NAME=VALUE     one behaviour that is not known for sure, the other way:\n"
    "      server_version=15.2|14.1|..   what Exchange says it is, 8.0 (2007) to 15.20 (Online)\n"
    "      sign_in=all|basic,ntlm|bearer what Exchange lets in\n"
    "      concurrent=N                  requests of an account at once (0: any number)\n"
    "      budget=N                      requests a minute of a mailbox (0: any number)\n"
    "      heartbeat_ms=MS               of a stream of events (45000)\n"
    "      stream_ms=MS                  after which such a stream is closed (-1: as was asked)\n"
    "      state_bytes=N                 of a sync state (120)\n"
    "      attachment_bytes=N            of one attachment (0: any number)\n"
    "      category_list=kept|refused|forgotten   what comes of writing it (kept)\n"
    "      stale=refused|taken           an update of a stale ChangeKey (refused)\n"
    "      ews=on|off                    switched off for tenant or app (on)\n"
    "      autodiscover=settings|redirect_url|redirect_address|http_redirect|foreign|plain_http|\n"
    "          loop|pox|json|none             what Autodiscover answers (settings)\n"
    "      token_life=SECONDS            of an access token (3599)\n"
    "      refresh_token=once|many       how often a refresh token is good (once)\n"
    "      notes_html=on|off             Workbooks wraps notes in HTML (on)\n"
    "      failure=reason|message        the member that tells why a sign-in failed (reason)\n"
    "      batch_cap=100|303             records of one request (100)\n"
    "      page_cap=100|200              rows of one answer (200)\n"
    "      skip_total=two|one            underscores of skip_total_rows, as it is heard (two)\n"
    "      method_key=underscores|bare   whether method[] is taken for __method[] (underscores)\n"
    "      formula=one|list              whether _fm[] is taken for _fm (one)\n"
    "      create_filter=needed|free     whether creates need a filter too (needed)\n"
    "      text_case=ignored|minded      whether texts are compared by case (ignored)\n"
    "      email_links=off|on            whether Workbooks relates mail by activity links (off)\n"
    "      note_touches=off|on           whether a note or file counts as a change of its record "
    "(off)\n"
    "      lacks=COLUMN                  the Workbooks database does not have this column\n"
    "      denies=SET:ACTION             what its metadata does not permit, tasks:create\n"
    "      dead_session=status|redirect  what a session that ended is told (status)\n"
    "      databases=one|several         of who signs in by name and password (one)\n"
    "      when_format=iso|asked         whether the format asked for reaches times of activities\n"
    "      errors=object|array           an empty errors member is {} or [] (object)\n"
    "      per_object=on|off             _per_object_transactions is known (on)\n"
    "  --app-certificate FILE  the certificate of the app, PEM\n"
    "  --fault PLAN            OP:N:KIND[=ARG],..  N: which call (1 next, 2-4, *)\n"
    "      OP   ews:CreateItem, workbooks:people:PUT, ews:*, ...\n"
    "      KIND delay=MS http=503/RETRY busy=BACKOFF_MS lost late=MS cut=BYTE stale bad_state\n"
    "           refuse=INDEX password truncate garbage html redirect=URL forbidden_char "
    "huge=BYTES\n"
    "           bad_utf8 start_over fault=CODE fault200=CODE message=CODE limit=ITEMS\n"
    "           stop=INDEX/CODE twice=WHICH_ANSWER again\n"
    "  --help\n"
    "\n"
    "Control requests (GET, on either port): /control/clock?move_ms=N  /control/fault?plan=..\n"
    "/control/requests?reset=1  /control/exchange/list?mailbox=..  /control/workbooks/list  ...\n"
    "It serves until SIGTERM.\n";

static struct {
    char name[32], value[64];
} switches[32];
static size_t n_switches;

const char *sb_switch(const char *name, const char *fallback)
{
    for (size_t i = n_switches; i; i--)
        if (!strcmp(switches[i - 1].name, name))
            return switches[i - 1].value;
    return fallback;
}

static bool set_switch(const char *text)
{
    const char *eq = strchr(text, '=');
    if (!eq || n_switches == 32 || (size_t)(eq - text) >= sizeof(switches[0].name) ||
        strlen(eq + 1) >= sizeof(switches[0].value))
        return false;
    memcpy(switches[n_switches].name, text, (size_t)(eq - text));
    strcpy(switches[n_switches++].value, eq + 1);
    return true;
}

static char *read_pem(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = f ? calloc(1, 65536) : NULL;
    if (text && !fread(text, 1, 65535, f)) {
        free(text);
        text = NULL;
    }
    if (f)
        fclose(f);
    return text;
}

static int usage(const char *what)
{
    fprintf(stderr, "wess-sandbox: %s; see --help\n", what);
    return 2;
}

static void say(bool json, const char *scheme, unsigned exchange, unsigned workbooks)
{
    if (!json) {
        printf("Exchange   %s://127.0.0.1:%u/EWS/Exchange.asmx\n"
               "           %s, password %s\n"
               "Workbooks  %s://127.0.0.1:%u/\n           api_key %s\n",
               scheme, exchange, sb_service_user, sb_service_password, scheme, workbooks,
               sb_api_key);
        for (size_t i = 0; i < sb_n_users; i++)
            printf("User       %s, mailbox %s\n", sb_users[i].name, sb_users[i].address);
        fflush(stdout);
        return;
    }
    printf("{\"exchange\":{\"url\":\"%s://127.0.0.1:%u/EWS/Exchange.asmx\",\"username\":"
           "\"EXAMPLE\\\\svc-wess\",\"password\":\"%s\",\"mailboxes\":[",
           scheme, exchange, sb_service_password);
    for (size_t i = 0; i < sb_n_users; i++)
        printf("%s{\"address\":\"%s\",\"name\":\"%s\",\"username\":\"EXAMPLE\\\\%s\",\"password\":"
               "\"%s\"}",
               i ? "," : "", sb_users[i].address, sb_users[i].name, sb_users[i].login,
               sb_users[i].password);
    printf("]},\"workbooks\":{\"url\":\"%s://127.0.0.1:%u/"
           "\",\"api_key\":\"%s\",\"username\":\"%s\",\"password\":\"%s\",\"users\":[",
           scheme, workbooks, sb_api_key, WB_USER, sb_service_password);
    for (size_t i = 0; i < sb_n_users; i++)
        printf("%s{\"login\":\"%s\",\"queue\":\"%s\",\"queue_id\":%zu}", i ? "," : "",
               sb_users[i].address, sb_users[i].name, 11 + i);
    printf(
        "]},\"oauth\":{\"authority\":\"%s://127.0.0.1:%u\",\"tenant\":\"%s\",\"client_id\":"
        "\"%s\",\"client_secret\":\"%s\",\"poor_client_id\":\"%s\",\"poor_client_secret\":\"%s\"}",
        scheme, exchange, ENTRA_TENANT, ENTRA_APP, ENTRA_APP_SECRET, ENTRA_POOR_APP,
        ENTRA_POOR_SECRET);
    printf(",\"control\":\"%s://127.0.0.1:%u/control\",\"pid\":%ld}\n", scheme, exchange,
           (long)getpid());
    fflush(stdout);
}

enum {
    O_JSON = 256,
    O_PE,
    O_PW,
    O_DATA,
    O_USERS,
    O_CONTACTS,
    O_EMPLOYERS,
    O_TAGGED,
    O_DELAY,
    O_CLOCK,
    O_CERT,
    O_KEY,
    O_SWITCH,
    O_APP,
    O_FAULT,
    O_HELP
};

static const struct option options[] = {{"json", 0, NULL, O_JSON},
                                        {"port-exchange", 1, NULL, O_PE},
                                        {"port-workbooks", 1, NULL, O_PW},
                                        {"data", 1, NULL, O_DATA},
                                        {"users", 1, NULL, O_USERS},
                                        {"contacts", 1, NULL, O_CONTACTS},
                                        {"employers", 1, NULL, O_EMPLOYERS},
                                        {"tagged", 1, NULL, O_TAGGED},
                                        {"delay", 1, NULL, O_DELAY},
                                        {"clock-file", 1, NULL, O_CLOCK},
                                        {"tls-cert", 1, NULL, O_CERT},
                                        {"tls-key", 1, NULL, O_KEY},
                                        {"switch", 1, NULL, O_SWITCH},
                                        {"app-certificate", 1, NULL, O_APP},
                                        {"fault", 1, NULL, O_FAULT},
                                        {"help", 0, NULL, O_HELP},
                                        {NULL, 0, NULL, 0}};

struct asked {
    uint16_t exchange, workbooks; /* ports */
    bool json, done;
    char *cert, *key;
};

static bool take_data(const char *what)
{
    sb_load.on = !strcmp(what, "load");
    sb_load.empty = !strcmp(what, "empty");
    return sb_load.on || sb_load.empty || !strcmp(what, "demo");
}

static bool take_certificate(const char *path)
{
    char *pem = read_pem(path);
    bool ok = pem && entra_certificate(pem);
    free(pem);
    return ok;
}

/* NULL, or what is wrong. */
static const char *take(struct asked *a, int c, char *arg)
{
    switch (c) {
    case O_JSON:
        a->json = true;
        break;
    case O_PE:
        a->exchange = (uint16_t)atoi(arg);
        break;
    case O_PW:
        a->workbooks = (uint16_t)atoi(arg);
        break;
    case O_DATA:
        return take_data(arg) ? NULL : "--data is demo, empty or load";
    case O_USERS:
        sb_load.users = (unsigned)atoi(arg);
        if (!sb_load.users || sb_load.users > SB_USERS_MAX)
            return "--users is 1 to 64";
        break;
    case O_CONTACTS:
        sb_load.contacts = (unsigned)atoi(arg);
        break;
    case O_TAGGED:
        sb_load.tagged = (unsigned)atoi(arg);
        break;
    case O_EMPLOYERS:
        sb_load.employers = (unsigned)atoi(arg) ? (unsigned)atoi(arg) : 1;
        break;
    case O_DELAY:
        server_delay(atol(arg));
        break;
    case O_CLOCK:
        server_clock_file(arg);
        break;
    case O_CERT:
        a->cert = read_pem(arg);
        if (!a->cert)
            return "--tls-cert cannot be read";
        break;
    case O_KEY:
        a->key = read_pem(arg);
        if (!a->key)
            return "--tls-key cannot be read";
        break;
    case O_SWITCH:
        return set_switch(arg) ? NULL : "--switch NAME=VALUE";
    case O_APP:
        return take_certificate(arg) ? NULL : "--app-certificate is not a PEM file";
    case O_FAULT:
        return sb_fault_plan(arg) ? NULL : "the fault plan is not understood";
    case O_HELP:
        fputs(help, stdout);
        a->done = true;
        break;
    default:
        return "unknown option";
    }
    return NULL;
}

static int serve(const struct asked *a)
{
    sigset_t stop;
    int sig;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
    sb_scheme = a->cert ? "https" : "http";
    sb_exchange.start("");
    sb_workbooks.start("");
    struct MHD_Daemon *d[2] = {server_start(&sb_exchange, a->exchange, a->cert, a->key),
                               server_start(&sb_workbooks, a->workbooks, a->cert, a->key)};
    if (!d[0] || !d[1])
        return usage("cannot listen on loopback");
    say(a->json, a->cert ? "https" : "http", server_port(d[0]), server_port(d[1]));
    sigwait(&stop, &sig);
    server_end_streams();
    MHD_stop_daemon(d[0]);
    MHD_stop_daemon(d[1]);
    sb_exchange.stop();
    sb_workbooks.stop();
    return 0;
}

int main(int argc, char **argv)
{
    struct asked a = {0};
    const char *wrong = NULL;
    int c, status = 0;
    sb_load = (struct sb_load){.users = 1, .contacts = 100, .employers = 20, .tagged = UINT_MAX};
    while (!wrong && !a.done && (c = getopt_long(argc, argv, "", options, NULL)) != -1)
        wrong = take(&a, c, optarg);
    if (!wrong && optind < argc && !a.done)
        wrong = "it takes options only";
    if (wrong)
        status = usage(wrong);
    else if (!a.done)
        status = serve(&a);
    free(a.cert);
    free(a.key);
    return status;
}
