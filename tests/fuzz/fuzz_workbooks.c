/* The whole Workbooks connector, each of its collections, against any answers. */
#include "slots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct testhost_setting settings[] = {{"url", "https://crm.example.com/"},
                                                       {"api_key", "secret"},
                                                       {"page_size", "100"},
                                                       {"overlap", "60s"},
                                                       {"application", "WESS"},
                                                       {"employer", "match"},
                                                       {"share_description", "true"},
                                                       {"link_people", "true"},
                                                       {"link_attendees", "true"},
                                                       {"attachments", "true"}};
    static const char *const collections[] = {"people", "organisations", "tasks", "meetings",
                                              "emails"};
    static const struct testhost_setting reports[] = {{"url", "https://crm.example.com/"},
                                                      {"api_key", "secret"},
                                                      {"page_size", "100"},
                                                      {"overlap", "60s"},
                                                      {"application", "WESS"},
                                                      {"reports", "people.Exchange Sync"},
                                                      {"report_id_column", "id"}};
    for (size_t i = 0; i < sizeof(collections) / sizeof(collections[0]); i++) {
        const struct slots_of workbooks = {settings, sizeof(settings) / sizeof(settings[0]),
                                           collections[i], "1"};
        net_start(data, size, "application/json");
        slots_hold(&workbooks);
    }
    const struct slots_of reported = {reports, sizeof(reports) / sizeof(reports[0]), "people", "1"};
    net_start(data, size, "application/json");
    slots_hold(&reported);
    return 0;
}
