if(NOT WESS_SANDBOX)
    return()
endif()
pkg_check_modules(FUZZ_HTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(FUZZ_NETTLE REQUIRED IMPORTED_TARGET nettle)
pkg_check_modules(FUZZ_GNUTLS REQUIRED IMPORTED_TARGET gnutls)
# All but the program and its frame; that comes with rehearsal.c.
set(sandbox ${PROJECT_SOURCE_DIR}/sdk/sandbox)
file(GLOB sandbox_sources CONFIGURE_DEPENDS ${sandbox}/*.c)
list(FILTER sandbox_sources EXCLUDE REGEX "/(main|server)\\.c$")
add_library(wess_fuzz_sandbox STATIC EXCLUDE_FROM_ALL ${sandbox_sources} rehearsal.c)
target_include_directories(wess_fuzz_sandbox PUBLIC ${sandbox})
target_link_libraries(wess_fuzz_sandbox PUBLIC wess_fuzz PkgConfig::FUZZ_HTTPD
    PkgConfig::FUZZ_NETTLE PkgConfig::FUZZ_GNUTLS PkgConfig::XML2 PkgConfig::JANSSON PkgConfig::ICAL PkgConfig::ICU
    Threads::Threads PRIVATE wess_flags)
wess_fuzz_target(sandbox_ews CAPTURES ews LIBS wess_fuzz_sandbox)
wess_fuzz_target(sandbox_workbooks LIBS wess_fuzz_sandbox)
wess_fuzz_target(sandbox_control LIBS wess_fuzz_sandbox)
wess_fuzz_target(sandbox_entra LIBS wess_fuzz_sandbox)
