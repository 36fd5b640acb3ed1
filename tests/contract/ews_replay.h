/* The connector "ews" before a server that answers as each test says. Every request that a test
 * made is checked against Exchange 2010's own schema when that is at hand. */
#ifndef TEST_CONTRACT_EWS_REPLAY_H
#define TEST_CONTRACT_EWS_REPLAY_H

#include "stage.h"

int ews_set_up(void **state);
/* Opens with more settings: name, value, ..., NULL. */
void ews_open(struct stage *, ...) __attribute__((sentinel));
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
int ews_run_photo_tests(void);
int ews_run_calendar_tests(void);

#endif
