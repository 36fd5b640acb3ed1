wess_fuzz_target(xml CAPTURES ews LIBS wess_sdk_xml)
wess_fuzz_target(form LIBS wess_sdk_form)
wess_fuzz_target(http LIBS wess_sdk_helpers PkgConfig::CURL Threads::Threads)
target_include_directories(fuzz_http PRIVATE ${PROJECT_SOURCE_DIR}/sdk/src)
