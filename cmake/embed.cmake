# The migrations of the store, embedded into the program.
#
# Included, it defines vc_embed_migrations(); run with -DFILES= -DOUT= it writes the C file.
# Files are named NNNN-what-it-does.sql and numbered from 0001 without gaps. The C file defines the
# two symbols that kg-store/schema.h declares: vc_migrations[] {version, name, sql}, in order, and
# vc_migrations_count. The name is the file's without ".sql"; the sql ends with a NUL.
if(NOT CMAKE_SCRIPT_MODE_FILE)
    set(VC_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

    # Put the C file made of @folder/*.sql into the variable @result; empty without files.
    function(vc_embed_migrations folder result)
        file(GLOB files CONFIGURE_DEPENDS ${folder}/*.sql)
        if(NOT files)
            message(NOTICE "${folder} holds no .sql files: no migrations to embed")
            set(${result} "" PARENT_SCOPE)
            return()
        endif()
        set(out ${PROJECT_BINARY_DIR}/generated/migrations.c)
        add_custom_command(OUTPUT ${out}
            COMMAND ${CMAKE_COMMAND} "-DFILES=${files}" -DOUT=${out} -P ${VC_EMBED_SCRIPT}
            DEPENDS ${files} ${VC_EMBED_SCRIPT}
            COMMENT "Embedding migrations" VERBATIM)
        set(${result} ${out} PARENT_SCOPE)
    endfunction()
    return()
endif()

set(texts "")
set(rows "")
set(count 0)
list(SORT FILES)
foreach(file IN LISTS FILES)
    get_filename_component(name ${file} NAME_WLE)
    math(EXPR count "${count} + 1")
    if(NOT name MATCHES "^([0-9][0-9][0-9][0-9])-[a-z0-9-]+$")
        message(FATAL_ERROR "${file}: a migration is named NNNN-what-it-does.sql")
    endif()
    math(EXPR expected "10000 + ${count}")
    if(NOT expected EQUAL "1${CMAKE_MATCH_1}")
        message(FATAL_ERROR "${file}: migration number ${count} was expected here; close the gap")
    endif()
    # An array of characters, because a string literal may not be longer than 4,095 of them.
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "(................)" "\\1\n    " bytes "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
    string(APPEND texts "static const char sql_${count}[] = {\n    ${bytes}'\\0',\n};\n\n")
    string(APPEND rows "    {${count}, \"${name}\", sql_${count}},\n")
endforeach()
file(WRITE ${OUT} "/* Written by the build from kg-store/migrations. */\n"
    "#include \"kg-store/schema.h\"\n\n${texts}"
    "const struct vc_migration vc_migrations[] = {\n${rows}};\n\n"
    "const size_t vc_migrations_count = sizeof vc_migrations / sizeof vc_migrations[0];\n")
