/* The whole Exchange connector, each kind and each slot of it, against any answers: documents as
 * they were captured are inputs. */
#include "slots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct testhost_setting settings[] = {
        {"url", "https://mail.example.com/EWS/Exchange.asmx"},
        {"auth", "ntlm"},
        {"username", "EXAMPLE\\svc-wess"},
        {"password", "secret"},
        {"impersonate", "ada@example.com"},
        {"impersonate_as", "address"},
        {"folders", "*"},
        {"attachments", "true"},
        {"must_not_reach", "ceo@example.com"}};
    static const char *const collections[] = {"contacts", "tasks", "calendar", "messages"};
    for (size_t i = 0; i < sizeof(collections) / sizeof(collections[0]); i++) {
        const struct slots_of ews = {settings, sizeof(settings) / sizeof(settings[0]),
                                     collections[i], "AAMk+/=="};
        net_start(data, size, "text/xml; charset=utf-8");
        slots_hold(&ews);
    }
    return 0;
}
