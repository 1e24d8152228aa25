# vc_build: how every file of ours is compiled and linked. Link it PRIVATE.
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)

add_library(vc_build INTERFACE)
target_compile_features(vc_build INTERFACE c_std_17)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
target_compile_definitions(vc_build INTERFACE _GNU_SOURCE)
target_compile_options(vc_build INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
    -Wformat=2 -Wundef -Wswitch-enum -Wcast-qual -Wwrite-strings
    # Error texts and names are cut to their buffers on purpose.
    $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>
    $<$<BOOL:${VC_WERROR}>:-Werror>)

if(VC_FAILPOINTS)
    target_compile_definitions(vc_build INTERFACE VC_FAILPOINTS)
endif()

if(VC_SANITIZE STREQUAL "address")
    set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(VC_SANITIZE STREQUAL "fuzzer")
    set(sanitizers -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
elseif(VC_SANITIZE STREQUAL "thread")
    set(sanitizers -fsanitize=thread)
elseif(VC_SANITIZE STREQUAL "off")
    set(sanitizers)
else()
    message(FATAL_ERROR "VC_SANITIZE is '${VC_SANITIZE}'; it must be address, fuzzer, thread or off")
endif()
if(sanitizers)
    target_compile_options(vc_build INTERFACE ${sanitizers} -fno-omit-frame-pointer)
    target_link_options(vc_build INTERFACE ${sanitizers})
endif()

if(VC_COVERAGE)
    target_compile_options(vc_build INTERFACE --coverage)
    target_link_options(vc_build INTERFACE --coverage)
endif()

# Hardening needs an optimising build and gets in the way of sanitizers.
if(NOT sanitizers AND NOT VC_COVERAGE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    # Level 3 needs gcc 12 or clang 9 and a glibc that knows it; older ones warn and take 2.
    set(CMAKE_REQUIRED_FLAGS "-O2 -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
    check_c_source_compiles("#include <string.h>\nint main(void) { return 0; }" VC_HAVE_FORTIFY_3)
    unset(CMAKE_REQUIRED_FLAGS)
    set(level $<IF:$<BOOL:${VC_HAVE_FORTIFY_3}>,3,2>)
    target_compile_options(vc_build INTERFACE
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=${level} -fstack-protector-strong)
    foreach(flag -fstack-clash-protection -fcf-protection) # not on every processor
        string(MAKE_C_IDENTIFIER "VC_HAVE${flag}" known)
        check_c_compiler_flag(${flag} ${known})
        if(${known})
            target_compile_options(vc_build INTERFACE ${flag})
        endif()
    endforeach()
    target_link_options(vc_build INTERFACE -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
