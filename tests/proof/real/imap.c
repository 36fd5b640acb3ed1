/* An IMAP server of one mailbox within the process of the servers: the first user's mail once more,
 * whose keywords are tags. It knows what the connector may say, and refuses all else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "imap.h"

#define MESSAGES 64
#define SAYS "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR ENABLE CONDSTORE\r\n"

static struct message {
    char name[48], id[96];
    bool tagged;
    unsigned long modseq;
} box[MESSAGES]; /* the UID is the place, from 1 */
static size_t n_box;
static unsigned long modseq = 1;

bool real_imap_mail(const char *name, const char *id)
{
    if (n_box == MESSAGES)
        return false;
    struct message *m = &box[n_box++];
    snprintf(m->name, sizeof(m->name), "%s", name);
    snprintf(m->id, sizeof(m->id), "%s", id);
    m->modseq = ++modseq;
    return true;
}

bool real_imap_tag(const char *name, bool on)
{
    bool any = false;
    for (size_t i = 0; i < n_box; i++)
        if (!strcmp(box[i].name, name) && box[i].tagged != on) {
            box[i].tagged = on;
            box[i].modseq = ++modseq;
            any = true;
        }
    return any;
}

void real_imap_greet(struct sb_buf *out)
{
    sb_buf_str(out, "* OK ready\r\n");
}

/* "1:500,502" */
static bool is_in(const char *set, unsigned long uid)
{
    while (*set) {
        char *end;
        unsigned long a = strtoul(set, &end, 10), b = a;
        if (*end == ':')
            b = end[1] == '*' ? (unsigned long)-1 : strtoul(end + 1, &end, 10);
        if (a <= uid && uid <= b)
            return true;
        set = end + strcspn(end, ",");
        set += *set == ',';
    }
    return false;
}

#define HEADER "HEADER.FIELDS (Message-ID)"

/* What of a message may be asked for. */
static const struct asked {
    const char *text;
    bool flags, header;
} asked[] = {{"(UID FLAGS MODSEQ)", true, false},
             {"(UID BODY.PEEK[" HEADER "])", false, true},
             {"(UID FLAGS MODSEQ BODY.PEEK[" HEADER "])", true, true}};

static const struct asked *asked_for(const char *what)
{
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
        if (!strncmp(what, asked[i].text, strlen(asked[i].text)))
            return &asked[i];
    return NULL;
}

static void tell(const struct message *m, size_t uid, const struct asked *of, struct sb_buf *out)
{
    sb_buf_fmt(out, "* %zu FETCH (UID %zu", uid, uid);
    if (of->flags)
        sb_buf_fmt(out, " FLAGS (%s) MODSEQ (%lu)", m->tagged ? "\\Seen Workbooks" : "\\Seen",
                   m->modseq);
    if (of->header)
        sb_buf_fmt(out, " BODY[" HEADER "] {%zu}\r\nMessage-ID: %s\r\n\r\n", strlen(m->id) + 16,
                   m->id);
    sb_buf_str(out, ")\r\n");
}

static bool do_fetch(const char *rest, struct sb_buf *out)
{
    char set[4096];
    unsigned long since = 0;
    int from = 0;
    if (sscanf(rest, "%4095s %n", set, &from) != 1 || !from)
        return false;
    const struct asked *of = asked_for(rest + from);
    const char *more = of ? rest + from + strlen(of->text) : "";
    if (!of || (*more && sscanf(more, " (CHANGEDSINCE %lu)", &since) != 1))
        return false;
    for (size_t i = 0; i < n_box; i++)
        if (is_in(set, i + 1) && box[i].modseq > since)
            tell(&box[i], i + 1, of, out);
    return true;
}

static bool do_status(const char *rest, struct sb_buf *out)
{
    if (strcmp(rest, "\"INBOX\" (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)") != 0)
        return false;
    sb_buf_fmt(out,
               "* STATUS \"INBOX\" (MESSAGES %zu UIDNEXT %zu UIDVALIDITY 7 HIGHESTMODSEQ %lu)\r\n",
               n_box, n_box + 1, modseq);
    return true;
}

static bool do_examine(const char *rest, struct sb_buf *out)
{
    sb_buf_fmt(out, "* %zu EXISTS\r\n* OK [UIDVALIDITY 7] so\r\n* OK [HIGHESTMODSEQ %lu] so\r\n",
               n_box, modseq);
    return !strcmp(rest, "\"INBOX\"");
}

static bool do_list(const char *rest, struct sb_buf *out)
{
    sb_buf_str(out, "* LIST () \"/\" \"INBOX\"\r\n");
    return !strcmp(rest, "\"\" \"*\"");
}

static bool do_capability(const char *rest, struct sb_buf *out)
{
    sb_buf_str(out, SAYS);
    return !*rest;
}

static bool do_authenticate(const char *rest, struct sb_buf *out)
{
    (void)out;
    return !strncmp(rest, "PLAIN ", 6);
}

static bool do_enable(const char *rest, struct sb_buf *out)
{
    sb_buf_str(out, "* ENABLED CONDSTORE\r\n");
    return !strcmp(rest, "CONDSTORE");
}

static bool do_logout(const char *rest, struct sb_buf *out)
{
    sb_buf_str(out, "* BYE\r\n");
    return !*rest;
}

static const struct {
    const char *word;
    bool (*run)(const char *rest, struct sb_buf *out);
} commands[] = {{"CAPABILITY", do_capability},
                {"AUTHENTICATE", do_authenticate},
                {"LIST", do_list},
                {"STATUS", do_status},
                {"ENABLE", do_enable},
                {"EXAMINE", do_examine},
                {"UID FETCH", do_fetch},
                {"LOGOUT", do_logout}};

/* "imap:FETCH" of "w1 UID FETCH ..". */
void real_imap_op(const char *line, char op[64])
{
    char first[16] = "", second[16] = "";
    sscanf(line, "%*s %15s %15s", first, second);
    snprintf(op, 64, "imap:%s", strcmp(first, "UID") ? first : second);
}

void real_imap_answer(const char *line, bool refuse, struct sb_buf *out)
{
    char tag[16] = "*";
    int from = 0;
    sscanf(line, "%15s %n", tag, &from);
    const char *rest = line + from;
    bool ok = false;
    for (size_t i = 0; !refuse && i < sizeof(commands) / sizeof(commands[0]); i++) {
        size_t len = strlen(commands[i].word);
        if (strncasecmp(rest, commands[i].word, len) || (rest[len] && rest[len] != ' '))
            continue;
        ok = commands[i].run(rest + len + (rest[len] == ' '), out);
        break;
    }
    sb_buf_fmt(out, "%s %s\r\n", tag,
               refuse ? "NO [UNAVAILABLE] not now"
               : ok   ? "OK done"
                      : "BAD what is that?");
}
