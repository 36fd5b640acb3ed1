# The connector's own parts, as one static library: the module exports one symbol only.
set(vdir ${PROJECT_SOURCE_DIR}/plugins/vdir)
add_library(wess_vdir_parts STATIC EXCLUDE_FROM_ALL ${vdir}/vcard.c ${vdir}/vcard_write.c)
target_include_directories(wess_vdir_parts PUBLIC ${vdir})
target_link_libraries(wess_vdir_parts PUBLIC wess_sdk_helpers PRIVATE wess_flags)
wess_unit(test_vdir_vcard SOURCES test_vdir_vcard.c LIBS wess_vdir_parts)
