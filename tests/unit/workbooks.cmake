wess_parts(workbooks)
foreach(test text cursor item when)
    wess_unit(test_wb_${test} SOURCES test_wb_${test}.c LIBS wess_workbooks_parts wess_testhost)
endforeach()
