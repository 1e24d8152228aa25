# base/version.h in the build tree, rewritten only when the text changes.
#
# A release tag (v1.2.3) on the checked out commit gives "1.2.3", any other commit "1.2.3+<commit>"
# with "-dirty" behind it when files differ; a tree without git gives the plain number.
if(NOT CMAKE_SCRIPT_MODE_FILE)
    find_program(VC_GIT git)
    add_custom_target(vc_version
        COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DVERSION=${PROJECT_VERSION}
            -DOUT=${PROJECT_BINARY_DIR}/include/base/version.h -DGIT=${VC_GIT}
            -P ${CMAKE_CURRENT_LIST_FILE}
        BYPRODUCTS ${PROJECT_BINARY_DIR}/include/base/version.h
        COMMENT "Checking the version" VERBATIM)
    return()
endif()

set(commit "")
if(GIT AND EXISTS ${SOURCE}/.git)
    execute_process(COMMAND ${GIT} -C ${SOURCE} describe --tags --exact-match --dirty
        OUTPUT_VARIABLE tag ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT tag STREQUAL "v${VERSION}")
        execute_process(COMMAND ${GIT} -C ${SOURCE} describe --always --dirty --exclude=*
            OUTPUT_VARIABLE commit ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    endif()
endif()
if(commit)
    string(APPEND VERSION "+${commit}")
endif()
file(CONFIGURE OUTPUT ${OUT} @ONLY CONTENT [[
/* version.h - written by the build. */
#ifndef VC_BASE_VERSION_H
#define VC_BASE_VERSION_H

#define VC_VERSION "@VERSION@"

#endif
]])
