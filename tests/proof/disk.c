#include "disk.h"

#include "faultvfs.h"

void disk_begin(const struct disk *d)
{
    static const enum fault_how how[] = {[DISK_WELL] = FAULT_IO,
                                         [DISK_FULL] = FAULT_FULL,
                                         [DISK_BROKEN] = FAULT_IO,
                                         [DISK_POWER] = FAULT_CUT};
    /* Mostly all of it is lost; else the first part stays, or what was written later. */
    static const enum fault_keep keep[] = {KEEP_NOTHING, KEEP_SOME, KEEP_NOTHING,
                                           KEEP_EVERY_SECOND};
    struct fault_plan plan = {.how = how[d->how],
                              .calls = FAULT_ANY,
                              .at = (unsigned)d->at,
                              .ends = true,
                              .keep = keep[d->keep % 4],
                              .some = d->keep / 4};
    faultvfs_install();
    faultvfs_plan(&plan);
}

void disk_end(struct disk *d)
{
    d->ops = (int)faultvfs_counted();
}

_Noreturn void disk_power_off(void)
{
    faultvfs_power_off();
}
