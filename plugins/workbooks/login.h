/* A session of a user with name and password: in the place of the key. Its cookie, which changes
 * with every answer, is libcurl's affair; a token of it goes with every change. */
#ifndef WORKBOOKS_LOGIN_H
#define WORKBOOKS_LOGIN_H

#include "wb.h"

/* Reads the settings. false: *e tells what is wrong with them. */
bool wb_login_open(struct wess_conn *, struct wess_error *e);
/* Signs in, unless a session is there. */
enum wess_code wb_login(struct wess_call *);
/* Whether an answer says that the session is over, rather than that somebody has to wait. */
bool wb_is_over(const struct http_response *);
/* What is refused, by its name. */
void wb_login_named(const struct wess_conn *, struct wess_error *, enum wess_code);
void wb_login_forget(struct wess_conn *); /* it is over */
void wb_logout(struct wess_conn *);       /* as far as it is reached */

#endif
