# The connector's own parts, as one static library: the module exports one symbol only.
set(ews ${PROJECT_SOURCE_DIR}/plugins/ews)
add_library(wess_ews_parts STATIC EXCLUDE_FROM_ALL ${ews}/ews.c ${ews}/settings.c
    ${ews}/signin.c ${ews}/discover.c ${ews}/discover_read.c ${ews}/discover_json.c ${ews}/srv.c ${ews}/versions.c ${ews}/notes.c ${ews}/categories.c ${ews}/probe.c ${ews}/session.c ${ews}/soap.c
    ${ews}/codes.c ${ews}/kinds.c ${ews}/contact_fields.c ${ews}/task.c ${ews}/event.c
    ${ews}/message.c ${ews}/mailfolders.c ${ews}/mime.c ${ews}/attach.c ${ews}/mime_cut.c ${ews}/photo.c
    ${ews}/zones.c ${ews}/occurrence.c ${ews}/rewrite.c ${ews}/recur.c
    ${ews}/item.c ${ews}/put.c ${ews}/contact.c ${ews}/refuse.c ${ews}/folders.c ${ews}/sync.c
    ${ews}/fetch.c ${ews}/find.c ${ews}/write.c ${ews}/stream.c ${ews}/watch.c)
target_include_directories(wess_ews_parts PUBLIC ${ews})
target_link_libraries(wess_ews_parts PUBLIC wess_sdk_http wess_sdk_xml wess_sdk_zone wess_sdk_helpers
    wess_sdk_oauth PkgConfig::ICAL PRIVATE wess_flags PkgConfig::CURL PkgConfig::CRYPTO PkgConfig::JANSSON resolv)
wess_unit(test_xml SOURCES test_xml.c LIBS wess_sdk_xml)
foreach(test codes stream soap item contact discover sign_in recur event mime)
    wess_unit(test_ews_${test} SOURCES test_ews_${test}.c LIBS wess_ews_parts wess_testhost)
endforeach()
wess_unit(test_ews_captures SOURCES test_ews_captures.c LIBS wess_ews_parts wess_testhost)
foreach(test codes captures)
    target_compile_definitions(test_ews_${test} PRIVATE
        WESS_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
endforeach()
wess_unit(test_token SOURCES test_token.c LIBS wess_sdk_oauth)
wess_unit(test_http_trace SOURCES test_http_trace.c LIBS wess_sdk_http)
wess_unit(test_jwt SOURCES test_jwt.c LIBS wess_sdk_oauth PkgConfig::CRYPTO PkgConfig::JANSSON)
