# Boost.Asio and Boost.Beast, compiled once instead of in every file that includes them, and a
# precompiled header of the pieces that the edge uses.
file(WRITE ${CMAKE_BINARY_DIR}/generated/boost_separate.cpp
"#include <boost/asio/impl/src.hpp>\n#include <boost/beast/src.hpp>\n")
add_library(holdfast_boost STATIC ${CMAKE_BINARY_DIR}/generated/boost_separate.cpp)
target_compile_definitions(holdfast_boost PUBLIC
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)
target_link_libraries(holdfast_boost PUBLIC Boost::headers Threads::Threads)
# Sanitizers and prefix maps, but not our warnings.
target_compile_options(holdfast_boost PRIVATE $<TARGET_PROPERTY:holdfast_compiler,INTERFACE_COMPILE_OPTIONS> -w)

file(WRITE ${CMAKE_BINARY_DIR}/generated/pch_asio.cpp "")
add_library(holdfast_pch_asio OBJECT ${CMAKE_BINARY_DIR}/generated/pch_asio.cpp)
target_link_libraries(holdfast_pch_asio PUBLIC holdfast_compiler holdfast_boost fmt::fmt)
target_precompile_headers(holdfast_pch_asio PRIVATE
  <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp> <boost/asio/io_context.hpp>
  <boost/asio/ip/tcp.hpp> <boost/asio/local/stream_protocol.hpp> <boost/asio/post.hpp>
  <boost/asio/steady_timer.hpp> <boost/asio/use_awaitable.hpp> <boost/asio/this_coro.hpp>
  <functional> <map> <memory> <optional> <span> <string> <string_view> <vector> <fmt/format.h>)
target_compile_options(holdfast_pch_asio PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
