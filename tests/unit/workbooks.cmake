# The connector's own parts, as one static library: the module exports one symbol only.
set(workbooks ${PROJECT_SOURCE_DIR}/plugins/workbooks)
add_library(wess_workbooks_parts STATIC EXCLUDE_FROM_ALL ${workbooks}/session.c
    ${workbooks}/fields.c ${workbooks}/list.c ${workbooks}/queues.c
    ${workbooks}/cursor.c ${workbooks}/columns.c
    ${workbooks}/verdict.c ${workbooks}/write.c ${workbooks}/employer.c ${workbooks}/html.c
    ${workbooks}/workbooks.c ${workbooks}/kinds.c ${workbooks}/people.c ${workbooks}/activity.c
    ${workbooks}/task.c ${workbooks}/meeting.c ${workbooks}/words.c ${workbooks}/when.c
    ${workbooks}/upload.c ${workbooks}/links.c ${workbooks}/meta.c ${workbooks}/meta_check.c ${workbooks}/custom.c ${workbooks}/pace.c ${workbooks}/email.c)
target_include_directories(wess_workbooks_parts PUBLIC ${workbooks})
target_link_libraries(wess_workbooks_parts PUBLIC wess_sdk_http wess_sdk_form wess_sdk_helpers wess_sdk_zone
    PkgConfig::JANSSON PRIVATE wess_flags)
foreach(test text cursor item when)
    wess_unit(test_wb_${test} SOURCES test_wb_${test}.c LIBS wess_workbooks_parts wess_testhost)
endforeach()
