# One folder of the source tree, one static library.

# Put the .c files of @folder into the variable @result; the build notices files that come and go.
function(vc_sources folder result)
    file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.c)
    set(${result} ${files} PARENT_SCOPE)
endfunction()

# vc_folder(name FILES file... LINK library...): a static library. A folder without .c files
# becomes an empty interface library, so that whoever links it still configures.
function(vc_folder name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "FILES;LINK")
    if(NOT arg_FILES)
        message(NOTICE "${name}: its folder holds no .c files; the library is empty")
        add_library(${name} INTERFACE)
        target_link_libraries(${name} INTERFACE ${arg_LINK})
        return()
    endif()
    add_library(${name} STATIC ${arg_FILES})
    target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/include)
    target_link_libraries(${name} PUBLIC ${arg_LINK} PRIVATE vc_build)
    add_dependencies(${name} vc_version)
endfunction()
