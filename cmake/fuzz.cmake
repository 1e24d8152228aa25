# Fuzz targets: tests/fuzz/fuzz_<target>.c, each a libFuzzer program <build>/fuzz/<target>.
if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "VC_FUZZ needs clang, which has libFuzzer: cmake --preset fuzz")
endif()

# The commands as a library: their parsers are fuzzed too.
set(commands ${cli})
list(FILTER commands EXCLUDE REGEX "/main\\.c$")
vc_folder(vc_cli FILES ${commands} LINK vc_service vc_http)

file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_*.c)
foreach(file IN LISTS files)
    get_filename_component(what ${file} NAME_WE)
    add_executable(${what} ${file})
    string(REGEX REPLACE "^fuzz_" "" target ${what})
    set_target_properties(${what} PROPERTIES OUTPUT_NAME ${target}
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
    target_link_libraries(${what} PRIVATE vc_cli vc_build)
    target_link_options(${what} PRIVATE -fsanitize=fuzzer)
endforeach()
