#include "wb_box.h"

int64_t wb_box_new_person(const struct box *b, const char *name)
{
    json_t *p = box_control(b, "workbooks/create?name=%s", name);
    int64_t id = box_number(p, "id");
    json_decref(p);
    assert_true(id > 0);
    return id;
}

void wb_box_touch(const struct box *b, const char *what, int64_t id, const char *more)
{
    json_t *p = box_control(b, "workbooks/%s?id=%lld%s", what, (long long)id, more);
    assert_int_equal(box_number(p, "id"), id);
    json_decref(p);
}

size_t wb_box_count(const struct box *b, const char *name)
{
    json_t *answer = box_control(b, "workbooks/list?name=%s", name);
    size_t n = json_array_size(json_object_get(answer, "people"));
    json_decref(answer);
    return n;
}

void wb_box_open(struct box *b, const char *key, uint32_t timeout_ms, const char *page_size)
{
    size_t n = 0;
    b->settings[n++] = (struct testhost_setting){"url", box_info(b, "workbooks", "url")};
    b->settings[n++] =
        (struct testhost_setting){"api_key", key ? key : box_info(b, "workbooks", "api_key")};
    if (page_size)
        b->settings[n++] = (struct testhost_setting){"page_size", page_size};
    box_open(b, "people", n, timeout_ms);
}

int wb_box_set_up(void **state, const char *sw)
{
    *state = box_new("workbooks", sw, "empty");
    wb_box_open(*state, NULL, 0, NULL);
    return 0;
}
