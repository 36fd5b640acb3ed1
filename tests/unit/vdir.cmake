# The connector's own parts, as one static library: the module exports one symbol only.
set(vdir ${PROJECT_SOURCE_DIR}/plugins/vdir)
add_library(wess_vdir_parts STATIC EXCLUDE_FROM_ALL ${vdir}/vdir.c ${vdir}/lines.c
    ${vdir}/lines_write.c ${vdir}/vcard.c ${vdir}/fields.c ${vdir}/records.c ${vdir}/item.c ${vdir}/photo.c ${vdir}/edit.c
    ${vdir}/edit_records.c ${vdir}/file.c ${vdir}/names.c ${vdir}/list.c ${vdir}/read.c ${vdir}/find.c ${vdir}/write.c
    ${vdir}/place.c ${vdir}/eml.c ${vdir}/eml_tags.c ${vdir}/ics.c ${vdir}/ics_time.c ${vdir}/ics_zone.c ${vdir}/ics_param.c ${vdir}/ics_fields.c ${vdir}/ics_item.c ${vdir}/ics_people.c ${vdir}/ics_rdate.c ${vdir}/ics_attach.c ${vdir}/ics_series.c ${vdir}/ics_edit.c)
target_include_directories(wess_vdir_parts PUBLIC ${vdir})
target_link_libraries(wess_vdir_parts PUBLIC wess_sdk_helpers wess_sdk_zone PkgConfig::ICAL PkgConfig::NETTLE
    PRIVATE wess_flags)
foreach(test vcard item edit photo file names chance)
    wess_unit(test_vdir_${test} SOURCES test_vdir_${test}.c LIBS wess_vdir_parts wess_testhost)
endforeach()
foreach(test ics series)
    wess_unit(test_vdir_${test} SOURCES test_vdir_${test}.c LIBS wess_vdir_parts wess_testhost
        wess_model)
endforeach()
