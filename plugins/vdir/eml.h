/* The collection "messages": .eml files beside the cards. */
#ifndef VDIR_EML_H
#define VDIR_EML_H

#include "vdir.h"

#define EML_AT_ONCE 400u
/* Filed and never touched again. */
#define EML_CAPS (WESS_CAP_CREATE | WESS_CAP_STAMP | WESS_CAP_SILENT)

/* "messages"; with categories where the file system has a place for them. */
enum wess_code eml_describe(struct wess_call *, struct wess_collection *out);
bool eml_is_asked(const struct wess_call *); /* the call is of that collection */
enum wess_code eml_changes(struct wess_call *, struct wess_slice, uint32_t, struct wess_page *);
enum wess_code eml_fetch(struct wess_call *, struct wess_list, struct wess_result *);
enum wess_code eml_find(struct wess_call *, const struct wess_key *, size_t, struct wess_page *);
enum wess_code eml_apply(struct wess_call *, const struct wess_op *, size_t, struct wess_result *);

#endif
