# holdfast_embed(<out.cpp> <namespace::kName> <file>...)
#
# Makes files a part of the program: <out.cpp> is a source that defines the list <namespace::kName> of
# EmbeddedFile (base/embedded.hpp). A header of the module declares it.
function(holdfast_embed out name)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_SOURCE_DIR}/tools/embed ${out} ${name} ${ARGN}
    DEPENDS ${CMAKE_SOURCE_DIR}/tools/embed ${ARGN}
    VERBATIM)
  # Longer than the standard has every compiler take.
  set_source_files_properties(${out} PROPERTIES COMPILE_OPTIONS -Wno-overlength-strings)
endfunction()
