/* Every setting of the core, declared once: checking, defaults, help and docs come from here. The
 * options of an endpoint are declared by its connector. */
#include <stdio.h>

#include "config/read.h"

#define GROUP(var, path, table)                                                                    \
    const struct group_def var = {path, table, sizeof(table) / sizeof(table[0])}

static const struct setting_def top[] = {
    {"site", SET_TEXT, NULL, NULL, "name of this installation; part of every stamp, never changed"},
    {"state_dir", SET_TEXT, "/var/lib/wess", NULL, "folder of the state, 0700"},
    {"connector_path", SET_LIST, NULL, NULL, "further folders in which connectors are looked for"},
    {"endpoints", SET_ANY, NULL, NULL, "NAME: { connector = ..; its options }"},
    {"users", SET_GROUP, NULL, NULL, "who takes part"},
    {"preset", SET_TEXT, NULL, NULL, "usual pairs, as in \"workbooks-exchange\""},
    {"preset_without", SET_LIST, NULL, NULL, "pairs of the preset that are left out"},
    {"pairs", SET_ANY, NULL, NULL, "NAME: { two collections kept in step }"},
    {"daemon", SET_GROUP, NULL, NULL, "the long-running program"},
    {"full_check", SET_DURATION, "7d", "1d..3650d",
     "how often all is listed again where changes do not tell everything"},
    {"http", SET_GROUP, NULL, NULL, "for connectors that speak HTTP"},
    {"log", SET_GROUP, NULL, NULL, "where the log goes"},
    {"keep", SET_GROUP, NULL, NULL, "how long things are remembered"},
};
GROUP(group_top, "", top);

static const struct setting_def users[] = {
    {"source", SET_GROUP, NULL, NULL,
     "csv = FILE; or list = ( { id = ..; .. } ); or command = [ .. ]"},
    {"waves", SET_ROWS, NULL, NULL, "( { name = ..; mode = ..; }, .. ), first that fits"},
};
GROUP(group_users, "users", users);
static const struct setting_def source[] = {
    {"csv", SET_TEXT, NULL, NULL, "a file with a header: id,name,.."},
    {"command", SET_LIST, NULL, NULL,
     "a program and its arguments that prints such a file; no shell"},
    {"list", SET_ROWS, NULL, NULL, "the users themselves"},
};
GROUP(group_source, "users.source", source);
static const struct setting_def wave[] = {
    {"name", SET_TEXT, NULL, NULL, "a user's wave; \"*\": any other"},
    {"mode", SET_CHOICE, "both", "off|observe|to_left|to_right|both",
     "what may be written for them"},
};
GROUP(group_wave, "users.waves", wave);

static const struct setting_def pair[] = {
    {"kind", SET_TEXT, NULL, NULL, "contact, event, message or task"},
    {"mode", SET_CHOICE, "sync", "sync|file", "kept in step, or filed on the right once"},
    {"left", SET_TEXT, NULL, NULL, "ENDPOINT:COLLECTION"},
    {"right", SET_TEXT, NULL, NULL, "ENDPOINT:COLLECTION"},
    {"select", SET_GROUP, NULL, NULL, "left = { .. }; right = { .. }: who takes part"},
    {"match", SET_ROWS, NULL, NULL, "( { keys = [ .. ]; one = ..; }, .. ), ranked"},
    {"first", SET_GROUP, NULL, NULL, "the first meeting"},
    {"conflict", SET_CHOICE, "ask", "ask|left|right|newest", "both sides changed one field"},
    {"on_delete", SET_GROUP, NULL, NULL, "left = ..; right = ..: what a deletion there does"},
    {"on_untag", SET_CHOICE, "unlink", "unlink|freeze|delete", "a tag was taken off"},
    {"private", SET_CHOICE, "skip", "skip|mask|full", "items that their owner marked private"},
    {"with_attendees", SET_CHOICE, "hold", "hold|send|silent",
     "a meeting with other people would change: waits, is sent to them, or they are not told"},
    {"invitations", SET_CHOICE, "none", "none|send", "whether people may be sent mail at all"},
    {"direction", SET_CHOICE, "both", "both|to_left|to_right|never", "of the whole pair"},
    {"fields", SET_ROWS, NULL, NULL, "( { field = ..; direction = ..; conflict = ..; }, .. )"},
    {"window", SET_GROUP, NULL, NULL, "past = ..; future = ..: when what begins to take part is"},
    {"per_run", SET_INT, "0", "0..1000000",
     "what one run takes up of a user, newest first; 0: all"},
    {"guard", SET_GROUP, NULL, NULL, "sizes above which a person decides"},
};
GROUP(group_pair, "pairs.NAME", pair);
static const struct setting_def select_side[] = {
    {"tags_any", SET_LIST, NULL, NULL, "bears one of these"},
    {"tags_all", SET_LIST, NULL, NULL, "bears all of these"},
    {"tags_none", SET_LIST, NULL, NULL, "bears none of these"},
    {"folder", SET_TEXT, NULL, NULL, "lies in this folder"},
    {"shared", SET_BOOL, "false", NULL, "takes part for every user"},
    {"source", SET_TEXT, NULL, NULL, "the endpoint that says which items bear which tags"},
    {"join", SET_TEXT, NULL, NULL,
     "the key by which its items are known here, \"message-id\", or \"id\""},
};
GROUP(group_select, "pairs.NAME.select.SIDE", select_side);
static const struct setting_def match[] = {
    {"keys", SET_LIST, NULL, NULL, "together one key: [ \"email\", \"name.family\" ]"},
    {"one", SET_CHOICE, "ask", "link|ask", "what exactly one candidate means"},
};
GROUP(group_match, "pairs.NAME.match", match);
static const struct setting_def first[] = {
    {"differs", SET_CHOICE, "ask", "ask|left|right", "linked items differ in a field"},
    {"empty", SET_CHOICE, "fill", "fill|leave", "one side is empty"},
    {"create", SET_CHOICE, "ask", "ask|yes", "items without a twin: list them first"},
};
GROUP(group_first, "pairs.NAME.first", first);
static const struct setting_def deletes[] = {
    {"left", SET_CHOICE, "unlink", "unlink|delete|restore", "the left item was deleted"},
    {"right", SET_CHOICE, "unlink", "unlink|delete|restore", "the right item was deleted"},
};
GROUP(group_deletes, "pairs.NAME.on_delete", deletes);
static const struct setting_def field[] = {
    {"field", SET_TEXT, NULL, NULL, "a field, or one element: \"phone.mobile\""},
    {"left", SET_TEXT, NULL, NULL, "x.CONNECTOR.NAME on the left"},
    {"right", SET_TEXT, NULL, NULL, "x.CONNECTOR.NAME on the right"},
    {"direction", SET_CHOICE, "both", "both|to_left|to_right|never", "where it may go"},
    {"conflict", SET_CHOICE, "", "ask|left|right|newest", "both changed it (default: the pair's)"},
};
GROUP(group_field, "pairs.NAME.fields", field);
static const struct setting_def window[] = {
    {"past", SET_DURATION, NULL, "1d..36500d", "no longer ago than that (default: however long)"},
    {"future", SET_DURATION, NULL, "1d..36500d", "no later than that (default: however late)"},
    {"per_series", SET_INT, "366", "1..5000",
     "occurrences of one series that go where nothing recurs"},
};
GROUP(group_window, "pairs.NAME.window", window);
static const struct setting_def guard[] = {
    {"max_delete", SET_INT, "10", "0..1000000", "deletions of one run and user"},
    {"max_unlink", SET_INT, "50", "0..1000000", "links ended"},
    {"max_change", SET_INT, "100", "0..1000000", "items changed"},
    {"max_change_percent", SET_INT, "30", "0..100", "or this part of the links, from 20 links on"},
    {"max_create", SET_INT, "500", "0..1000000", "items created"},
    {"max_first", SET_INT, "2000", "0..1000000", "the same in a first meeting"},
};
GROUP(group_guard, "pairs.NAME.guard", guard);

static const struct setting_def daemon_settings[] = {
    {"every", SET_DURATION, "30m", "10s..7d", "from the start of one round to the next"},
    {"watch", SET_BOOL, "false", NULL, "a user whose mailbox changes is run at once"},
    {"workers", SET_INT, "8", "1..64", "users at one time"},
    {"control", SET_TEXT, NULL, NULL, "control socket (default STATE_DIR/control)"},
};
GROUP(group_daemon, "daemon", daemon_settings);
static const struct setting_def http[] = {
    {"proxy", SET_TEXT, NULL, NULL, "http://HOST:PORT; the environment is not asked"},
    {"ca_file", SET_TEXT, NULL, NULL, "certificates to trust instead of the system's"},
    {"user_agent", SET_TEXT, NULL, NULL, "what servers see and may allow by"},
    {"connect_timeout", SET_DURATION, "30s", "1s..10m", "until a connection stands"},
    {"timeout", SET_DURATION, "2m", "1s..30m", "of a whole request"},
    {"body_max", SET_INT, "67108864", "65536..1073741824", "bytes of an answer"},
};
GROUP(group_http, "http", http);
static const struct setting_def logging[] = {
    {"file", SET_TEXT, NULL, NULL, "a file, 0600 (default: standard error)"},
    {"level", SET_CHOICE, "warn", "error|warn|info|debug", "how much"},
};
GROUP(group_log, "log", logging);
static const struct setting_def keep[] = {
    {"ended", SET_DURATION, "400d", "1d..3650d", "values of ended links"},
    {"before_images", SET_DURATION, "90d", "1d..3650d", "what was there before a write"},
};
GROUP(group_keep, "keep", keep);
static const struct setting_def secret[] = {
    {"file", SET_TEXT, NULL, NULL, "its first line; readable by the owner only"},
    {"command", SET_LIST, NULL, NULL, "a program and its arguments that prints it; no shell"},
    {"env", SET_TEXT, NULL, NULL, "an environment variable"},
    {"credential", SET_TEXT, NULL, NULL, "a credential of the service manager"},
    {"expires", SET_TEXT, NULL, NULL, "\"2027-06-30\": warned of 30, 7 and 1 days before"},
};
GROUP(group_secret, "endpoints.NAME.SECRET", secret);

void config_describe(FILE *out)
{
    static const struct group_def *const all[] = {
        &group_top,   &group_users, &group_source,  &group_wave,  &group_pair,  &group_select,
        &group_match, &group_first, &group_deletes, &group_field, &group_guard, &group_daemon,
        &group_http,  &group_log,   &group_keep,    &group_secret};
    for (size_t g = 0; g < sizeof(all) / sizeof(all[0]); g++)
        for (size_t i = 0; i < all[g]->n; i++) {
            const struct setting_def *d = &all[g]->of[i];
            fprintf(out, "%s%s%s\t%s\t%s\t%s\n", all[g]->path, *all[g]->path ? "." : "", d->name,
                    d->range ? d->range : "", d->fallback && *d->fallback ? d->fallback : "-",
                    d->help);
        }
}
