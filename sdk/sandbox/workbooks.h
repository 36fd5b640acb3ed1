/* The Workbooks side. Section numbers are those of docs/workbooks.md. */
#ifndef SANDBOX_WORKBOOKS_H
#define SANDBOX_WORKBOOKS_H

#include <jansson.h>

#include "sandbox.h"

#define WB_COLUMNS 48u
#define UNASSIGNED 10
#define FIRST_QUEUE 11 /* 11 and up: the users', in their order */

struct wb_person {
    int64_t id, lock, updated_s, created_s;
    char *value[WB_COLUMNS]; /* NULL: null */
    int64_t queue, employer;
    bool deleted, locked;
};
struct wb_org {
    int64_t id;
    char *name;
};
/* One filter: _ff, _ft, _fc of the same place. */
struct wb_filter {
    char *field, *type, *value;
    int64_t *numbers; /* the value as a sorted list of numbers, for eq and ne */
    size_t n_numbers;
};
struct wb_query {
    struct wb_filter filters[512];
    size_t n;
    char *formula; /* NULL: and */
};

extern const char *const wb_column_names[WB_COLUMNS]; /* NULL behind the last */
int wb_column(const char *name);                      /* -1: unknown */

/* workbooks.c: the records, and whether the key counts as expired. */
extern struct wb_person *wb_people;
extern struct wb_org *wb_orgs;
extern size_t wb_n_people, wb_n_orgs;
extern bool wb_expired;
struct wb_person *wb_person_by_id(int64_t id); /* NULL: none */
struct wb_person *wb_new_person(void);
void wb_touch(struct wb_person *); /* it was changed now */
/* false: more than fits. NULL and "" empty it. */
bool wb_set_value(struct wb_person *, int column, const char *value);
/* 0: none of that name, and not to be made. */
int64_t wb_org_named(const char *name, bool make);
json_t *wb_column_json(const struct wb_person *, const char *name, bool epoch);

void wb_set_named(struct wb_person *, const char *column, const char *value);

/* workbooks_data.c */
void wb_start(const char *base);

/* workbooks_control.c */
bool wb_control(const char *action, const char *query, struct sb_buf *out);

/* workbooks_query.c */
void wb_query_read(struct wb_query *, const char *body);
void wb_query_free(struct wb_query *);
/* The text of a field of some record, for filters; buf serves numbers. NULL: empty. */
typedef const char *wb_get(const void *record, const char *field, char buf[32]);
/* -1: a field or type that is not known, or a formula that does not parse. */
int wb_query_match(const struct wb_query *, wb_get *get, const void *record);

#endif
