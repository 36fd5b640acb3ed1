/* What was before, and what is under way when the run is cut. `o` stands for the other side: the
 * CRM, or a folder of files. */
#ifndef PROOF_REAL_SCENARIOS_H
#define PROOF_REAL_SCENARIOS_H

#include <stddef.h>

enum { /* where it is played */
       ON_CONTACT_CRM = 1,
       ON_CONTACT_DIR = 2,
       ON_TASK = 4,
       ON_EVENT = 8,
       ON_MAIL_DIR = 16,
       ON_TASK_CRM = 32,
       ON_EVENT_CRM = 64,
       ON_MAIL_CRM = 128,
       ON_MAIL_TAGS = 256,
       ON_MAIL = ON_MAIL_DIR | ON_MAIL_CRM | ON_MAIL_TAGS,
       ON_ACTIVITIES = ON_TASK_CRM | ON_EVENT_CRM,
       ON_CONTACTS = ON_CONTACT_CRM | ON_CONTACT_DIR,
       ON_FILES = ON_CONTACT_DIR | ON_TASK | ON_EVENT,
       ON_ALL = ON_CONTACT_CRM | ON_FILES | ON_ACTIVITIES,
};
#define AT_ONCE "clock 1; " /* begins a `then` that comes before the next run, not behind it */
struct real_scenario {
    const char *name;
    unsigned on;
    int users;
    const char *pair, *before, *then; /* then: what a person does after the cut run */
    const char *outcome; /* what is so in the end, as real_is() takes it; last: mails N */
};
extern const struct real_scenario real_scenarios[];
extern const size_t real_n_scenarios;

#endif
