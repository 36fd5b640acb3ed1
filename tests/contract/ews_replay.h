/* The connector "ews" before a server that answers as each test says. Every request that a test
 * made is checked against Exchange 2010's own schema when that is at hand. */
#ifndef TEST_CONTRACT_EWS_REPLAY_H
#define TEST_CONTRACT_EWS_REPLAY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay.h"
#include "testhost.h"

enum { SCRIPT_MAX = 64, SETTINGS_MAX = 16 };
struct ews_script { /* what the next request of an operation gets; the last of them stays */
    const char *op, *body;
    unsigned status;
    bool used;
};
struct ews_test {
    struct replay *server;
    struct testhost th;
    const struct wess_connector *c;
    struct wess_conn *conn;
    struct wess_call call;
    struct testhost_setting settings[SETTINGS_MAX];
    char url[200];
    struct ews_script script[SCRIPT_MAX];
    size_t n_script;
    /* Asked first; false: the script answers. */
    bool (*hook)(struct ews_test *, const char *op, const char *request, struct replay_reply *);
    size_t at; /* the hook's own */
};

int ews_set_up(void **state);
int ews_tear_down(void **state); /* validates the requests */
/* Opens with more settings: name, value, ..., NULL. */
void ews_open(struct ews_test *, ...) __attribute__((sentinel));
void ews_says(struct ews_test *, const char *op, const char *messages);
void ews_says_status(struct ews_test *, const char *op, unsigned status, const char *body);
/* Requests of an operation so far; the n-th of them. */
size_t ews_asked(const struct ews_test *, const char *op);
const char *ews_request(const struct ews_test *, const char *op, size_t n);
char *ews_envelope(const char *op, const char *messages); /* malloc'ed */
char *ews_fault(const char *code);

#define M_OK(name, inner)                                                                          \
    "<m:" name "ResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError"                 \
    "</m:ResponseCode>" inner "</m:" name "ResponseMessage>"
#define M_BAD(name, code)                                                                          \
    "<m:" name "ResponseMessage ResponseClass=\"Error\"><m:MessageText>words</m:MessageText>"      \
    "<m:ResponseCode>" code "</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>"      \
    "<m:Items/></m:" name "ResponseMessage>"
#define ITEM(id, key, inner)                                                                       \
    "<t:Contact><t:ItemId Id=\"" id "\" ChangeKey=\"" key "\"/>" inner "</t:Contact>"
#define ITEMS(inner) "<m:Items>" inner "</m:Items>"
#define STAMPED(stamp)                                                                             \
    "<t:ExtendedProperty><t:ExtendedFieldURI "                                                     \
    "PropertySetId=\"6a1f5c2e-94b3-4d0c-8f27-3f1f0c6b7a11\" PropertyName=\"wess-stamp\" "          \
    "PropertyType=\"String\"/><t:Value>" stamp "</t:Value></t:ExtendedProperty>"
#define FOLDERS_OK                                                                                 \
    M_OK("GetFolder", "<m:Folders><t:ContactsFolder><t:FolderId Id=\"F-contacts\" "                \
                      "ChangeKey=\"k\"/></t:ContactsFolder></m:Folders>")                          \
    M_OK("GetFolder", "<m:Folders><t:Folder><t:FolderId Id=\"F-bin\" ChangeKey=\"k\"/></t:Folder>" \
                      "</m:Folders>")

int ews_run_write_tests(void); /* how many failed */

#endif
