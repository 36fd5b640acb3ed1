wess_parts(vdir)
foreach(test vcard item edit photo file names head chance)
    wess_unit(test_vdir_${test} SOURCES test_vdir_${test}.c LIBS wess_vdir_parts wess_testhost)
endforeach()
foreach(test ics series)
    wess_unit(test_vdir_${test} SOURCES test_vdir_${test}.c LIBS wess_vdir_parts wess_testhost
        wess_model)
endforeach()
