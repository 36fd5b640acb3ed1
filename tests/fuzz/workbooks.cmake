set(workbooks ${PROJECT_SOURCE_DIR}/plugins/workbooks)
add_library(wess_fuzz_workbooks STATIC EXCLUDE_FROM_ALL ${workbooks}/workbooks.c
    ${workbooks}/session.c ${workbooks}/fields.c ${workbooks}/list.c ${workbooks}/queues.c ${workbooks}/cursor.c
    ${workbooks}/write.c ${workbooks}/employer.c ${workbooks}/html.c)
target_include_directories(wess_fuzz_workbooks PUBLIC ${workbooks})
target_link_libraries(wess_fuzz_workbooks PUBLIC wess_sdk_helpers wess_sdk_form wess_sdk_http
    PkgConfig::JANSSON PRIVATE wess_flags)
wess_fuzz_target(workbooks SOURCES net.c slots.c LIBS wess_fuzz_workbooks wess_testhost)
wess_fuzz_target(workbooks_text LIBS wess_fuzz_workbooks wess_testhost)
