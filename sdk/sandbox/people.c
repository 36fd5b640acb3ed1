/* The believable data both servers start with. The traps are written by hand, the crowd is composed
 * from tables; the same at every start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox.h"

#define CROWD_A 170u   /* only in the first mailbox */
#define CROWD_B 175u   /* only in the second */
#define CROWD_CRM 115u /* only in the CRM */
#define BOTH_A 30u     /* first mailbox and CRM, the same */
#define BOTH_B 20u
#define MOST (CROWD_A + CROWD_B + CROWD_CRM + BOTH_A + BOTH_B + 40u)

struct sb_load sb_load;
const char *sb_scheme = "http";
struct sb_user sb_users[SB_USERS_MAX];
size_t sb_n_users;
const char *const sb_service_user = "EXAMPLE\\svc-wess";
const char *const sb_service_password = "Rehearsal-1";
const char *const sb_api_key = "10234-50981-77120-43310-90871-22345-61098-55512";

static const char *const firsts[] = {"Amelia", "Oliver", "Sofía",  "Noah",   "Zoë",    "Mateo",
                                     "Freya",  "Łukasz", "Chloé",  "Liam",   "Ingrid", "José",
                                     "Aisha",  "Tomáš",  "Priya",  "Björn",  "Hannah", "Kwame",
                                     "Mei",    "Jürgen", "Élodie", "Ruben",  "Nadia",  "Callum",
                                     "Yuki",   "Андрей", "Maria",  "Declan", "Leïla",  "Anders"};
static const char *const lasts[] = {"Ashworth",     "Bianchi",   "Castellanos",
                                    "Dupont",       "Eriksson",  "Fitzgerald",
                                    "García",       "Hughes",    "Ivanova",
                                    "Jankowski",    "Köhler",    "Lindqvist",
                                    "Moreau",       "Nakamura",  "O'Brien",
                                    "Petrović",     "Quinn",     "Rossi",
                                    "Sørensen",     "Tanaka",    "Ünal",
                                    "van der Berg", "Williams",  "Xu",
                                    "Yılmaz",       "Zieliński", "Achterberg-Wessels",
                                    "Novák",        "Smith",     "Thorne"};
static const char *const companies[] = {
    "Northwind Traders",    "Contoso Ltd",          "Fabrikam GmbH", "Adatum",
    "Tailspin Toys",        "Wide World Importers", "Proseware",     "Litware",
    "Blue Yonder Airlines", "Alpine Ski House",     "Coho Winery",   "Lucerne Publishing"};
static const char *const jobs[] = {
    "Managing Director", "Buyer",         "Head of Operations", "Engineer",
    "Sales Manager",     "Legal Counsel", "Office Manager",     "CFO"};
static const char *const towns[] = {"London", "Leeds", "Bristol", "Glasgow", "Zürich", "Málaga"};
static const char *const streets[] = {"High Street", "Mill Lane", "Station Road", "King's Parade"};

static const struct sb_person traps[] = {
    /* Two people with one address. */
    {.first = "Rosa",
     .last = "Delgado",
     .company = "Litware",
     .email = {"info@litware.example"},
     .work_phone = "+44 20 7946 0101",
     .in_mailbox = {true, false},
     .tagged = {true, false},
     .in_crm = true,
     .crm_queue = 1},
    {.first = "Pablo",
     .last = "Serrano",
     .company = "Litware",
     .email = {"info@litware.example"},
     .work_phone = "+44 20 7946 0102",
     .in_mailbox = {true, false},
     .tagged = {true, false}},
    /* A father and a son of one name. */
    {.first = "Henry",
     .last = "Thorne",
     .email = {"henry.thorne@adatum.example"},
     .company = "Adatum",
     .mobile = "+44 7700 900211",
     .in_mailbox = {true, false},
     .tagged = {true, false},
     .in_crm = true},
    {.first = "Henry",
     .last = "Thorne",
     .email = {"h.thorne.jr@adatum.example"},
     .company = "Adatum",
     .mobile = "+44 7700 900212",
     .in_mailbox = {true, false},
     .tagged = {true, false}},
    /* The same customer in both mailboxes, in the CRM already. */
    {.first = "Margarethe",
     .middle = "Anna",
     .last = "Köhler-Lindqvist",
     .title = "Dr",
     .job = "Managing Director",
     .company = "Fabrikam GmbH",
     .email = {"m.koehler@fabrikam.example", "margarethe@koehler.example"},
     .work_phone = "+49 30 901820",
     .mobile = "+49 171 5550199",
     .street = "Invalidenstraße 44",
     .town = "Berlin",
     .postcode = "10115",
     .country = "Germany",
     .website = "https://fabrikam.example",
     .note = "Met at the spring fair.\nPrefers mail.",
     .in_mailbox = {true, true},
     .tagged = {true, true},
     .in_crm = true,
     .crm_queue = 1},
    /* The same customer in both mailboxes, new to the CRM, not tagged yet. */
    {.first = "Idris",
     .last = "Vance",
     .job = "Buyer",
     .company = "Coho Winery",
     .email = {"idris.vance@coho.example"},
     .work_phone = "+44 117 496 0333",
     .in_mailbox = {true, true}},
    /* Untagged, and the CRM selects him: asked about. */
    {.first = "Walter",
     .last = "Pym",
     .email = {"walter.pym@proseware.example"},
     .company = "Proseware",
     .in_mailbox = {true, false},
     .in_crm = true,
     .crm_queue = 1},
    /* Without an address; the CRM has the name with an accent. */
    {.first = "Renee",
     .last = "Fontaine",
     .mobile = "+33 6 12 34 56 78",
     .in_mailbox = {true, false},
     .tagged = {true, false}},
    /* A company only, an address only, nothing. */
    {.company = "Alpine Ski House", .work_phone = "+41 44 668 18 00", .in_mailbox = {true, false}},
    {.email = {"newsletter@tailspin.example"}, .in_mailbox = {true, false}},
    {.in_mailbox = {true, false}},
    /* Private: taken part in by nobody. */
    {.first = "Helena",
     .last = "Privat",
     .email = {"helena@home.example"},
     .note = "CANARY-PRIVATE do not share",
     .home_phone = "+44 1632 960001",
     .in_mailbox = {true, false},
     .tagged = {true, false},
     .is_private = {true, false}},
    /* Never shared. */
    {.first = "Dr. Siobhán",
     .last = "Kelleher",
     .email = {"clinic@kelleher.example"},
     .note = "CANARY-UNTAGGED results on Friday",
     .in_mailbox = {true, false}},
    /* Long names, several addresses, both homes. */
    {.first = "Wolfeschlegelsteinhausen-Bergerdorff",
     .middle = "Maximilian Alexander Konstantin",
     .last = "von Hohenlohe-Waldenburg-Schillingsfürst",
     .company = "Lucerne Publishing",
     .email = {"max.hohenlohe@lucerne.example", "max@hohenlohe.example", "mhs@mail.example"},
     .work_phone = "+41 41 555 01 01",
     .home_phone = "+41 41 555 02 02",
     .fax = "+41 41 555 03 03",
     .street = "Schweizerhofquai 6",
     .town = "Luzern",
     .postcode = "6004",
     .country = "Switzerland",
     .home_street = "Seestraße 12",
     .home_town = "Weggis",
     .home_postcode = "6353",
     .home_country = "Switzerland",
     .in_mailbox = {true, false},
     .tagged = {true, false}},
};
static const struct sb_person crm_traps[] = {
    {.first = "Renée", .last = "Fontaine", .mobile = "+33 6 12 34 56 78", .in_crm = true},
    {.first = "Margarethe",
     .last = "Köhler-Lindqvist",
     .email = {"m.kl@other.example"},
     .in_crm = true},
};

static struct sb_person all[MOST];
static size_t n_all;

static char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#include <stdarg.h>
static char *text(const char *fmt, ...)
{
    char *out = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&out, fmt, ap) < 0)
        abort();
    va_end(ap);
    return out;
}

/* Letters and digits of a name for its mail address. */
static char *slug(const char *name, unsigned i)
{
    char out[32];
    size_t n = 0;
    for (const char *s = name; *s && n < 20; s++) {
        if (*s >= 'A' && *s <= 'Z')
            out[n++] = (char)(*s + 32);
        else if (*s >= 'a' && *s <= 'z')
            out[n++] = *s;
    }
    out[n] = 0;
    return text("%s%u", n ? out : "contact", i);
}

static struct sb_person *crowd(unsigned i)
{
    struct sb_person *p = &all[n_all++];
    unsigned n = (unsigned)(sizeof(firsts) / sizeof(firsts[0]));
    p->first = firsts[i % n];
    p->last = lasts[(i * 7 + i / n) % (sizeof(lasts) / sizeof(lasts[0]))];
    p->company = companies[(i * 5) % (sizeof(companies) / sizeof(companies[0]))];
    p->job = jobs[(i * 3) % (sizeof(jobs) / sizeof(jobs[0]))];
    char *local = slug(p->last, i);
    p->email[0] = text("%s@example.org", local);
    if (i % 6 == 0)
        p->email[1] = text("%s.home@example.net", local);
    free(local);
    p->work_phone = text("+44 20 7946 %04u", 1000 + i);
    if (i % 3)
        p->mobile = text("+44 7700 9%05u", i);
    p->street = text("%u %s", 1 + i % 120, streets[i % 4]);
    p->town = towns[i % 6];
    p->postcode = text("LS%u %uAB", 1 + i % 20, i % 9);
    p->country = i % 6 == 4 ? "Switzerland" : i % 6 == 5 ? "Spain" : "United Kingdom";
    if (i % 9 == 0)
        p->note = text("Customer since %u.\nReferred by a colleague & friend.", 1998 + i % 25);
    return p;
}

static void compose(void)
{
    unsigned i = 0;
    for (size_t t = 0; t < sizeof(traps) / sizeof(traps[0]); t++)
        all[n_all++] = traps[t];
    for (size_t t = 0; t < sizeof(crm_traps) / sizeof(crm_traps[0]); t++)
        all[n_all++] = crm_traps[t];
    for (unsigned k = 0; k < CROWD_A; k++) {
        struct sb_person *p = crowd(i++);
        p->in_mailbox[0] = true;
        p->tagged[0] = k % 8 == 0;
    }
    for (unsigned k = 0; k < CROWD_B; k++) {
        struct sb_person *p = crowd(i++);
        p->in_mailbox[1] = true;
        p->tagged[1] = k % 9 == 0;
    }
    for (unsigned k = 0; k < BOTH_A + BOTH_B; k++) {
        struct sb_person *p = crowd(i++);
        unsigned m = k < BOTH_A ? 0 : 1;
        p->in_mailbox[m] = p->tagged[m] = p->in_crm = true;
        p->crm_queue = k % 4 == 0 ? (int)m + 1 : 0;
    }
    for (unsigned k = 0; k < CROWD_CRM; k++) {
        struct sb_person *p = crowd(i++);
        p->in_crm = true;
        p->crm_queue = k % 16 == 0 ? 1 : k % 16 == 1 ? 2 : 0;
    }
}

static void add_user(const char *login, const char *name, const char *address)
{
    struct sb_user *u = &sb_users[sb_n_users++];
    snprintf(u->login, sizeof(u->login), "%s", login);
    snprintf(u->name, sizeof(u->name), "%s", name);
    snprintf(u->address, sizeof(u->address), "%s", address);
    snprintf(u->password, sizeof(u->password), "Mail-%s-7", login);
}

static void users(void)
{
    if (!sb_load.on) {
        add_user("ada", "Ada Lovell", "ada.lovell@example.com");
        add_user("ben", "Ben Okafor", "ben.okafor@example.com");
        return;
    }
    for (unsigned u = 0; u < sb_load.users; u++) {
        char login[24], name[32], address[48];
        snprintf(login, sizeof(login), "user%u", u + 1);
        snprintf(name, sizeof(name), "User %u", u + 1);
        snprintf(address, sizeof(address), "user%u@example.com", u + 1);
        add_user(login, name, address);
    }
}

size_t sb_people(const struct sb_person **out)
{
    if (!sb_n_users)
        users();
    if (!n_all && !sb_load.on && !sb_load.empty)
        compose();
    *out = all;
    return n_all;
}

static char *part(char **at, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static char *part(char **at, const char *fmt, ...)
{
    char *start = *at;
    va_list ap;
    va_start(ap, fmt);
    *at += vsnprintf(start, 256, fmt, ap) + 1;
    va_end(ap);
    return start;
}

void sb_load_person(unsigned user, unsigned i, unsigned employers, struct sb_person *p,
                    char scratch[SB_SCRATCH])
{
    char *at = scratch;
    unsigned n = user * 1000003u + i;
    *p = (struct sb_person){0};
    p->first = firsts[n % (sizeof(firsts) / sizeof(firsts[0]))];
    p->last = part(&at, "%s-%u", lasts[(n / 30) % (sizeof(lasts) / sizeof(lasts[0]))], n);
    p->company = part(&at, "Employer %u Ltd", i % employers);
    p->job = jobs[n % 8];
    p->email[0] = part(&at, "person.%u.%u@load.example", user, i);
    p->work_phone = part(&at, "+44 20 7%06u", n % 1000000);
    p->mobile = part(&at, "+44 77%08u", n % 100000000);
    p->street = part(&at, "%u %s", 1 + n % 200, streets[n % 4]);
    p->town = towns[n % 6];
    p->postcode = part(&at, "LS%u %uAB", 1 + n % 20, n % 9);
    p->country = "United Kingdom";
    p->tagged[0] = p->in_mailbox[0] = true;
}
