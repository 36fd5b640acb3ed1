/* What Workbooks holds when it starts. */
#include <stdio.h>
#include <string.h>

#include "workbooks.h"

static void add_demo(const struct sb_person *d, size_t i)
{
    struct wb_record *p = wb_new(&wb_sets[WB_PEOPLE]);
    char name[300];
    snprintf(name, sizeof(name), "%s%s%s", d->first ? d->first : "", d->first && d->last ? " " : "",
             d->last ? d->last : "");
    wb_set_named_value(p, "name", *name ? name : d->company);
    wb_set_named_value(p, "person_first_name", d->first);
    wb_set_named_value(p, "person_middle_name", d->middle);
    wb_set_named_value(p, "person_last_name", d->last);
    wb_set_named_value(p, "person_personal_title", d->title);
    wb_set_named_value(p, "person_job_title", d->job);
    wb_set_named_value(p, "website", d->website);
    wb_set_named_value(p, "party_notes", d->note);
    wb_set_named_value(p, "main_location[email]", d->email[0]);
    wb_set_named_value(p, "main_location[alternate_email]", d->email[1]);
    wb_set_named_value(p, "main_location[telephone]", d->work_phone);
    wb_set_named_value(p, "main_location[mobile]", d->mobile);
    wb_set_named_value(p, "main_location[fax]", d->fax);
    wb_set_named_value(p, "main_location[street_address]", d->street);
    wb_set_named_value(p, "main_location[town]", d->town);
    wb_set_named_value(p, "main_location[postcode]", d->postcode);
    wb_set_named_value(p, "main_location[country]", d->country);
    wb_set_named_value(p, "home_location[telephone]", d->home_phone);
    p->employer = wb_org_named(d->company, true);
    p->queue = d->crm_queue ? FIRST_QUEUE + d->crm_queue - 1 : UNASSIGNED;
    p->updated_s -= 86400 * 30 - (int64_t)i * 600; /* over the past month */
    /* A few differ from what the mailboxes have. */
    if (d->in_mailbox[0] && i % 10 == 3)
        wb_set_named_value(p, "person_job_title", "Consultant");
    if (d->in_mailbox[0] && i % 10 == 5)
        wb_set_named_value(p, "main_location[mobile]", "");
}

void wb_start(const char *base)
{
    const struct sb_person *all;
    size_t n = sb_people(&all);
    (void)base;
    for (size_t i = 0; i < n; i++)
        if (all[i].in_crm)
            add_demo(&all[i], i);
        else
            wb_org_named(i % 4 ? all[i].company : NULL, true);
    for (unsigned i = 0; sb_load.on && i < sb_load.employers; i++) {
        char name[48];
        snprintf(name, sizeof(name), "Employer %u Ltd", i);
        wb_org_named(name, true);
    }
}
