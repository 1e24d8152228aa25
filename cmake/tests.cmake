# Tests: tests/<folder>/test_*.c, *.test.py and *.test.sh. CONTRIBUTING.md explains the rules.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

set(VC_TEST_TIMEOUT_S 300)
set(VC_TEST_LONG_TIMEOUT_S 3600)
set(VC_TEST_LIBRARIES
    base=vc_base learning=vc_learning scoring=vc_scoring store=vc_kg bridge=vc_nats core=vc_core sim=vc_core
    service=vc_service dashboard=vc_http cli=vc_base)

# Register @name (<folder>/<what>). Long tests run on request only: make test-long.
function(vc_add_test name)
    add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    get_filename_component(labels ${name} DIRECTORY)
    set(timeout_s ${VC_TEST_TIMEOUT_S})
    if(name MATCHES "_long$")
        list(APPEND labels long)
        set(timeout_s ${VC_TEST_LONG_TIMEOUT_S})
    endif()
    set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${timeout_s}
        SKIP_REGULAR_EXPRESSION "SKIPPED: "
        ENVIRONMENT "VAPORA_COORD=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/vapora-coord;\
VC_RELEASE_DIR=${PROJECT_SOURCE_DIR}/build;VC_CHAOS_LOAD=${PROJECT_BINARY_DIR}/tests/chaos-load;\
PYTHONDONTWRITEBYTECODE=1;UBSAN_OPTIONS=print_stacktrace=1")
endfunction()

# Helpers that several tests share.
vc_sources(tests/support support)
vc_folder(vc_test_support FILES ${support} LINK vc_base PkgConfig::CMOCKA)

foreach(entry IN LISTS VC_TEST_LIBRARIES)
    string(REPLACE "=" ";" entry ${entry})
    list(GET entry 0 folder)
    list(GET entry 1 library)
    file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${folder}/test_*.c)
    foreach(file IN LISTS files)
        get_filename_component(what ${file} NAME_WE)
        add_executable(${folder}-${what} ${file})
        set_target_properties(${folder}-${what} PROPERTIES
            RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
        target_link_libraries(${folder}-${what} PRIVATE vc_test_support ${library} vc_build)
        string(REGEX REPLACE "^test_" "" what ${what})
        vc_add_test(${folder}/${what} ${folder}-test_${what})
    endforeach()
endforeach()

# The load of the chaos runs: submitter and agents, driven by tests/chaos/driver.
vc_sources(tests/chaos load)
add_executable(chaos-load ${load})
set_target_properties(chaos-load PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_link_libraries(chaos-load PRIVATE vc_nats vc_build)

foreach(kind py=python3 sh=sh)
    string(REPLACE "=" ";" kind ${kind})
    list(GET kind 0 suffix)
    list(GET kind 1 interpreter)
    file(GLOB files CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/tests
        ${PROJECT_SOURCE_DIR}/tests/*/*.test.${suffix})
    list(FILTER files EXCLUDE REGEX "^support/")
    foreach(file IN LISTS files)
        string(REPLACE ".test.${suffix}" "" name ${file})
        vc_add_test(${name} ${interpreter} tests/${file})
    endforeach()
endforeach()
