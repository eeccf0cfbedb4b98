// The command line.
#pragma once

namespace holdfast {

// Exit status: 0 done, 1 failed (one sentence on standard error), 2 not understood; as a client see
// client/client.hpp.
int run_cli(int argc, char** argv);

}  // namespace holdfast
