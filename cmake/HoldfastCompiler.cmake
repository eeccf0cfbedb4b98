# Language, warnings, hardening and sanitizers for every target.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(holdfast_compiler INTERFACE)
target_include_directories(holdfast_compiler INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(holdfast_compiler INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wimplicit-fallthrough
  -fno-omit-frame-pointer -fstack-protector-strong
  # Paths in assertions and debug information are relative: two clones share their objects.
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
if(HOLDFAST_WERROR)
  target_compile_options(holdfast_compiler INTERFACE -Werror)
endif()
target_link_options(holdfast_compiler INTERFACE -fuse-ld=lld -Wl,--as-needed -Wl,-z,relro,-z,now)

if(HOLDFAST_SANITIZE)
  target_compile_options(holdfast_compiler INTERFACE
    -fsanitize=${HOLDFAST_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(holdfast_compiler INTERFACE -fsanitize=${HOLDFAST_SANITIZE})
  target_compile_definitions(holdfast_compiler INTERFACE HOLDFAST_SANITIZED=1)
elseif(NOT HOLDFAST_COVERAGE)
  target_compile_definitions(holdfast_compiler INTERFACE _FORTIFY_SOURCE=2)
  target_link_options(holdfast_compiler INTERFACE -pie)
endif()
if(HOLDFAST_FUZZ)
  # Coverage feedback in the libraries; main() comes with the fuzz executables alone.
  target_compile_options(holdfast_compiler INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(HOLDFAST_COVERAGE)
  target_compile_options(holdfast_compiler INTERFACE -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(holdfast_compiler INTERFACE -fprofile-instr-generate)
endif()
