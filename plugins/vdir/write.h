/* What the halves of writing share: a batch is made ready, made durable, then put in place. */
#ifndef VDIR_WRITE_H
#define VDIR_WRITE_H

#include "vdir.h"

#define VDIR_TEMP_CAP 32u
#define VDIR_SYNC_EACH 8u /* files up to which fsync() of each is quicker than syncfs() */

struct vdir_job { /* one op of a batch */
    struct wess_call *call;
    const struct wess_op *op;
    struct wess_result *out;
    int dir, aside;           /* where temporary files lie: the same, or a folder in it */
    bool wanted;              /* its bytes are known, and are to be written aside */
    bool ready, placed;       /* written aside, or to be removed; put in place */
    int error;                /* errno of what could not be written aside */
    bool doubtful;            /* it is not known which content stands there */
    bool sync;                /* each file by itself */
    char temp[VDIR_TEMP_CAP]; /* its temporary file; "": none */
    const char *name;         /* the file it is about */
    const char *found;        /* of a create that is tried again: what bears its stamp already */
    struct stat was;          /* of an update or deletion: the file that was compared */
    struct stat made;         /* of a create or update: the temporary file, written */
    struct lines_buf bytes;   /* of a create or update: what is to stand there */
    struct wess_item *now;    /* the same as an item */
};

/* ---- write.c
 * ------------------------------------------------------------------------------------------ */

/* What the op makes of its file: the bytes, and what they show; or a result that says why not. */
enum wess_code vdir_make_ready(struct vdir_job *);
/* The answer to a create that was found to be there already. */
enum wess_code vdir_found(struct vdir_job *, const char *name);

/* ---- again.c
 * ------------------------------------------------------------------------------------------ */

/* Of a file that is to bear the stamp. NULL: spent. */
const char *vdir_new_name(struct vdir_job *, const char *stamp);
enum wess_code vdir_look_again(struct wess_call *, struct vdir_job *, size_t n); /* sets `found` */

/* ---- place.c: temporary files, and putting them in place
 * ------------------------------------------------------------------------------------------ */

bool vdir_bears_stamp(struct vdir_job *, const char *name);  /* that of the op */
bool vdir_is_file(const struct stat *, const struct stat *); /* the same one, not written since */
bool vdir_temp_name(char out[VDIR_TEMP_CAP]);                /* one that nobody has */
/* Never over a file that is there. 0, or -1 with errno. */
int vdir_rename_new(int aside, const char *from, int dir, const char *to);
/* A folder for temporary files. -1: errno. */
int vdir_aside_make(int dir, char name[VDIR_TEMP_CAP]);
void vdir_aside_drop(struct wess_call *, int dir, const char *name); /* "": none */
bool vdir_write_all(int fd, const char *data, size_t len);           /* false: errno */
bool vdir_temp_write(struct vdir_job *);                             /* false: errno */
void vdir_temp_drop(struct vdir_job *);                              /* what was not put in place */
void vdir_tidy(struct wess_call *, int dir); /* what a killed process left */
/* Each sets `placed`, or a result that says why not. Another code than WESS_OK ends the batch. */
enum wess_code vdir_place_new(struct vdir_job *);
enum wess_code vdir_place_changed(struct vdir_job *);
enum wess_code vdir_remove(struct vdir_job *);

#endif
